"""Check that recorded weights are those that the model returns under `output_attentions=True`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from interpret.attention.call import AttentionCall
from interpret.attention.observed.sparse_call import SparseCall
from interpret.attention.recording import Recording, recording
from interpret.doctor.check_result import CheckResult, is_exact, measured
from interpret.errors import CaptureError
from interpret.projections.scores import accepted
from interpret.system.refusals import first_line

WEIGHTS = "weights are those of output_attentions=True"

_SAME_LAYER = 1e-3  # maps that differ by more belong to different layers


def check_weights(model: nn.Module, inputs: dict[str, Tensor], *, tolerance: float = 1e-6) -> CheckResult:
    """Compares every recorded map with those that the model returns under eager attention.

    Encoder, decoder and cross attention are returned in separate lists, each in the order of its layers; a recording
    has them in the order in which they ran. So each recorded map is matched with the closest of the next maps of all
    lists, if it is near; some models don't return all maps, and some return one in two parts.

    Below float32, rounding differences between kernels grow from layer to layer, so such a model is recorded under
    eager attention too.

    Args:
        model: A model, left as it is.
        inputs: Arguments of its `forward`.
        tolerance: Largest difference of a weight in float32. The model's kernel and its eager function round
            differently, and differences grow from layer to layer, so deep models need more.

    Returns:
        The largest difference of a weight; also failed if the model returns a map that wasn't recorded, and not
        applicable if it returns none.
    """
    try:
        with eager(model), torch.no_grad():
            output = model(
                **inputs, **accepted(model, {"use_cache": False, "return_dict": True}), output_attentions=True
            )
    except Exception as error:  # a model without this option may raise anything
        why = "" if isinstance(error, TypeError) else f": {first_line(error)}"
        return CheckResult(WEIGHTS, "not applicable", detail=f"the model offers none{why}")
    returned = returned_maps(output)
    if not returned:
        return CheckResult(WEIGHTS, "not applicable", detail="the model offers none")
    exact = is_exact(model)
    with nullcontext() if exact else eager(model), torch.no_grad(), recording(model) as record:
        model(**inputs, **accepted(model, {"use_cache": False, "return_dict": True}))
    try:
        recorded = [_comparable_maps(call) for call in record.calls]
    except CaptureError as error:
        return CheckResult(WEIGHTS, "failed", detail=str(error))
    returned = [maps for maps in returned if not _are_cut(maps, record)]
    returned = [[_weights_of(leaf) for leaf in maps if not _is_state(leaf, record)] for maps in returned]
    if not any(returned):
        return CheckResult(WEIGHTS, "not applicable", detail="the model shows pieces, and no whole maps")
    return _compared(recorded, returned, tolerance if exact else 2e-2)


def returned_maps(output: Any) -> list[list[Tensor]]:
    """Attention maps in a model's output, one list for each field that has any."""
    fields = dict(output) if isinstance(output, dict) else vars(output)
    found = []
    for name, value in fields.items():
        if name.endswith("attentions") and value is not None:
            found.append([leaf for leaf in _leaves(value) if leaf.ndim == 4 and leaf.is_floating_point()])
        elif name.endswith("_output") and hasattr(value, "to_tuple"):
            found += returned_maps(value)
    return [maps for maps in found if maps]


def _leaves(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Sequence):
        for item in value:
            yield from _leaves(item)


def _are_cut(maps: list[Tensor], record: Recording) -> bool:
    """True if these aren't whole maps, as returned by models that compute attention in pieces.

    They are bands and global columns, or maps that keep only one weight of a key that was seen twice, so that rows
    don't sum to 1.
    """
    shapes = {call.weights.shape for call in record.calls}
    is_cut = any(isinstance(call, SparseCall) for call in record.calls)
    whole = [returned for returned in maps if returned.shape in shapes]
    return is_cut and (not whole or any((returned.float().sum(-1) - 1).abs().max() > _SAME_LAYER for returned in whole))


def _is_state(leaf: Tensor, record: Recording) -> bool:
    """True for the state of a layer without softmax attention: it has another shape, and no row sums to 1."""
    shapes = {call.weights.shape[-2:] for call in record.calls}
    fits = any(leaf.shape[-2] <= queries and leaf.shape[-1] <= keys for queries, keys in shapes)
    return not fits and bool(((leaf.float().sum(-1) - 1).abs() > _SAME_LAYER).all())


def _weights_of(leaf: Tensor) -> Tensor:
    """Weights of a returned map; applies the softmax if the model returned scores instead."""
    return leaf.softmax(-1) if leaf.min() < 0 or leaf.max() > 1 + _SAME_LAYER else leaf


def _comparable_maps(call: AttentionCall) -> list[Tensor]:
    """A recorded map, and with a learned sink also the map normalised without it, which some models return."""
    return [call.weights] + [call.weights / call.weights.sum(-1, keepdim=True)] * call.has_sink


def _compared(recorded: list[list[Tensor]], returned: list[list[Tensor]], tolerance: float) -> CheckResult:
    waiting = [list(maps) for maps in returned]
    total, worst, far, matched, found = sum(map(len, returned)), 0.0, float("inf"), 0, 0
    for variants in recorded:
        distances = {number: _nearest(variants, maps[0]) for number, maps in enumerate(waiting) if maps}
        same = [number for number, distance in distances.items() if waiting[number][0].shape == variants[0].shape]
        taken = [min(same, key=lambda number: distances[number])] if same else []
        if not taken or distances[taken[0]] > _SAME_LAYER:
            far = min([far, *(distances[number] for number in taken)])
            # Models may return a map of several texts in one part for each, or without a prompt that they add.
            taken = [number for number, distance in distances.items() if number not in same and distance <= _SAME_LAYER]
        for number in taken:
            waiting[number].pop(0)
            worst, matched = max(worst, distances[number]), matched + 1
        found += bool(taken)
    if matched < total:
        detail = f"{matched} of the {total} maps that the model shows were recorded, and {len(recorded)} in all"
        return CheckResult(WEIGHTS, "failed", far if far < float("inf") else None, tolerance, detail)
    hidden = len(recorded) - found
    return measured(
        WEIGHTS, worst, tolerance, f"{matched} maps" + (f"; the model doesn't show {hidden} more" * bool(hidden))
    )


def _nearest(variants: list[Tensor], returned: Tensor) -> float:
    """Smallest difference of a returned map from a recorded one, or from its first or last keys in its last rows."""
    queries, keys = returned.shape[-2:]
    parts = [part for each in variants for part in (each[..., -queries:, :keys], each[..., -queries:, -keys:])]
    return min((_apart(part, returned) for part in parts if part.shape == returned.shape), default=float("inf"))


def _apart(one: Tensor, other: Tensor) -> float:
    apart = float((one.float() - other.float()).abs().max())
    return apart if apart == apart else float("inf")


@contextmanager
def eager(model: nn.Module) -> Iterator[None]:
    """Switches the model to eager attention until the block ends, as far as it allows that.

    Hooks that transformers adds to return weights are removed again.
    """
    hooks = {module: (set(vars(module)), dict(module._forward_hooks)) for module in model.modules()}
    kept: dict[int, tuple[Any, Any]] = {}
    pending: list[Any] = [getattr(module, "config", None) for module in model.modules()]
    while pending:
        config = pending.pop()
        if hasattr(config, "_attn_implementation_internal") and id(config) not in kept:
            kept[id(config)] = config, config._attn_implementation_internal
            pending += [getattr(config, name, None) for name in config.sub_configs]
    try:
        for config, _ in kept.values():
            config._attn_implementation_internal = "eager"
        yield
    finally:
        for config, kernel in kept.values():
            config._attn_implementation_internal = kernel
        for module, (names, own) in hooks.items():
            for number in module._forward_hooks.keys() - own.keys():
                del module._forward_hooks[number]
            for name in vars(module).keys() - names:
                delattr(module, name)
