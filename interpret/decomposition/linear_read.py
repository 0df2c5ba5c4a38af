"""The linear read of a decision: a margin as a sum over the vectors of the last residual stream."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.decomposition.decompose import Decomposition
from interpret.decomposition.frozen_map import FrozenMap, frozen_map
from interpret.decomposition.residual_sum import in_rows
from interpret.decomposition.residual_watch import Product, same
from interpret.errors import CaptureError
from interpret.indices import require_index

# A vector that may be read, and how weights of its features become weights of those of the stream's rows.
Pulled = tuple[Float[Tensor, " hidden"], Callable[[Float[Tensor, " hidden"]], Float[Tensor, "row hidden"]]]
ROUNDING = {32: 1e-4, 16: 5e-2}  # of the largest number; by bits


@dataclass(frozen=True, eq=False)
class LinearRead:
    """A margin that is read linearly off the residual stream: `sum_i direction_i . x_i + constant`.

    Attributes:
        direction: What one unit of each feature of each row adds to the margin, in logits; the final norm's statistic
            is that of the pass.
        constant: What biases add.
        margin: The margin.
        rival: Index of the label that the target is held against.
    """

    direction: Float[Tensor, "row hidden"] = field(repr=False)
    constant: float
    margin: float
    rival: int


def linear_read(found: Decomposition, target: int, readout: Float[Tensor, " row"]) -> LinearRead:
    """Finds the product by which a margin is read off the residual stream.

    Args:
        found: The decomposed pass.
        target: Label of which the margin is.
        readout: Weight of each row of the last layer in the decision. Those of weight 0 aren't read.

    Raises:
        CaptureError: Norms come after sums, so that the stream is no sum, or the margin isn't read linearly: a layer
            with a nonlinearity stands before the logits, or they are squashed.
        IndexError: There is no such label.
    """
    target = require_index("target", target, len(found.logits))
    if any(layer.after is not None for layer in found.layers):
        raise CaptureError(
            "logits can be traced to positions only where the residual stream is a sum of all layers, and this model "
            "norms it after each; ALTI and GlobEnc work"
        )
    rival = int(found.logits.index_fill(0, torch.tensor([target], device=found.logits.device), -torch.inf).argmax())
    stream = in_rows(found.final, len(readout))
    vectors = list(_pulled_back(found, stream, readout.to(stream)))
    for product in reversed(found.watch.last_products):
        for given, weights in _reads(product, found.logits, target, rival):
            direction = _direction(given, weights, vectors, 8 * product.given.dtype.itemsize)
            if direction is not None:
                margin = float(found.logits[target] - found.logits[rival])
                return LinearRead(direction, margin - float((direction * stream).sum()), margin, rival)
    raise CaptureError(
        "logits can be traced to positions only where they are a linear read of the residual stream, with at most one "
        "norm before, and this model computes them in another way (a pooling layer with a nonlinearity, or squashed "
        "logits); ALTI works"
    )


def _reads(
    product: Product, logits: Float[Tensor, " label"], target: int, rival: int
) -> Iterator[tuple[Float[Tensor, " read"], Float[Tensor, " read"]]]:
    """Yields what a product read if it gave the logits, and the difference of both labels' weights."""
    results = product.result.reshape(-1, product.result.shape[-1]).float()
    inputs = product.given.reshape(-1, product.given.shape[-1]).float()
    matrix = product.weight.detach() if product.name == "linear" else product.weight.detach().T
    if matrix.shape != (results.shape[1], inputs.shape[1]) or len(results) != len(inputs):
        return
    for given, result in zip(inputs, results, strict=True):
        columns = [_column(result, logits, label) for label in (target, rival)]
        if None not in columns:
            yield given, product.scale * (matrix[columns[0]].float() - matrix[columns[1]].float())


def _column(result: Float[Tensor, " output"], logits: Float[Tensor, " label"], label: int) -> int | None:
    """Returns the column of a label's logit; among other labels, or in another order, the only one that is equal."""
    if len(result) == len(logits) and result[label] == logits[label]:
        return label
    equal = (result == logits[label]).nonzero()[:, 0].tolist()
    return equal[0] if len(equal) == 1 else None


def _direction(
    given: Float[Tensor, " read"], weights: Float[Tensor, " read"], vectors: list[Pulled], bits: int
) -> Float[Tensor, "row hidden"] | None:
    """Returns the weights of the stream's features where what was read is one of these vectors, or several in a row."""
    hidden = len(vectors[0][0])
    if len(given) % hidden:
        return None
    total: Tensor | None = None
    for part, of_part in zip(given.view(-1, hidden), weights.view(-1, hidden), strict=True):
        each = ((pulled, _factor(part, vector, bits)) for vector, pulled in vectors)
        found = next((pulled(of_part * factor) for pulled, factor in each if factor is not None), None)
        if found is None:
            return None
        total = found if total is None else total + found
    return total


def _pulled_back(
    found: Decomposition, stream: Float[Tensor, "row hidden"], readout: Float[Tensor, " row"]
) -> Iterator[Pulled]:
    """Yields vectors that may be read, and how weights of their features are weights of the stream's."""
    norms = [
        (norm, step)
        for step in found.watch.steps
        if same(step.given, found.final) or step.given.numel() == stream.shape[1]
        if (norm := frozen_map(step.module, step.given, step.answer)) is not None
    ]
    for pooling in _poolings(readout):
        pooled = pooling @ stream
        yield pooled, partial(torch.outer, pooling)
        for norm, step in norms:
            if same(step.given, found.final):
                yield pooling @ norm.whole(stream, slice(None)), partial(_through, norm, pooling)
            elif _factor(step.given.reshape(-1).float(), pooled, 32) == 1:
                yield norm.whole(pooled[None], slice(None))[0], partial(_through, norm, pooling)


def _poolings(readout: Float[Tensor, " row"]) -> list[Float[Tensor, " row"]]:
    """Returns ways to read the rows: weighted as in the readout, all alike, only the first, and all others alike.

    The readout is how much each row moves the decision, so where a mean is read, rows differ in it, too.
    """
    rows = readout.nonzero()[:, 0]
    if len(rows) == 1:
        return [readout]
    alike = [torch.zeros_like(readout).index_fill(0, some, 1 / len(some)) for some in (rows, rows[:1], rows[1:])]
    return [readout, *alike]


def _through(
    norm: FrozenMap, pooling: Float[Tensor, " row"], weights: Float[Tensor, " hidden"]
) -> Float[Tensor, "row hidden"]:
    return pooling[:, None] * norm.pulled_back(weights)


def _factor(given: Float[Tensor, " hidden"], vector: Float[Tensor, " hidden"], bits: int) -> float | None:
    """Returns the number by which a vector is multiplied to give another; `None` if none does."""
    size = float(vector.square().sum())
    if given.shape != vector.shape or size == 0:
        return None
    factor = float((given * vector).sum()) / size
    factor = 1.0 if abs(factor - 1) < ROUNDING[bits] else factor
    off = float((given - factor * vector).abs().amax())
    return factor if off <= ROUNDING[bits] * float(given.abs().amax()) else None
