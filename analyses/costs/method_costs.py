"""Costs of explanation methods on one text: passes, work, memory and time, each method by itself."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import nn

from analyses.costs.costs_result import MethodCost, MethodCosts
from analyses.costs.counted_passes import Heard, counting, heard_layers
from analyses.explanations.method import Method
from analyses.explanations.methods import chosen_methods
from analyses.explanations.shared import USUAL_STEPS, Shared
from interpret.errors import CaptureError, InputError
from interpret.indices import whole_number
from interpret.modes.evaluating import evaluating
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision
from interpret.subjects.forward_pass import remembered
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject
from interpret.system.operations import counted_operations

PLAIN_PASS = "plain pass"
RUNS = 3  # timed ones
RUNS_OF_STUDY = 1  # which stores what is counted, and only prints seconds
OTHER_RUNS = 2  # one that fills caches, and one that is counted


def method_costs(
    subject: Subject,
    text: str | Example,
    methods: Sequence[str] | str | None = None,
    second: str | None = None,
    *,
    target: Any = None,
    against: Any = None,
    eraser: str | None = None,
    integration_steps: int = USUAL_STEPS,
    runs: int = RUNS,
) -> MethodCosts:
    """Measures what explaining one decision takes: passes, work, memory and time.

    Each method runs by itself, from a decision that is known, so nothing that it shares with others is free. Passes,
    work and memory are counted, and the same in every run of the same model, software and kind of device. Seconds are
    measured, differ from machine to machine, and include what counting can't see, such as work in Python and NumPy. A
    run before all that is measured fills caches.

    Args:
        subject: The model.
        text: The input text, or an image's path; or an encoded input from `subject.encode`.
        methods: Names of methods, or of sets of them; by default those that an analysis runs. Last-layer attention is
            always among them.
        second: A second text, for tasks that have one.
        target: The label to explain, by its name or index; by default the predicted one.
        against: The label that it is held against; by default all others.
        eraser: How units are taken out; by default the first of `subject.erasers`.
        integration_steps: Points of an integral along a path.
        runs: Number of timed runs, of which the median counts.

    Raises:
        InputError: There is no such method, the input or the target can't be used, or `runs` is below 1.
        CaptureError: Work can't be counted, as in models with flexible attention.

    Source: Work as counted by `torch.utils.flop_counter`, and of kernels for the CPU and for mixtures of experts, which
    it leaves out, by the same formulas.

    Example:
        >>> found = method_costs(interpret.load(), "Slow at first, then wonderful.", ["leave-one-out"], runs=1)
        >>> found.row("leave-one-out").passes  # the text without each of its seven words
        7
        >>> found.row("leave-one-out").seconds > 0
        True
    """
    if whole_number("runs", runs) < 1:
        raise InputError(f"runs must be at least 1, for a time, not {runs}")
    chosen = chosen_methods(methods)
    subject, example, name = subject.asked_about(text, second, target=target, against=against)
    return costs_of(
        subject, example, chosen, target=name, eraser=eraser, integration_steps=integration_steps, runs=runs
    )


@gradients_on()
def costs_of(
    subject: Subject,
    example: Example,
    methods: Sequence[Method],
    *,
    target: str | None = None,
    eraser: str | None = None,
    integration_steps: int = USUAL_STEPS,
    runs: int = RUNS,
) -> MethodCosts:
    """Measures what methods cost on one input; as `method_costs`, whose arguments it has."""
    with evaluating(subject.model):
        decision = subject.decide(example, target)
        measuring = _Measuring(subject, example, heard_layers(subject, example), runs)
        plain = measuring.plain_pass()
        rows: list[MethodCost] = []
        left_out: dict[str, str] = {}
        for method in methods:
            try:
                run = partial(_explain, method, subject, example, decision, eraser, integration_steps)
                rows.append(measuring.cost(method.name, run, plain.flops))
            except CaptureError as error:
                left_out[method.name] = str(error)
    return MethodCosts(tuple(rows), len(example.units), len(example.ids), plain, runs, left_out)


def median_text(texts: int) -> int:
    """Index of the text on which costs of a study are measured, of texts in the order of their lengths."""
    return (texts - 1) // 2


@dataclass(frozen=True, eq=False)
class _Measuring:
    subject: Subject
    example: Example
    layers: dict[nn.Module, Heard]
    runs: int

    def plain_pass(self) -> MethodCost:
        """Measures one plain pass."""

        @torch.no_grad()
        def run() -> None:
            self.subject.logits(self.example.ids[None])

        try:
            return self.cost(PLAIN_PASS, run, math.nan)
        except RuntimeError as error:
            raise CaptureError(
                f"the work of {self.subject.name} can't be counted, as where attention is flexible or the model "
                f"compiled; load it with another kernel, such as sdpa ({str(error).splitlines()[0]})"
            ) from error

    def cost(self, name: str, run: Callable[[], Any], plain_flops: float) -> MethodCost:
        """Runs a function once for its caches, then to time and to count it."""
        run()
        seconds = median(self._seconds(run) for _ in range(self.runs))
        with counting(self.subject.model, self.layers) as passes:
            found = counted_operations(run)
        return MethodCost(
            name,
            passes.plain,
            passes.with_gradient,
            found.flops,
            found.flops / plain_flops if plain_flops else math.nan,
            found.memory,
            seconds,
        )

    def _seconds(self, run: Callable[[], Any]) -> float:
        self._wait()
        begun = time.perf_counter()
        run()
        self._wait()
        return time.perf_counter() - begun

    def _wait(self) -> None:
        if self.subject.device.type == "cuda":
            torch.cuda.synchronize(self.subject.device)


def _explain(
    method: Method, subject: Subject, example: Example, decision: Decision, eraser: str | None, steps: int
) -> Any:
    shared = Shared(subject, example, decision, integration_steps=steps, eraser=eraser)
    with remembered(subject, example.ids[None]):
        return method(subject, example, decision, shared)
