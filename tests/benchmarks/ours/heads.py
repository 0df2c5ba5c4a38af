"""Every head silenced: in one sweep, and one head a pass."""

from collections.abc import Callable
from itertools import product
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from analyses.heads.ablation import head_importance
from benchmarks.ours.models import Settings, example_of, load
from interpret import editing, recording, zero_head
from interpret.subjects.decision import margin


def swept(settings: Settings) -> Callable[[], list[list[float]]]:
    """How far the margin falls without each head."""
    subject = load(settings)
    example = example_of(subject, settings["tokens"])
    decision = subject.decide(example)
    return lambda: head_importance(subject, example, decision).drop.tolist()


def looped(settings: Settings) -> Callable[[], list[list[float]]]:
    """The same by plain editing, one head a pass."""
    subject = load(settings)
    example = example_of(subject, settings["tokens"])
    target = subject.decide(example).target
    ids = example.ids[None]
    with recording(subject.model) as record, torch.no_grad():
        subject.logits(ids)
    layers, heads = len(record), record.output(0).shape[2]

    def work() -> list[list[float]]:
        drops = torch.empty(layers, heads)
        with torch.no_grad():
            clean = margin(subject.logits(ids).float(), target)
            for layer, head in product(range(layers), range(heads)):
                with editing(subject.model, zero_head(layer, head)):
                    drops[layer, head] = clean - margin(subject.logits(ids).float(), target)
        return drops.tolist()

    return work


def operations(settings: Settings) -> Callable[[], int]:
    """How many floating-point operations the sweep's matrix products take."""
    sweep = swept(settings)

    def work() -> int:
        with FlopCounterMode(display=False) as counter:
            sweep()
        return counter.get_total_flops()

    return work


def matmul(settings: Settings) -> Callable[[], dict[str, Any]]:
    """The machine's own peak: products of large square matrices in the precision of the run."""
    size, times = settings["size"], settings["times"]
    kind = {"device": settings["device"], "dtype": getattr(torch, settings["dtype"])}
    left, right = torch.randn(size, size, **kind), torch.randn(size, size, **kind)

    def work() -> dict[str, Any]:
        for _ in range(times):
            left @ right
        return {"operations": 2 * size**3 * times}

    return work
