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
        readout: Weight of each row of the last layer in the decision.

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
    readout = readout.to(stream)
    for product in reversed(found.watch.last_products):
        for given, weights in _reads(product, found.logits, target, rival):
            for norm, pulled in _pulled_back(found, stream, readout):
                factor = _factor(given, norm, 8 * product.given.dtype.itemsize)
                if factor is not None:
                    direction = pulled(weights * factor)
                    margin = float(found.logits[target] - found.logits[rival])
                    return LinearRead(direction, margin - float((direction * stream).sum()), margin, rival)
    raise CaptureError(
        "logits can be traced to positions only where they are a linear read of the residual stream, with at most one "
        "norm before, and this model computes them in another way (a pooling layer with a nonlinearity, or squashed "
        "logits); ALTI works"
    )


def _reads(
    product: Product, logits: Float[Tensor, " label"], target: int, rival: int
) -> Iterator[tuple[Float[Tensor, " hidden"], Float[Tensor, " hidden"]]]:
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


def _pulled_back(
    found: Decomposition, stream: Float[Tensor, "row hidden"], readout: Float[Tensor, " row"]
) -> Iterator[tuple[Float[Tensor, " hidden"], Callable[[Float[Tensor, " hidden"]], Float[Tensor, "row hidden"]]]]:
    """Yields vectors that may be read, and how weights of their features are weights of the stream's."""
    pooled = readout @ stream
    yield pooled, lambda weights: readout[:, None] * weights
    for step in found.watch.steps:
        of_rows = same(step.given, found.final)
        if of_rows or (step.given.numel() == len(pooled) and _factor(step.given.reshape(-1).float(), pooled, 32) == 1):
            norm = frozen_map(step.module, step.given, step.answer)
            if norm is not None and of_rows:
                yield readout @ norm.whole(stream, slice(None)), partial(_through, norm, readout)
            elif norm is not None:
                yield norm.whole(pooled[None], slice(None))[0], partial(_through, norm, readout)


def _through(
    norm: FrozenMap, readout: Float[Tensor, " row"], weights: Float[Tensor, " hidden"]
) -> Float[Tensor, "row hidden"]:
    return readout[:, None] * norm.pulled_back(weights)


def _factor(given: Float[Tensor, " hidden"], vector: Float[Tensor, " hidden"], bits: int) -> float | None:
    """Returns the number by which a vector is multiplied to give another; `None` if none does."""
    size = float(vector.square().sum())
    if given.shape != vector.shape or size == 0:
        return None
    factor = float((given * vector).sum()) / size
    factor = 1.0 if abs(factor - 1) < ROUNDING[bits] else factor
    off = float((given - factor * vector).abs().amax())
    return factor if off <= ROUNDING[bits] * float(given.abs().amax()) else None
