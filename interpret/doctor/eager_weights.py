"""Are the recorded weights those that the model itself shows under `output_attentions=True`?"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from interpret.doctor.answers import accepted
from interpret.doctor.finding import Finding, measured
from interpret.errors import CaptureError
from interpret.record import recording
from interpret.refusals import first_line

CHECK = "weights are those of output_attentions=True"

_NEAR = 1e-3  # maps further apart are of different layers


def check_weights(model: nn.Module, inputs: dict[str, Tensor], *, tolerance: float = 1e-6) -> Finding:
    """Holds every recorded map against what the model shows when it computes attention step by step.

    Encoder, decoder and cross attention come in lists of their own, each in the order of its layers; a recording has
    them in the order in which they ran. So each recorded map is compared with the next one of each list, and takes
    the closest that is near; some models don't show all of theirs.

    Args:
        model: A model, left as it is.
        inputs: Arguments of its `forward`.
        tolerance: By how much a weight in float32 may differ. The model's kernel and its step by step function round
            otherwise, and the layers above go on from there, so that deep models need more.

    Returns:
        The largest difference of a weight; failed too when the model shows a map that none was recorded for, and not
        applicable when it shows none.
    """
    try:
        with eager(model), torch.no_grad():
            output = model(
                **inputs, **accepted(model, {"use_cache": False, "return_dict": True}), output_attentions=True
            )
    except Exception as error:  # whatever a model without this option makes of it
        why = "" if isinstance(error, TypeError) else f": {first_line(error)}"
        return Finding(CHECK, "not applicable", detail=f"the model offers none{why}")
    shown = shown_maps(output)
    if not shown:
        return Finding(CHECK, "not applicable", detail="the model offers none")
    with torch.no_grad(), recording(model) as record:
        model(**inputs, **accepted(model, {"use_cache": False, "return_dict": True}))
    try:
        recorded = [record.weights(layer) for layer in range(len(record))]
    except CaptureError as error:
        return Finding(CHECK, "failed", detail=str(error))
    return _compared(recorded, shown, tolerance if recorded[0].dtype == torch.float32 else 2e-2)


def shown_maps(output: Any) -> list[list[Tensor]]:
    """The maps of attention in a model's output, one list for each of its fields that has any."""
    fields = dict(output) if isinstance(output, dict) else vars(output)
    found = []
    for name, value in fields.items():
        if name.endswith("attentions") and value is not None:
            found.append([leaf for leaf in _leaves(value) if leaf.ndim == 4 and leaf.is_floating_point()])
        elif name.endswith("_output") and hasattr(value, "to_tuple"):
            found += shown_maps(value)
    return [maps for maps in found if maps]


def _leaves(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Sequence):
        for item in value:
            yield from _leaves(item)


def _compared(recorded: list[Tensor], shown: list[list[Tensor]], tolerance: float) -> Finding:
    waiting = [list(maps) for maps in shown]
    total, worst, far, matched = sum(map(len, shown)), 0.0, float("inf"), 0
    for weights in recorded:
        fitting = [maps for maps in waiting if maps and maps[0].shape == weights.shape]
        closest = min(fitting, key=lambda maps: _apart(weights, maps[0]), default=None)
        if closest is None:
            continue
        apart = _apart(weights, closest[0])
        if apart > _NEAR:
            far = min(far, apart)
            continue
        closest.pop(0)
        worst, matched = max(worst, apart), matched + 1
    if matched < total:
        detail = f"{matched} of the {total} maps that the model shows were recorded, and {len(recorded)} in all"
        return Finding(CHECK, "failed", far if far < float("inf") else None, tolerance, detail)
    hidden = len(recorded) - matched
    return measured(
        CHECK, worst, tolerance, f"{matched} maps" + (f"; the model doesn't show {hidden} more" * bool(hidden))
    )


def _apart(one: Tensor, other: Tensor) -> float:
    apart = float((one.float() - other.float()).abs().max())
    return apart if apart == apart else float("inf")


@contextmanager
def eager(model: nn.Module) -> Iterator[None]:
    """Lets the model compute attention step by step until the end of the block, as far as it can be told to."""
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
