"""Tiles of long texts against plain loops over whole maps."""

import math

import numpy as np
import pytest
import torch
from tiny_models import tiny_inputs, tiny_model

from analyses.attention import pooled_maps
from analyses.attention.encoded_maps import pack_tiles, unpack_tiles
from analyses.attention.pooled_maps import TilesReader
from analyses.attention.streaming import read_maps
from interpret.attention import call as attention_call
from interpret.attention.maps import GivenMaps, RecordedMaps
from interpret.attention.recording import recording


def made_up(layers, heads, length, *, causal=True, sink=0.0, seed=0):
    """Rows that sum to 1, or to 1 - `sink`."""
    scores = np.random.default_rng(seed).normal(0, 3, (layers, heads, length, length))
    if causal:
        scores = np.where(np.tri(length, dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return (1 - sink) * weights / weights.sum(-1, keepdims=True)


def tiles_of(weights, readout, *, rows=None):
    maps = GivenMaps(torch.from_numpy(weights).float(), rows=rows)
    reader = TilesReader(maps, torch.as_tensor(readout))
    read_maps(maps, [reader])
    return reader.result()


def pooled(weights, size, rows=None):
    """Share and largest weight of each tile, by slices of the whole map."""
    layers, heads, length, _ = weights.shape
    count = math.ceil(length / size)
    share, largest = np.zeros((2, layers, heads, count, count))
    for layer in range(layers):
        for head in range(heads):
            for query in range(count):
                for key in range(count):
                    part = weights[layer, head, query * size : (query + 1) * size, key * size : (key + 1) * size]
                    if rows is not None:
                        part = part[rows[layer, query * size : (query + 1) * size]]
                    if part.size:
                        share[layer, head, query, key] = part.sum(axis=1).mean()
                        largest[layer, head, query, key] = part.max()
    return share, largest


@pytest.mark.parametrize("length", [1, 7, 8, 61])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("sink", [0.0, 0.3])
def test_tiles_are_those_of_the_whole_map(length, causal, sink, monkeypatch):
    monkeypatch.setattr(pooled_maps, "MOST_TILES", 8)
    weights = made_up(2, 3, length, causal=causal, sink=sink)
    found = tiles_of(weights, np.eye(length)[-1])
    assert found.size == math.ceil(length / 8) and found.length == length
    share, largest = pooled(weights, found.size)
    assert np.allclose(found.share.numpy(), share, atol=1e-6)
    assert np.allclose(found.largest.numpy(), largest, atol=1e-6)
    assert np.allclose(found.share.sum(dim=-1).numpy(), 1 - sink, atol=1e-5)


def test_blocks_of_rows_give_what_whole_maps_give(monkeypatch):
    """Five rows at a time, tiles of two and three: no boundary of the one is one of the other."""
    monkeypatch.setattr(attention_call, "WEIGHTS_AT_ONCE", 1)
    monkeypatch.setattr(attention_call, "LEAST_ROWS", 5)
    for family in ("llama", "gpt_oss", "gemma2"):
        inputs = tiny_inputs("causal")
        with torch.no_grad(), recording(model := tiny_model("causal", family)) as record:
            model(**inputs)
        with torch.no_grad():
            shown = tiny_model("causal", family, kernel="eager")(**inputs, output_attentions=True).attentions
        weights = torch.stack([each[0] for each in shown]).double().numpy()
        for most in (3, 5):
            monkeypatch.setattr(pooled_maps, "MOST_TILES", most)
            reader = TilesReader(maps := RecordedMaps(record, example=0), readout := torch.linspace(0, 1, 9).softmax(0))
            read_maps(maps, [reader])
            found = reader.result()
            share, largest = pooled(weights, found.size)
            assert np.allclose(found.share.numpy(), share, atol=1e-5), family
            assert np.allclose(found.largest.numpy(), largest, atol=1e-5), family
            assert np.allclose(found.row.numpy(), np.einsum("q,lhqk->lhk", readout.numpy(), weights), atol=1e-5)
        assert not any("weights" in call.__dict__ for call in record.calls)


def test_positions_without_a_row_do_not_count():
    weights, rows = made_up(2, 2, 10), torch.ones(2, 10, dtype=torch.bool)
    rows[0, 4:] = False
    weights[0, :, 4:] = 0  # as maps of recordings have it: a block isn't read there
    found = tiles_of(weights, np.eye(10)[-1], rows=rows)
    share, largest = pooled(weights, found.size, rows.numpy())
    assert np.allclose(found.share.numpy(), share, atol=1e-6) and np.allclose(found.largest, largest, atol=1e-6)
    assert found.rows.tolist() == [[1] * 4 + [0] * 6, [1] * 10]
    assert (found.row[0] == 0).all()


@pytest.mark.parametrize("count", [1, 5, 40])
def test_the_strongest_weights_of_the_row_are_those_of_a_sorted_row(count):
    weights = made_up(2, 3, 23)
    values, positions = tiles_of(weights, np.eye(23)[-1]).strongest(count)
    for layer in range(2):
        for head in range(3):
            row = weights[layer, head, -1]
            expected = sorted(range(23), key=lambda key: -row[key])[:count]
            assert positions[layer, head].tolist() == expected
            assert values[layer, head].tolist() == pytest.approx([row[key] for key in expected], rel=1e-5)


@pytest.mark.parametrize("length", [13, 16, 61])
def test_merged_tiles_are_tiles_of_twice_the_size(length):
    weights = made_up(2, 2, length)
    found = tiles_of(weights, np.eye(length)[-1])
    assert found.size == 1
    for size in (2, 4, 8):
        found = found.merged()
        share, largest = pooled(weights, size)
        assert found.size == size
        assert np.allclose(found.share.numpy(), share, atol=1e-6)
        assert np.allclose(found.largest.numpy(), largest, atol=1e-6)


def test_models_with_many_heads_have_fewer_tiles(monkeypatch):
    monkeypatch.setattr(pooled_maps, "TILES_AT_ONCE", 100)
    assert tiles_of(made_up(2, 3, 20), np.eye(20)[-1]).sums.shape == (2, 3, 4, 4)
    monkeypatch.setattr(pooled_maps, "TILES_AT_ONCE", 1)
    assert tiles_of(made_up(2, 3, 20), np.eye(20)[-1]).sums.shape == (2, 3, 1, 1)


def test_what_is_packed_comes_back_within_half_a_step():
    found = tiles_of(made_up(2, 3, 200), np.eye(200)[-1])
    packed = pack_tiles(found)
    assert packed["encoding"] == "tiles" and packed["shape"] == [2, 3, 50, 50]
    assert (packed["length"], packed["size"], packed["levels"]) == (200, 4, 255)
    for name in ("share", "largest"):
        back = unpack_tiles(packed, name)
        assert np.abs(back - getattr(found, name).numpy()).max() <= 1 / 510 + 1e-6
    values, positions = found.strongest(16)
    assert packed["strongest"]["positions"] == positions.tolist()
    assert np.allclose(packed["strongest"]["weights"], values.numpy(), rtol=1e-3)
    assert packed["kept"] == (
        "tiles of 4 by 4 tokens, of each the share of attention and the largest weight; and the 16 largest weights of "
        "the row that the decision is read from"
    )


def test_a_smaller_budget_makes_larger_tiles_and_says_so():
    found = tiles_of(made_up(2, 3, 200, causal=False), np.eye(200)[-1])
    told = []
    for budget in (60_000, 20_000, 4_000, 400):
        packed = pack_tiles(found, budget)
        assert sum(len(packed[name]["data"]) for name in ("share", "largest")) <= budget
        assert packed["kept"].startswith(f"tiles of {packed['size']} by {packed['size']} tokens")
        told.append((packed["size"], packed["shape"][-1]))
    assert told == sorted(told) and told[0] == (4, 50) and len(set(told)) == 4
    with pytest.raises(ValueError, match=r"^one tile for each map can't be packed into 9 bytes; raise budget_bytes$"):
        pack_tiles(found, 9)


def test_what_is_no_share_and_foreign_packs_are_refused():
    weights = made_up(1, 1, 5)
    weights[0, 0, 3, 1] = math.nan
    with pytest.raises(ValueError, match=r"^shares and largest weights of tiles must be numbers from 0 to 1$"):
        pack_tiles(tiles_of(weights, np.eye(5)[-1]))
    packed = pack_tiles(tiles_of(made_up(1, 1, 5), np.eye(5)[-1]))
    with pytest.raises(ValueError, match=r"^tiles must be encoded as 'tiles', not as 'deflate\+base64'$"):
        unpack_tiles({**packed, "encoding": "deflate+base64"}, "share")
    with pytest.raises(ValueError, match=r"^packed weights of shape \[1, 1, 5, 6\] must hold 30 bytes, but don't$"):
        unpack_tiles({**packed, "shape": [1, 1, 5, 6]}, "largest")
