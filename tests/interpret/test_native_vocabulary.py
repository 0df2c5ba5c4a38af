"""Word pieces, learned or taken from a larger encoder, and the vectors a model starts from."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from safetensors.torch import save_file
from tokenizers import Tokenizer, models

from interpret.errors import InputError
from interpret.native.vocabulary import SPECIAL, frequent_pieces, reduced_pieces, starting_vectors, word_pieces

LETTERS = tuple("abcdefghijklmnopqrstuvwxyz") + tuple(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")
ENCODER_PIECES = (
    "[PAD]",
    "[unused0]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *LETTERS,
    "the",
    "rare",
    "fine",
    "##ly",
    "猫",
)


@pytest.fixture
def encoder(tmp_path):
    word_pieces(ENCODER_PIECES).save(str(tmp_path / "tokenizer.json"))
    table = torch.randn(len(ENCODER_PIECES), 6, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 7)
    save_file({"embeddings.word_embeddings.weight": table.half()}, tmp_path / "model.safetensors")
    return tmp_path


def test_pieces_cut_text_as_bert_does():
    tokenizer = word_pieces((*SPECIAL, "film", "##s", "fine", ",", ".", "cafe"))
    encoding = tokenizer.encode("Fine films, CAFÉ [MASK] xyz.")
    assert encoding.tokens == ["[CLS]", "fine", "film", "##s", ",", "cafe", "[MASK]", "[UNK]", ".", "[SEP]"]
    assert encoding.word_ids == [None, 0, 1, 1, 2, 3, 4, 5, 6, None]
    assert tokenizer.encode("fine", "film").tokens == ["[CLS]", "fine", "[SEP]", "film", "[SEP]"]
    assert [tokenizer.token_to_id(token) for token in SPECIAL] == [0, 1, 2, 3, 4]


def test_frequent_pieces_are_characters_then_words():
    pieces = frequent_pieces(["A fine day", "a fine, FINE bee", "a day"], 5 + 20 + 2)
    characters = [piece for character in ",abdefiny" for piece in (character, f"##{character}")]
    assert pieces == (*SPECIAL, *characters, "fine", "day", "bee")
    assert word_pieces(pieces).encode("A fine bead").tokens == ["[CLS]", "a", "fine", "b", "##e", "##a", "##d", "[SEP]"]
    assert frequent_pieces(["a fine day"], 12) == (*SPECIAL, "a", "##a", "d", "##d", "e", "##e", "f")


def test_reduced_pieces_are_letters_then_the_most_frequent(encoder):
    assert reduced_pieces(encoder, ["finely finely", "rare"], 5 + 52 + 2) == (*SPECIAL, *LETTERS, "fine", "##ly")
    assert reduced_pieces(encoder, ["rare"], 5 + 52 + 2) == (*SPECIAL, *LETTERS, "the", "rare")
    assert "[unused0]" not in reduced_pieces(encoder, [], 1000)


def test_pieces_of_another_kind_of_tokenizer_are_refused(tmp_path):
    Tokenizer(models.BPE()).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(InputError) as caught:
        reduced_pieces(tmp_path, [], 10)
    assert str(caught.value) == (
        f"pieces can be taken from an encoder with a WordPiece tokenizer.json, but {tmp_path} has none"
    )


def test_starting_vectors_are_the_main_directions_of_the_encoders(encoder):
    """Against an eigenvalue decomposition of the covariance; axes may point either way."""
    pieces = reduced_pieces(encoder, ["fine"], 40)
    vectors = starting_vectors(encoder, pieces, 4).double().numpy()
    numbers = json.loads((encoder / "tokenizer.json").read_text())["model"]["vocab"]
    table = load_file(encoder / "model.safetensors")["embeddings.word_embeddings.weight"].astype(np.float64)
    rows = table[[numbers[piece] for piece in pieces]]
    rows = rows - rows.mean(axis=0)
    values, directions = np.linalg.eigh(rows.T @ rows)
    expected = rows @ directions[:, np.argsort(-values)[:4]]
    expected = expected / expected.std(ddof=1)
    np.testing.assert_allclose(vectors @ vectors.T, expected @ expected.T, atol=1e-3)
    assert vectors.shape == (40, 4)
    assert vectors.std(ddof=1) == pytest.approx(1)


def test_an_encoder_without_token_vectors_is_refused(encoder):
    save_file({"other": torch.zeros(1)}, encoder / "model.safetensors")
    with pytest.raises(InputError) as caught:
        starting_vectors(encoder, SPECIAL, 4)
    assert str(caught.value) == f"{encoder / 'model.safetensors'} has no word_embeddings.weight to start from"
