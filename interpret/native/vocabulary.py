"""WordPiece vocabularies of native models, built from texts or from a larger encoder."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import safe_open
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import Tensor

from interpret.errors import InputError
from interpret.native.storing import SPECIAL_TOKENS

SPECIAL = tuple(SPECIAL_TOKENS.values())  # [PAD] is number 0


def word_pieces(pieces: Sequence[str]) -> Tokenizer:
    """Makes a WordPiece tokenizer of these pieces: lower-case, [CLS] before the text and [SEP] after it."""
    tokenizer = Tokenizer(
        models.WordPiece(vocab={piece: number for number, piece in enumerate(pieces)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def frequent_pieces(texts: Iterable[str], size: int) -> tuple[str, ...]:
    """Picks at most `size` pieces out of texts: special tokens, single characters, then the most frequent words.

    Any other word is spelled in characters. (The trainers of `tokenizers` find better pieces, but break ties between
    equally frequent ones at random.)
    """
    cutter = word_pieces(SPECIAL)
    assert cutter.normalizer is not None and cutter.pre_tokenizer is not None
    words = Counter(
        word
        for text in texts
        for word, _ in cutter.pre_tokenizer.pre_tokenize_str(cutter.normalizer.normalize_str(text))
    )
    characters = sorted({character for word in words for character in word})
    spelled = [piece for character in characters for piece in (character, f"##{character}")]
    frequent = sorted(set(words) - set(spelled), key=lambda word: (-words[word], word))
    return (*SPECIAL, *spelled, *frequent)[:size]


def reduced_pieces(encoder: Path, texts: Iterable[str], size: int) -> tuple[str, ...]:
    """Picks `size` pieces of an encoder's WordPiece vocabulary; special tokens come first.

    All Latin letters, digits and punctuation are kept, so that few words are unknown; then the pieces that
    are most frequent in `texts`; then the lowest-numbered, which are the most frequent of the encoder's own
    training texts.

    Raises:
        InputError: The encoder has no WordPiece tokenizer.
    """
    path = encoder / "tokenizer.json"
    if not path.is_file() or json.loads(path.read_text(encoding="utf-8"))["model"].get("type") != "WordPiece":
        raise InputError(f"pieces can be taken from an encoder with a WordPiece tokenizer.json, but {encoder} has none")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    counts = Counter(piece for text in texts for piece in tokenizer.encode(text).tokens)
    numbers = tokenizer.get_vocab()
    pieces = [piece for piece in numbers if piece not in SPECIAL and not piece.startswith("[unused")]

    def rank(piece: str) -> tuple[bool, int, int]:
        letter = len(piece.removeprefix("##")) == 1 and piece.isascii()
        return (not letter, -counts[piece], numbers[piece])

    kept = sorted(pieces, key=rank)[: size - len(SPECIAL)]
    return (*SPECIAL, *sorted(kept, key=lambda piece: numbers[piece]))


def starting_vectors(encoder: Path, pieces: Sequence[str], hidden: int) -> Float[Tensor, "piece hidden"]:
    """Token embeddings of these pieces from an encoder, reduced to `hidden` principal components (PCA).

    Scaled so that all entries together have a standard deviation of 1.

    Raises:
        InputError: The encoder's weights have no token embeddings.
    """
    numbers = Tokenizer.from_file(str(encoder / "tokenizer.json")).get_vocab()
    path = encoder / "model.safetensors"
    with safe_open(path, framework="pt") as file:
        names = [name for name in file.keys() if name.endswith("word_embeddings.weight")]  # noqa: SIM118
        if not names:
            raise InputError(f"{path} has no word_embeddings.weight to start from")
        table = file.get_tensor(names[0]).float()
    vectors: Tensor = table[torch.tensor([numbers[piece] for piece in pieces])]
    vectors = vectors - vectors.mean(dim=0)
    _, _, directions = torch.linalg.svd(vectors, full_matrices=False)
    reduced: Tensor = vectors @ directions[:hidden].T
    return reduced.div(reduced.std())
