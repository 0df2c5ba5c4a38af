"""The sum by which one attention call's output enters the residual stream, found among the sums of a pass."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from interpret.decomposition.frozen_map import FrozenMap, constant_scale, frozen_map
from interpret.decomposition.residual_watch import Product, ResidualWatch, same
from interpret.errors import CaptureError


@dataclass(frozen=True, eq=False)
class ResidualSum:
    """Sum of what an attention call wrote and of what the skip connection carries.

    Attributes:
        matrix: Weights of the output projection.
        bias: What the call adds at each row whatever the values are, after the maps.
        maps: Maps between the output projection and the sum, such as a norm or a scale.
        residual: The skip connection's part.
        beside: Part of a feed-forward network that runs beside attention; `None` without one.
        total: The whole sum, in the shape that it had in the pass.
        numbers: Indices of the sums in the pass that make it.
    """

    matrix: Float[Tensor, "hidden head_dim"] = field(repr=False)
    bias: Float[Tensor, "row hidden"] = field(repr=False)
    maps: tuple[FrozenMap, ...]
    residual: Float[Tensor, "row hidden"] = field(repr=False)
    beside: Float[Tensor, "row hidden"] | None = field(repr=False)
    total: Float[Tensor, "..."] = field(repr=False)
    numbers: range


def residual_sum(watch: ResidualWatch, call: int) -> ResidualSum:
    """Finds the sum of one attention call.

    Args:
        watch: The watched pass.
        call: Index of the call, from 0.

    Raises:
        CaptureError: There is no such sum, or what was written isn't linear in the values up to it.
    """
    product, name = watch.projections.get(call), watch.record.calls[call].name
    if product is None:
        raise CaptureError(
            f"the parts of attention call {call} ({name}) need its output projection, and no product with a parameter "
            "has its head outputs as they are: they may be gated, normed or joined with others before; methods that "
            "read attention weights or gradients work"
        )
    rows = watch.record.calls[call].shape[2]
    matrix, constant = _projection(product, watch, call)
    maps, place, side, constants = _way_to_sum(watch, product, call, rows)
    others, last = _others(watch, place, side, call)
    total = watch.sums[last].whole
    full = [part for part in others if part.numel() == total.numel()]
    bias = constant.expand(rows, -1)
    for each in maps:
        bias = each.whole(bias, slice(None))
    residual, beside = _told_apart(full, watch, product, call)
    for part in (*constants, *(part for part in others if part.numel() != total.numel())):
        bias = bias + part.float().reshape(-1, bias.shape[-1])
    return ResidualSum(
        matrix=matrix, bias=bias, maps=maps, residual=in_rows(residual, rows),
        beside=None if beside is None else in_rows(beside, rows), total=total, numbers=range(place, last + 1),
    )  # fmt: skip


def in_rows(tensor: Tensor, rows: int) -> Float[Tensor, "row hidden"]:
    """Returns a tensor of one input as a vector for each row."""
    return tensor.reshape(rows, -1).float()


def norm_after(watch: ResidualWatch, total: Tensor, number: int) -> tuple[FrozenMap | None, int | None]:
    """Finds out whether the residual stream goes on from a sum or from a norm of it.

    Args:
        watch: The watched pass.
        total: The sum.
        number: Its index.

    Returns:
        The norm, `None` without one, and the index of the next sum of the stream. If there is no next sum, the index is
        `None` and the norm is the first that reads the sum.
    """
    readers = list(_maps_of(watch, total))
    for index in range(number + 1, len(watch.sums)):
        for part in watch.sums[index].parts:
            if same(part, total):
                return None, index
            norm = next((found for found, answer in readers if same(part, answer)), None)
            if norm is not None:
                return norm, index
    return next((norm for norm, _ in readers), None), None


def _maps_of(watch: ResidualWatch, tensor: Tensor, first: int = 0) -> Iterator[tuple[FrozenMap, Tensor]]:
    """Yields the frozen maps that read a tensor and change it, with their answers."""
    for step in watch.steps[first:]:
        if same(step.given, tensor) and not same(step.answer, tensor):
            found = frozen_map(step.module, step.given, step.answer)
            if found is not None:
                yield found, step.answer


def _projection(product: Product, watch: ResidualWatch, call: int) -> tuple[Tensor, Tensor]:
    """Returns the weights `[output, input]` and the bias of a product with the head outputs."""
    written, rows = product.given, watch.record.calls[call].shape[2]
    inputs, outputs = in_rows(written, rows), in_rows(product.result, rows)
    weight = product.weight.detach().float()
    forms = [weight.flatten(1), weight.flatten(1).T, weight.flatten(0, -2).T]
    for matrix in forms if product.name in ("linear", "einsum", "conv1d") else forms[::-1]:
        if matrix.shape == (outputs.shape[1], inputs.shape[1]):
            left = outputs - inputs @ matrix.T
            bias = left.mean(dim=0)
            size = outputs.abs().amax() + (inputs @ matrix.T).abs().amax()
            if (left - bias).abs().amax() <= _rounding(product.result) * size:
                return matrix, bias
    raise CaptureError(
        f"the output projection of attention call {call} must multiply head outputs with its parameter of shape "
        f"{list(weight.shape)}, and its output is no such product; report the model"
    )


def _rounding(tensor: Tensor) -> float:
    return 1e-5 if tensor.dtype.itemsize > 2 else 2e-2


def _way_to_sum(
    watch: ResidualWatch, product: Product, call: int, rows: int
) -> tuple[tuple[FrozenMap, ...], int, int, list[Tensor]]:
    """Follows what the projection wrote to a sum with another tensor of its size.

    Returns the maps on the way, the index of the sum and of its part, and constant vectors that were added.
    """
    tensor, first, maps, constants = product.result, product.sums, list[FrozenMap](), list[Tensor]()
    while True:
        place = _sum_with(watch, tensor, first)
        if place is not None:
            total, side = watch.sums[place[0]], place[1]
            if total.parts[1 - side].numel() < total.whole.numel():
                constants.append(total.parts[1 - side])
                tensor, first = total.whole, place[0] + 1
                continue
            if total.newest[1 - side] < call:
                return tuple(maps), *place, constants
        found = next(_maps_of(watch, tensor, product.steps), None)
        if found is None:
            found = _inline_scale(watch, tensor, first, call, rows)
        if found is None or constants or place is not None:
            raise CaptureError(
                f"what attention call {call} ({watch.record.calls[call].name}) wrote must be added to a skip "
                "connection, as it is or after a norm or a scale, and is in no such sum; methods that read attention "
                "weights or gradients work"
            )
        maps.append(found[0])
        tensor = found[1]


def _sum_with(watch: ResidualWatch, tensor: Tensor, first: int) -> tuple[int, int] | None:
    """Returns the first sum, from an index on, that has this tensor as a part, and which part; `None` without one."""
    for index in range(first, len(watch.sums)):
        for side, part in enumerate(watch.sums[index].parts):
            if same(part, tensor):
                return index, side
    return None


def _inline_scale(
    watch: ResidualWatch, tensor: Tensor, first: int, call: int, rows: int
) -> tuple[FrozenMap, Tensor] | None:
    """Finds a sum of which one part is this tensor times a constant factor for each feature."""
    for total in watch.sums[first:]:
        for part, newest in zip(total.parts, total.newest, strict=True):
            if newest == call and part.numel() == tensor.numel():
                found = constant_scale(in_rows(tensor, rows), in_rows(part, rows))
                if found is not None:
                    return found, part
    return None


def _others(watch: ResidualWatch, place: int, side: int, call: int) -> tuple[list[Tensor], int]:
    """Returns all that is added to a part, also in further sums, as long as it doesn't depend on the call."""
    others = [watch.sums[place].parts[1 - side]]
    while True:
        following = _sum_with(watch, watch.sums[place].whole, place + 1)
        if following is None:
            return others, place
        total, side = watch.sums[following[0]], following[1]
        if total.newest[1 - side] >= call:
            return others, place
        others.append(total.parts[1 - side])
        place = following[0]


def _told_apart(parts: list[Tensor], watch: ResidualWatch, product: Product, call: int) -> tuple[Tensor, Tensor | None]:
    """Tells the skip connection, which was there before the call, from a network that ran beside it."""
    if len(parts) == 1:
        return parts[0], None
    before = [part for part in parts if _was_there(part, watch, product)]
    if len(parts) != 2 or len(before) != 1:
        raise CaptureError(
            f"the output of attention call {call} must be added to one skip connection, with at most one network "
            f"beside it, and {len(parts)} tensors are added of which {len(before)} were there before; report the model"
        )
    return before[0], next(part for part in parts if part is not before[0])


def _was_there(tensor: Tensor, watch: ResidualWatch, product: Product) -> bool:
    """Returns whether a tensor was a sum, or a module's input or output, before the projection."""
    sums, steps = watch.sums[: product.sums], watch.steps[: product.steps]
    return any(same(each.whole, tensor) for each in sums) or any(
        same(tensor, each.given) or same(tensor, each.answer) for each in steps
    )
