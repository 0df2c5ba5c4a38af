"""Encoding of pooled attention maps (tiles) as text small enough to embed in an HTML page."""

from typing import Any

import numpy as np
from jaxtyping import Float

from analyses.attention.pooled_maps import Tiles
from analyses.export.encoding import decode, encode

ENCODING = "tiles"
POOLED_MAPS_BYTES = 900_000  # of packed text; the words of a long text leave less room in a page
LEVELS = 255
_MOST_STRONGEST, _LEAST_STRONGEST, _ALL_STRONGEST = 16, 4, 2**13


def pack_tiles(tiles: Tiles, budget_bytes: int = POOLED_MAPS_BYTES) -> dict[str, Any]:
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
        **{name: {"data": data} for name, data in packed.items()},
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


def unpack_tiles(packed: dict[str, Any], name: str) -> Float[np.ndarray, "layer head tile tile"]:
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
