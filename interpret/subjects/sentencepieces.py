"""Tokenizers that say where in the text their tokens stand."""

from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from interpret.errors import InputError

_NEVER = -1e6  # score of a piece that the source's model doesn't have


def sentence_pieces(tokenizer: Any) -> Tokenizer | None:
    """The source side of a Marian tokenizer; `None` where `tokenizer` is of another kind.

    The files don't say how a text is normalised before it is cut, so what this gives must be held against the ids
    that `tokenizer` itself gives.

    Args:
        tokenizer: Of transformers, with `spm_source`, a unigram model, and `encoder`, the number of each piece.
    """
    source, numbers = getattr(tokenizer, "spm_source", None), getattr(tokenizer, "encoder", None)
    if source is None or numbers is None:
        return None
    scores = {source.id_to_piece(index): source.get_score(index) for index in range(source.get_piece_size())}
    size = max(numbers.values()) + 1
    pieces = [(f"<unused {index}>", _NEVER) for index in range(size)]
    for piece, index in numbers.items():
        special = piece in tokenizer.all_special_tokens
        if piece in scores or special:
            pieces[index] = (piece, _NEVER if special else scores[piece])
    made = Tokenizer(models.Unigram(pieces, unk_id=tokenizer.unk_token_id))
    made.add_special_tokens([token for token in tokenizer.all_special_tokens if token in numbers])
    made.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", tokenizer.eos_token_id)]
    )
    return made


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
