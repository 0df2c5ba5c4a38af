"""Attention weights as text: what comes back, and what is given up to fit."""

import base64
import zlib

import numpy as np
import pytest

from analyses.export.encoding import pack_weights, unpack_weights


def rows(layers: int, heads: int, tokens: int, seed: int = 0) -> np.ndarray:
    """Rows that sum to 1, some of them sharp."""
    scores = np.random.default_rng(seed).normal(0, 3, (layers, heads, tokens, tokens))
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32)


def test_what_fits_comes_back_within_half_a_step() -> None:
    weights = rows(3, 4, 17)
    packed = pack_weights(weights)
    back = unpack_weights(packed)
    assert (packed["shape"], packed["levels"], packed["kept"]) == ([3, 4, 17, 17], 255, "all")
    assert back.shape == weights.shape
    assert np.abs(back - weights).max() <= 1 / 510 + 1e-7


def test_the_bytes_are_what_a_browser_reads() -> None:
    """The format is plain: zlib, one byte a weight, key after key."""
    weights = rows(2, 2, 5)
    raw = zlib.decompress(base64.b64decode(pack_weights(weights)["data"]))
    expected = [
        round(255 * float(weights[layer, head, query, key]))
        for layer in range(2)
        for head in range(2)
        for query in range(5)
        for key in range(5)
    ]
    assert list(raw) == expected


def test_random_weights_of_a_long_text_fit_the_default_budget() -> None:
    weights = np.random.default_rng(1).uniform(size=(12, 12, 128, 128)).astype(np.float32)
    packed = pack_weights(weights)
    assert len(packed["data"]) <= 1_400_000
    assert packed["kept"] != "all"


def test_a_smaller_budget_gives_up_more_and_says_so() -> None:
    weights = np.random.default_rng(2).uniform(size=(4, 6, 40, 40))
    told = []
    for budget in (60_000, 30_000, 12_000, 4_000, 1_000):
        packed = pack_weights(weights, budget)
        assert len(packed["data"]) <= budget
        assert unpack_weights(packed).shape == tuple(packed["shape"])
        told.append((packed["shape"][:2], packed["kept"]))
    assert told == [
        ([4, 6], "all"),
        ([4, 6], "all, rounded to steps of 1/15"),
        ([4, 6], "the 8 strongest of each row, rounded to steps of 1/15; the rest shows as 0"),
        ([4, 1], "the mean over the heads of each layer, rounded to steps of 1/15"),
        ([1, 1], "the mean over all heads and layers, rounded to steps of 1/15"),
    ]


def test_the_strongest_keys_are_the_ones_kept() -> None:
    weights = np.random.default_rng(3).permuted(np.tile(np.linspace(0, 1, 16), (2, 2, 16, 1)), axis=-1)
    packed = pack_weights(weights, 600)
    assert packed["kept"].startswith("the 8 strongest")
    kept = unpack_weights(packed) > 0
    for position in np.ndindex(2, 2, 16):
        best = sorted(range(16), key=lambda key: -weights[position][key])[:8]
        assert sorted(np.flatnonzero(kept[position])) == sorted(best)


def test_the_mean_over_heads_is_the_mean() -> None:
    weights = np.random.default_rng(4).uniform(size=(3, 64, 8, 8))
    packed = pack_weights(weights, 400)
    assert packed["kept"].startswith("the mean over the heads of each layer")
    slow = [sum(weights[0, head, 2, key] for head in range(64)) / 64 for key in range(8)]
    assert np.abs(unpack_weights(packed)[0, 0, 2] - slow).max() <= 1 / (2 * packed["levels"]) + 1e-6


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.1, np.inf])
def test_what_is_no_weight_is_refused(bad: float) -> None:
    weights = rows(1, 1, 3)
    weights[0, 0, 0, 0] = bad
    with pytest.raises(ValueError, match=r"^attention weights must be numbers from 0 to 1, and there must be some$"):
        pack_weights(weights)


def test_a_budget_that_nothing_fits_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^attention of shape \[2, 2, 9, 9\] can't be packed into 9 bytes; raise bu"):
        pack_weights(rows(2, 2, 9), 9)


def test_damaged_or_foreign_packs_are_refused() -> None:
    packed = pack_weights(rows(2, 2, 9))
    with pytest.raises(ValueError, match=r"^packed weights of shape \[2, 2, 9, 10\] must hold 360 bytes, but don't$"):
        unpack_weights({**packed, "shape": [2, 2, 9, 10]})
    with pytest.raises(ValueError, match=r'^weights must be encoded as "deflate\+base64", not as \'raw\'$'):
        unpack_weights({**packed, "encoding": "raw"})
