"""Tokenizers that say where in the text their tokens stand."""

from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from interpret.errors import InputError

_NEVER = -1e6  # score of a piece that the source's model doesn't have


def sentence_pieces(tokenizer: Any) -> Tokenizer | None:
    """The source side of a Marian or M2M tokenizer; `None` where `tokenizer` is of another kind.

    A text is normalised by the table that the model has for it, which SentencePiece looks up in another way: accents on
    characters that stand for several can come out otherwise. So what this gives must be held against the ids that
    `tokenizer` itself gives.

    Args:
        tokenizer: Of transformers, with `spm_source` or `sp_model`, a unigram model, and `encoder`, the number of each
            piece.
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


def _around(tokenizer: Any) -> processors.TemplateProcessing:
    """The special tokens that a tokenizer of transformers puts before and after a text."""
    text = -1  # the id of no token
    ids = tokenizer.build_inputs_with_special_tokens([text])
    names = {number: tokenizer.convert_ids_to_tokens(number) for number in ids if number != text}
    single = " ".join("$A" if number == text else names[number] for number in ids)
    return processors.TemplateProcessing(single=single, special_tokens=[(name, n) for n, name in names.items()])


def _normalisation(model: bytes) -> bytes:
    """The table by which a SentencePiece model normalises texts; empty where it leaves them as they are.

    Source: sentencepiece_model.proto: `ModelProto.normalizer_spec` is field 3, `precompiled_charsmap` in it field 2.
    """
    specification = _fields(model).get(3, b"")
    return _fields(specification).get(2, b"")


def _fields(message: bytes) -> dict[int, bytes]:
    """The fields of a protocol buffer that hold bytes, by number; of those that repeat, the last."""
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
    """A number of seven bits a byte, the last first, and the place after it."""
    value, shift = 0, 0
    while message[place] & 128:
        value |= (message[place] & 127) << shift
        place, shift = place + 1, shift + 7
    return value | message[place] << shift, place + 1


def fast_tokenizer(name: str, tokenizer: Any) -> Tokenizer:
    """The tokenizer of the tokenizers library that one of transformers has inside.

    Raises:
        InputError: It has none, or one that knows no words.
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
