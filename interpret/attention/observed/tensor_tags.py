"""Tags of tensors, which follow scores to a softmax, and its weights to a product with values.

A tensor has one of three tags, or none. Scores come from a product of two computed tensors (queries and keys), and
stay scores under any function but a learned projection. A softmax of scores gives weights, which stay weights under
functions that don't mix rows: dropout, casts, masks, views. Everything else made from weights is mixed. Softmaxes of
other tensors (routers, classifiers) get no tag.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from interpret.attention.tracing.torch_functions import PERMUTATIONS, VIEWS, ByTensor, given_tensors, tensors_in

SOFTMAX = {"softmax"}
_PROJECTIONS = {"linear", "addmm", "conv1d", "conv2d", "embedding", "layer_norm", "batch_norm"}
_SAME = {
    *("dropout", "dropout_", "feature_dropout", "alpha_dropout", "to", "type", "type_as", "float", "half", "bfloat16"),
    *("double", "contiguous", "clone", "detach", "masked_fill", "masked_fill_", "mul", "mul_", "__mul__", "__rmul__"),
    *("__imul__", "div", "div_", "__truediv__", "__itruediv__", "nan_to_num", "nan_to_num_", "where", "multiply"),
    *("cpu", "cuda", "clamp", "clamp_"),
}
_WIDER = {"expand", "expand_as"}


@dataclass(eq=False)
class Softmax:
    """A softmax of scores.

    Attributes:
        owner: Class name of the module that ran it.
        is_read: True if its result entered a product as weights.
    """

    owner: str
    is_read: bool = False


@dataclass(frozen=True, eq=False)
class Tag:
    """Tag of a tensor.

    Attributes:
        kind: "scores", "weights" or "mixed".
        softmax: Softmax that weights come from.
        axis: Axis over which weights sum to 1.
    """

    kind: str
    softmax: Softmax | None = None
    axis: int = -1


SCORES = Tag("scores")
MIXED = Tag("mixed")


class TensorTags(ByTensor[Tag]):
    """Tags of all living tensors."""

    def follow(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Tags the result of a function of tagged tensors, for all functions but softmaxes and products."""
        found = [(tensor, tag) for tensor in given_tensors(args, kwargs) if (tag := self[tensor]) is not None]
        if not found:
            return
        source, tag = max(found, key=lambda pair: _RANK[pair[1].kind])
        if tag.kind == "weights":
            self._follow_weights(name, args, kwargs, source, tag, result)
        elif name not in _PROJECTIONS:
            self._tag_all(result, tag)
        if name == "__setitem__" and found and args[0] is not source:
            self[args[0]] = SCORES if tag is SCORES else MIXED

    def _follow_weights(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], source: Tensor, tag: Tag, result: Any
    ) -> None:
        axis = _axis_after(name, args, kwargs, source, tag.axis, result)
        if axis is not None:
            self._tag_all(result, Tag("weights", tag.softmax, axis))
        elif name != "linear":
            self._tag_all(result, MIXED)

    def _tag_all(self, result: Any, tag: Tag) -> None:
        for tensor in tensors_in(result):
            if tensor.is_floating_point():
                self[tensor] = tag


_RANK = {"scores": 0, "weights": 1, "mixed": 2}


def _axis_after(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], source: Tensor, axis: int, result: Any
) -> int | None:
    """Returns the axis over which weights sum to 1 after a function that doesn't mix rows; `None` after any other."""
    if not isinstance(result, Tensor):
        return None
    last, size = source.ndim - 1, source.shape[axis]
    if name in _SAME:
        return axis if result.shape == source.shape else None
    if name in _WIDER:
        return axis if result.ndim == source.ndim and result.shape[axis] == size else None
    if name in VIEWS:
        return result.ndim - 1 if axis == last and result.shape[-1] == size else None
    if name in PERMUTATIONS and args and args[0] is source:
        probe = torch.empty([*range(2, source.ndim + 2)], device="meta")
        turned: Tensor = getattr(torch.Tensor, name)(probe, *args[1:], **kwargs)
        return turned.shape.index(axis + 2)
    if name == "linear" and axis != last:  # mixes heads, as talking heads do
        return axis
    return None
