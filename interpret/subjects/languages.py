"""Languages of multilingual translators, such as mBART, NLLB and M2M: their tokenizers mark texts by a code."""

from typing import Any

from interpret.errors import InputError

_SHOWN = 5


def set_languages(name: str, tokenizer: Any, source: str | None, target: str | None) -> None:
    """Tells a tokenizer which languages it reads and writes.

    Args:
        name: What the user called the model.
        tokenizer: Of transformers; changed.
        source: Code of the source's language, as the tokenizer spells it; by default as it is set.
        target: Code of the target's language.

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
    """Whether a tokenizer of transformers marks targets by their language."""
    return hasattr(tokenizer, "set_tgt_lang_special_tokens")


def require_target_language(name: str, tokenizer: Any) -> None:
    """Refuses a target whose language nobody said; it would be read as one of another.

    Raises:
        InputError: The tokenizer marks languages, and knows none for the target.
    """
    if is_multilingual(tokenizer) and getattr(tokenizer, "tgt_lang", None) is None:
        raise InputError(
            f"{name} writes several languages, and that of the target isn't said; give --target-language "
            f"(target_language= in Python), such as {_shown(codes_of(tokenizer))}"
        )


def first_token_of(tokenizer: Any) -> int | None:
    """The code that a target is written behind, where that is no token of it; `None` where nothing is.

    mBART's first models are started with the code; their tokenizer puts it at the end of a target, from where training
    moves it to the front. Later ones, NLLB and M2M have it as the first token that is written.
    """
    if not is_multilingual(tokenizer) or getattr(tokenizer, "tgt_lang", None) is None:
        return None
    code = _id_of(tokenizer, tokenizer.tgt_lang)
    return code if tokenizer(text_target="a").input_ids[-1] == code else None


def forced_language(tokenizer: Any, target: str | None) -> dict[str, int]:
    """What `generate` has to be told so that it writes a language; nothing where none is asked for."""
    if (start := first_token_of(tokenizer)) is not None:
        return {"decoder_start_token_id": start}
    return {} if target is None else {"forced_bos_token_id": _id_of(tokenizer, target)}


def codes_of(tokenizer: Any) -> list[str]:
    """The codes of all languages that a tokenizer knows."""
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
