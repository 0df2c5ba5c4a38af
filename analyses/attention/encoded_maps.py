"""Encoding of pooled attention maps (tiles) as text small enough to embed in an HTML page."""

from typing import Literal

import numpy as np
from jaxtyping import Float
from typing_extensions import TypedDict

from analyses.attention.pooled_maps import Tiles
from analyses.export.encoding import decode, encode

ENCODING: Literal["tiles"] = "tiles"
POOLED_MAPS_BYTES = 900_000  # of packed text; the words of a long text leave less room in a page
LEVELS = 255
_MOST_STRONGEST, _LEAST_STRONGEST, _ALL_STRONGEST = 16, 4, 2**13

Pooling = Literal["share", "largest"]


class PackedSteps(TypedDict):
    """One number of every tile, packed.

    Attributes:
        data: A step for each tile: bytes, deflated, in base64.
    """

    data: str


class StrongestWeights(TypedDict):
    """The largest weights in the row that the decision is read from.

    Attributes:
        positions: `[layer][head][k]`: their keys, the largest weight first.
        weights: `[layer][head][k]`: the weights, from 0 to 1.
        sums: `[layer][head]`: sum of all weights of the row.
    """

    positions: list[list[list[int]]]
    weights: list[list[list[float]]]
    sums: list[list[float]]


class TilesDict(TypedDict):
    """Attention weights of a long text (more than 2^26 weights), pooled into tiles; `unpack_tiles` reads them.

    Attributes:
        encoding: How they are written.
        shape: Numbers of layers, heads, and tiles along queries and along keys.
        length: Number of tokens.
        size: Number of tokens on a side of a tile; the last may have fewer.
        levels: The step that means 1.
        share: Of each tile, the mean over its rows of what they give to its keys.
        largest: The largest weight of each tile.
        rows: `[layer][tile]`: how many tokens of each stretch have a row.
        strongest: The largest weights of the decision's row.
        kept: What was left out, in words.
    """

    encoding: Literal["tiles"]
    shape: list[int]
    length: int
    size: int
    levels: int
    share: PackedSteps
    largest: PackedSteps
    rows: list[list[int]]
    strongest: StrongestWeights
    kept: str


def pack_tiles(tiles: Tiles, budget_bytes: int = POOLED_MAPS_BYTES) -> TilesDict:
    """Rounds tiles to whole steps, compresses them and writes them as base64 text.

    Tiles that don't fit are merged two by two until they do.

    Args:
        tiles: Tiles of one text.
        budget_bytes: Most bytes of packed text, for both numbers of all tiles together.

    Returns:
        The object "attention.weights" of the analysis of a long text.

    Raises:
        ValueError: A tile isn't a number from 0 to 1, or not even one tile a map fits the budget.
    """
    for values in (tiles.share, tiles.largest):
        if not (values >= 0).all() or not (values <= 1 + 1e-4).all():
            raise ValueError("shares and largest weights of tiles must be numbers from 0 to 1")
    while True:
        packed = {name: _steps(getattr(tiles, name).numpy()) for name in ("share", "largest")}
        if sum(len(data) for data in packed.values()) <= budget_bytes:
            break
        if tiles.rows.shape[1] == 1:
            raise ValueError(f"one tile for each map can't be packed into {budget_bytes} bytes; raise budget_bytes")
        tiles = tiles.merged()
    layers, heads, count, _ = tiles.sums.shape
    wanted = max(_LEAST_STRONGEST, min(_MOST_STRONGEST, _ALL_STRONGEST // (layers * heads)))
    weights, positions = tiles.strongest(wanted)
    return {
        "encoding": ENCODING,
        "shape": [layers, heads, count, count],
        "length": tiles.length,
        "size": tiles.size,
        "levels": LEVELS,
        "share": {"data": packed["share"]},
        "largest": {"data": packed["largest"]},
        "rows": tiles.rows.tolist(),
        "strongest": {
            "positions": positions.tolist(),
            "weights": [[[float(f"{weight:.4g}") for weight in row] for row in layer] for layer in weights.tolist()],
            "sums": [[round(whole, 6) for whole in layer] for layer in tiles.row.sum(dim=-1).tolist()],
        },
        "kept": (
            f"tiles of {tiles.size} by {tiles.size} tokens, of each the share of attention and the largest weight; and "
            f"the {positions.shape[-1]} largest weights of the row that the decision is read from"
        ),
    }


def unpack_tiles(packed: TilesDict, name: Pooling) -> Float[np.ndarray, "layer head tile tile"]:
    """Reads what `pack_tiles` wrote, in steps of one over `levels`.

    Args:
        packed: The object "attention.weights" of the analysis of a long text.
        name: "share" or "largest".

    Raises:
        ValueError: The encoding is unknown, or the data doesn't have the shape it claims.
    """
    if packed["encoding"] != ENCODING:
        raise ValueError(f"tiles must be encoded as {ENCODING!r}, not as {packed['encoding']!r}")
    return decode(packed[name]["data"], packed["shape"], packed["levels"])


def _steps(values: Float[np.ndarray, "layer head tile tile"]) -> str:
    return encode(np.rint(np.clip(values, 0, 1) * LEVELS).astype(np.uint8))
