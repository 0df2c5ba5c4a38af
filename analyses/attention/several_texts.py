"""Results of several examples in one: tensors with a leading axis, as long as the longest text."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeGuard, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.results.result import MapsResult
from interpret.attention.labels import Labels
from interpret.attention.maps import Maps
from interpret.attention.recording import Recording
from interpret.errors import InputError

Kind = TypeVar("Kind", bound=MapsResult)


def is_several(attention: Any) -> TypeGuard[Sequence[Recording | Maps]]:
    """Returns whether attention is that of several examples: a sequence of recordings or maps, one for each."""
    return isinstance(attention, Sequence) and all(isinstance(each, Recording | Maps) for each in attention)


def stacked(results: Sequence[Kind]) -> Kind:
    """Stacks results of several examples.

    Args:
        results: A result of each example, all by one model and with the same options.

    Returns:
        A result whose tensors have a leading axis "example", NaN where a text is shorter than the longest.

    Raises:
        InputError: There is no result, or they differ in layers, heads or options.
    """
    if not results:
        raise InputError("attention must be that of at least one example, and none came")
    made = {name: _joined(name, [getattr(each, name) for each in results]) for name in _names(results[0])}
    labels = [each.labels for each in results]
    known = tuple(each for each in labels if isinstance(each, Labels))
    return replace(results[0], **made, labels=known if len(known) == len(labels) else None)


def each_of(given: Any, attention: Sequence[Any], name: str) -> Sequence[Any]:
    """Returns an option that is given for each example.

    Raises:
        InputError: There are not as many as examples.
    """
    if not isinstance(given, Sequence) or len(given) != len(attention) or any(isinstance(each, int) for each in given):
        raise InputError(f"{name} must be given for each of {len(attention)} examples, as a list of theirs")
    return given


def _names(result: MapsResult) -> list[str]:
    return [each.name for each in fields(result) if each.name != "labels"]


def _joined(name: str, values: Sequence[Any]) -> Any:
    first = values[0]
    if isinstance(first, Tensor):
        return _padded(name, values)
    if any(value != first for value in values):
        raise InputError(f"results of several examples must have one {name}, not {', '.join(map(str, values))}")
    return first


def _padded(name: str, tensors: Sequence[Tensor]) -> Float[Tensor, "example ..."]:
    sizes = torch.tensor([tensor.shape for tensor in tensors]).amax(dim=0).tolist()
    if any(tensor.shape[0] != sizes[0] for tensor in tensors):
        raise InputError(
            f"results of several examples must be by one model, and {name} has the shapes "
            f"{', '.join(str(list(tensor.shape)) for tensor in tensors)}"
        )
    whole = torch.full((len(tensors), *sizes), torch.nan)
    for row, tensor in zip(whole, tensors, strict=True):
        row[tuple(map(slice, tensor.shape))] = tensor
    return whole
