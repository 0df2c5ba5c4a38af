"""Wrappers around a model, such as compilers, trainers, adapters and pipelines, and the model inside."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from interpret.errors import InputError
from interpret.modes.evaluating import evaluating
from interpret.subjects.models.conventions import numbers_in, takes
from interpret.subjects.models.probing import some_ids
from interpret.system.refusals import refusing
from interpret.tolerances import apart

_NEAR = 1e-3  # tolerance between scores


@dataclass(frozen=True, eq=False)
class Unwrapped:
    """A model taken out of its wrappers.

    Attributes:
        model: The model inside, whose layers and config are read.
        called: The module that its user calls: the model itself, or the wrapper around it.
    """

    model: nn.Module = field(repr=False)
    called: nn.Module = field(repr=False)


def unwrapped(given: nn.Module) -> Unwrapped:
    """Finds the model inside `torch.compile`, `DataParallel` and the like, or a PEFT adapter.

    A compiled module computes the same as the module inside, which is therefore called instead.
    """
    model = called = given
    while (inner := _inside(model)) is not None:
        if hasattr(model, "_orig_mod") and called is model:
            called = inner
        model = inner
    return Unwrapped(model, called)


def require_same_inside(name: str, found: Unwrapped) -> None:
    """Raises if a wrapper gives other scores than the model inside, as with adapters that prepend virtual tokens.

    Raises:
        InputError: The scores differ, or the wrapper doesn't run; the message says what to do.
    """
    if found.called is found.model:
        return
    ids = some_ids(found.model.get_input_embeddings().weight)  # type: ignore[operator]
    # Some encoder-decoder models don't run on a source alone.
    given = {"input_ids": ids, **({"decoder_input_ids": ids} if takes(found.model, "decoder_input_ids") else {})}
    wrapper = type(found.called).__name__
    way_out = (
        "give a model that the wrapper is part of (of an adapter, merge_and_unload() makes one), or the one inside"
    )
    wanted = f"{name} is wrapped in a {wrapper} that doesn't run on token ids; {way_out}"
    with refusing(wanted), torch.no_grad(), evaluating(found.called):
        outer, inner = (numbers_in(each(**given))[0] for each in (found.called, found.model))
    if apart(outer, inner) > _NEAR:
        raise InputError(
            f"{name} is wrapped in a {wrapper} that gives other scores than the model inside, so what it adds can't be "
            f"kept; {way_out}"
        )


def is_pipeline(given: Any) -> bool:
    """Returns whether this is a transformers pipeline."""
    return _is_kind(given, "transformers.", ("Pipeline",))


def _inside(model: nn.Module) -> nn.Module | None:
    """Returns the module inside a wrapper; `None` if it isn't a wrapper."""
    if isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):  # torch.compile
        return inner
    if _is_kind(model, "peft.", ("PeftModel", "PeftMixedModel")):
        base: nn.Module = model.get_base_model()  # type: ignore[operator]
        return base
    around = ("DataParallel", "DistributedDataParallel", "FullyShardedDataParallel", "DeepSpeedEngine")
    inner = getattr(model, "module", None)
    return inner if isinstance(inner, nn.Module) and _is_kind(model, ("torch.", "deepspeed."), around) else None


def _is_kind(given: Any, packages: str | tuple[str, ...], names: tuple[str, ...]) -> bool:
    return any(kind.__name__ in names and kind.__module__.startswith(packages) for kind in type(given).__mro__)
