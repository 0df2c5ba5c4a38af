"""Fast tokenizers, which give the character offsets of tokens: of transformers' ones, also of Marian and M2M."""

import copy
from collections.abc import Sequence
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from interpret.errors import InputError

_NEVER = -1e6  # score of a piece that the source's SentencePiece model lacks


def sentence_pieces(tokenizer: Any) -> Tokenizer | None:
    """Builds a fast tokenizer for the source side of Marian or M2M; `None` for any other `tokenizer`.

    It normalises texts by the SentencePiece model's own table but looks it up differently, so accents on characters
    that stand for several can come out differently. Its ids must therefore be compared with those of `tokenizer`.

    Args:
        tokenizer: A transformers tokenizer with `spm_source` or `sp_model`, a unigram model, and `encoder`, the id of
            each piece.
    """
    source = getattr(tokenizer, "spm_source", None) or getattr(tokenizer, "sp_model", None)
    if source is None or not hasattr(tokenizer, "encoder"):
        return None
    languages: dict[str, int] = getattr(tokenizer, "lang_token_to_id", {})
    numbers = {**tokenizer.encoder, **languages}
    scores = {source.id_to_piece(index): source.get_score(index) for index in range(source.get_piece_size())}
    size = max(numbers.values()) + 1
    pieces = [(f"<unused {index}>", _NEVER) for index in range(size)]
    codes = [*getattr(tokenizer, "supported_language_codes", []), *languages]
    for piece, index in numbers.items():
        special = piece in tokenizer.all_special_tokens or piece in codes
        if piece in scores or special:
            pieces[index] = (piece, _NEVER if special else scores[piece])
    made = Tokenizer(models.Unigram(pieces, unk_id=tokenizer.unk_token_id))
    made.add_special_tokens([token for token in (*tokenizer.all_special_tokens, *codes) if token in numbers])
    table = _normalisation(source.serialized_model_proto())
    made.normalizer = normalizers.Sequence(
        [
            *([normalizers.NFC(), normalizers.Precompiled(table)] if table else []),
            normalizers.Replace(Regex(r"\A +| +\z"), ""),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    made.post_processor = _around(tokenizer)
    return made


def ids_as_written(name: str, tokenizer: Any, text: str, ours: Sequence[int], cut: dict[str, Any]) -> list[int]:
    """Ids of a source by transformers' tokenizer, which must agree with the one that gives offsets.

    They may differ at pieces that transformers' tokenizer maps to unknown.

    Args:
        name: The user's name for the model.
        tokenizer: The transformers tokenizer.
        text: The source.
        ours: Its ids by the tokenizer that gives offsets.
        cut: Truncation options.

    Raises:
        InputError: The two tokenize it differently.
    """
    theirs: list[int] = tokenizer(text, **cut).input_ids
    unknown = tokenizer.unk_token_id
    if len(theirs) != len(ours) or any(one not in (other, unknown) for one, other in zip(ours, theirs, strict=True)):
        raise InputError(
            f"where the tokens of this source stand in it can't be told for {name}: its tokenizer cuts it in "
            "a way of its own, as happens where accents stand on characters that have none; take these out"
        )
    return theirs


def _around(tokenizer: Any) -> processors.TemplateProcessing:
    """Post-processor that adds the special tokens a transformers tokenizer puts before and after a text."""
    text = -1  # the id of no token
    ids = tokenizer.build_inputs_with_special_tokens([text])
    names = {number: tokenizer.convert_ids_to_tokens(number) for number in ids if number != text}
    single = " ".join("$A" if number == text else names[number] for number in ids)
    return processors.TemplateProcessing(single=single, special_tokens=[(name, n) for n, name in names.items()])


def _normalisation(model: bytes) -> bytes:
    """Normalisation table of a SentencePiece model; empty if it doesn't normalise texts.

    Source: sentencepiece_model.proto: `ModelProto.normalizer_spec` is field 3, `precompiled_charsmap` in it field 2.
    """
    specification = _fields(model).get(3, b"")
    return _fields(specification).get(2, b"")


def _fields(message: bytes) -> dict[int, bytes]:
    """Byte fields of a protocol buffer message, by field number; the last one of those that repeat."""
    found, place = {}, 0
    while place < len(message):
        key, place = _number(message, place)
        if key & 7 == 2:  # bytes, after their length
            length, place = _number(message, place)
            found[key >> 3] = message[place : place + length]
            place += length
        elif key & 7 == 0:
            _, place = _number(message, place)
        else:
            place += {1: 8, 5: 4}[key & 7]
    return found


def _number(message: bytes, place: int) -> tuple[int, int]:
    """Decodes a protocol buffer varint, low bits first; returns it with the place after it."""
    value, shift = 0, 0
    while message[place] & 128:
        value |= (message[place] & 127) << shift
        place, shift = place + 1, shift + 7
    return value | message[place] << shift, place + 1


def fast_tokenizer(name: str, tokenizer: Any) -> Tokenizer:
    """Returns the tokenizers-library tokenizer inside a transformers tokenizer.

    Raises:
        InputError: There is none, or its vocabulary is empty.
    """
    fast = getattr(tokenizer, "backend_tokenizer", None)
    if not isinstance(fast, Tokenizer):
        raise InputError(
            f"{name} has no fast tokenizer (its {type(tokenizer).__name__} doesn't say where in the text its tokens "
            "stand); save one as tokenizer.json, or use another model"
        )
    if set(fast.get_vocab(with_added_tokens=False)) <= set(tokenizer.all_special_tokens):
        raise InputError(
            f"the tokenizer of {name} knows no words; put the tokenizer files of this model into its folder"
        )
    return fast


def own_tokenizer(name: str, tokenizer: Tokenizer) -> Tokenizer:
    """Copies a tokenizer without padding and truncation; the user's stays as it is.

    Raises:
        InputError: It can't be copied, and pads or truncates.
    """
    try:
        copied: Tokenizer = copy.deepcopy(tokenizer)
    except Exception as error:  # parts that are written in Python can't be copied
        if tokenizer.padding or tokenizer.truncation:
            raise InputError(
                f"the tokenizer of {name} pads or cuts texts and has parts that can't be copied; call its no_padding() "
                "and no_truncation() first"
            ) from error
        return tokenizer
    copied.no_padding()
    copied.no_truncation()
    return copied
