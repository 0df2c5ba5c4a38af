"""Encoding of attention weights as text small enough to embed in an HTML page."""

import base64
import zlib
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8
from typing_extensions import TypedDict

WEIGHTS_BYTES = 1_400_000  # of packed text; leaves room for the rest of a page of 2 MB
_KEYS_KEPT = (64, 32, 16, 8, 4)


class WeightsDict(TypedDict):
    """Attention weights, packed; `unpack_weights` reads them.

    Attributes:
        shape: Numbers of layers, heads, queries and keys.
        levels: The step that means 1.
        encoding: How the data is written: bytes, deflated, in base64.
        data: A step for each weight.
        kept: What was left out to save room, in words.
    """

    shape: list[int]
    levels: int
    encoding: Literal["deflate+base64"]
    data: str
    kept: str


def pack_weights(weights: Float[np.ndarray, "layer head query key"], budget_bytes: int = WEIGHTS_BYTES) -> WeightsDict:
    """Rounds attention weights to whole steps, compresses them and writes them as base64 text.

    What doesn't fit is packed more coarsely, in this order: fewer steps, then only the strongest keys of each
    row, then the mean over heads, then the mean over layers too. `kept` says in words what was left out.

    Args:
        weights: Attention weights of one text, from 0 to 1.
        budget_bytes: Most bytes of packed text.

    Returns:
        The object "attention.weights" of an analysis: shape, levels, encoding, data, kept. A weight is its
        stored byte divided by `levels`; with 255 levels it is off by 1/510 at most.

    Raises:
        ValueError: A weight is outside [0, 1] or not a number, or nothing fits the budget.
    """
    if not weights.size or not (np.isfinite(weights).all() and weights.min() >= 0 and weights.max() <= 1 + 1e-5):
        raise ValueError("attention weights must be numbers from 0 to 1, and there must be some")
    for candidate, levels, kept in _ever_coarser(weights):
        steps = np.rint(np.clip(candidate, 0, 1) * levels).astype(np.uint8)
        data = encode(steps)
        if len(data) <= budget_bytes:
            return {
                "shape": list(candidate.shape),
                "levels": levels,
                "encoding": "deflate+base64",
                "data": data,
                "kept": kept,
            }
    raise ValueError(
        f"attention of shape {list(weights.shape)} can't be packed into {budget_bytes} bytes; raise budget_bytes"
    )


def unpack_weights(packed: WeightsDict) -> Float[np.ndarray, "layer head query key"]:
    """Reads what `pack_weights` wrote: weights from 0 to 1, in steps of one over `levels`.

    Raises:
        ValueError: The encoding is unknown, or the data doesn't have the shape it claims.
    """
    if packed["encoding"] != "deflate+base64":
        raise ValueError(f'weights must be encoded as "deflate+base64", not as {packed["encoding"]!r}')
    return decode(packed["data"], packed["shape"], packed["levels"])


def decode(data: str, shape: Sequence[int], levels: int) -> Float[np.ndarray, "..."]:
    """Decodes numbers from 0 to 1 from the steps that `encode` wrote.

    Args:
        data: Base64 of deflated bytes.
        shape: Shape of the result.
        levels: The step that means 1.

    Raises:
        ValueError: The data doesn't have the shape it claims.
    """
    size = int(np.prod(shape))
    unzip = zlib.decompressobj()
    raw = unzip.decompress(base64.b64decode(data), size + 1)  # bounded: the data may lie about its size
    if len(raw) != size:
        raise ValueError(f"packed weights of shape {list(shape)} must hold {size} bytes, but don't")
    return np.frombuffer(raw, dtype=np.uint8).reshape(shape).astype(np.float32) / np.float32(levels)


def encode(steps: UInt8[np.ndarray, "..."]) -> str:
    """Deflates bytes and writes them as base64."""
    return base64.b64encode(zlib.compress(steps.tobytes(), 9)).decode("ascii")


def _ever_coarser(
    weights: Float[np.ndarray, "layer head query key"],
) -> Iterator[tuple[Float[np.ndarray, "layer head query key"], int, str]]:
    """Yields candidates to pack, the most exact first: weights, levels, and a description of what is kept."""
    pooled = (
        (lambda: weights, ""),
        (lambda: weights.mean(axis=1, keepdims=True), "the mean over the heads of each layer"),
        (lambda: weights.mean(axis=(0, 1), keepdims=True), "the mean over all heads and layers"),
    )
    for pool, pooling in pooled:
        part = pool()
        yield part, 255, pooling or "all"
        yield part, 15, f"{pooling or 'all'}, rounded to steps of 1/15"
        for count in _KEYS_KEPT:
            if count < part.shape[-1]:
                kept = f"the {count} strongest of each row, rounded to steps of 1/15; the rest shows as 0"
                yield _strongest(part, count), 15, f"{pooling}, of it {kept}" if pooling else kept


def _strongest(
    weights: Float[np.ndarray, "layer head query key"], count: int
) -> Float[np.ndarray, "layer head query key"]:
    """Sets all but the `count` largest weights of each row to 0."""
    where = np.argpartition(weights, -count, axis=-1)[..., -count:]
    strongest = np.zeros_like(weights)
    np.put_along_axis(strongest, where, np.take_along_axis(weights, where, axis=-1), axis=-1)
    return strongest
