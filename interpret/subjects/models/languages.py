"""Language codes of multilingual translators, such as mBART, NLLB and M2M."""

from typing import Any

from interpret.errors import InputError

_SHOWN = 5


def set_languages(name: str, tokenizer: Any, source: str | None, target: str | None) -> None:
    """Sets the source and target language of a tokenizer.

    Args:
        name: The user's name for the model.
        tokenizer: A transformers tokenizer; changed in place.
        source: Code of the source language, as the tokenizer spells it; by default left as it is.
        target: Code of the target language, likewise.

    Raises:
        InputError: The tokenizer knows no languages, or not these.
    """
    for option, code, attribute in (("source", source, "src_lang"), ("target", target, "tgt_lang")):
        if code is None:
            continue
        if not is_multilingual(tokenizer):
            raise InputError(
                f"the tokenizer of {name} marks no languages, so --{option}-language ({option}_language= in Python) "
                "means nothing; leave it out"
            )
        if code not in codes_of(tokenizer):
            raise InputError(
                f"the tokenizer of {name} knows no language {code!r}; it knows {_shown(codes_of(tokenizer))}"
            )
        setattr(tokenizer, attribute, code)


def is_multilingual(tokenizer: Any) -> bool:
    """Returns whether a transformers tokenizer marks targets by their language."""
    return hasattr(tokenizer, "set_tgt_lang_special_tokens")


def require_target_language(name: str, tokenizer: Any) -> None:
    """Raises if the target's language isn't set; it would be tokenized as another language.

    Raises:
        InputError: The tokenizer marks languages, and none is set for the target.
    """
    if is_multilingual(tokenizer) and getattr(tokenizer, "tgt_lang", None) is None:
        raise InputError(
            f"{name} writes several languages, and that of the target isn't said; give --target-language "
            f"(target_language= in Python), such as {_shown(codes_of(tokenizer))}"
        )


def first_token_of(tokenizer: Any) -> int | None:
    """Id of the language code that starts the decoder, if it isn't a token of the target; else `None`.

    The first mBART models start with the code; their tokenizer puts it at the end of a target, and training moves it to
    the front. Later mBART models, NLLB and M2M generate it as the first token.
    """
    if not is_multilingual(tokenizer) or getattr(tokenizer, "tgt_lang", None) is None:
        return None
    code = _id_of(tokenizer, tokenizer.tgt_lang)
    return code if tokenizer(text_target="a").input_ids[-1] == code else None


def forced_language(tokenizer: Any, target: str | None) -> dict[str, int]:
    """Options of `generate` that force the target language; empty if none is needed."""
    if (start := first_token_of(tokenizer)) is not None:
        return {"decoder_start_token_id": start}
    return {} if target is None else {"forced_bos_token_id": _id_of(tokenizer, target)}


def codes_of(tokenizer: Any) -> list[str]:
    """Codes of all languages that a tokenizer knows."""
    known = getattr(tokenizer, "lang_code_to_id", None)
    if known:
        return sorted(known)
    import sys

    listed = getattr(sys.modules[type(tokenizer).__module__], "FAIRSEQ_LANGUAGE_CODES", None) or []
    return [code for code in listed if tokenizer.convert_tokens_to_ids(code) != tokenizer.unk_token_id]


def _id_of(tokenizer: Any, code: str) -> int:
    known = getattr(tokenizer, "lang_code_to_id", None)
    return int(known[code] if known else tokenizer.convert_tokens_to_ids(code))


def _shown(codes: list[str]) -> str:
    return ", ".join(codes[:_SHOWN]) + (f" and {len(codes) - _SHOWN} more" if len(codes) > _SHOWN else "")
