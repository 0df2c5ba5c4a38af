"""Plan of an analysis: estimated time and memory, the batch size that fits the memory, and what it took in the end."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch
from typing_extensions import TypedDict

from analyses.explanations.method import Method
from analyses.explanations.methods import chosen_methods, methods_of_steps
from analyses.export.json_schema import written_as
from analyses.planning.effort import Effort
from analyses.planning.speed import Speed, measure_speed
from analyses.planning.work import Work, analysis_work, sanity_work, steps_work, study_work
from analyses.results.result import Result
from analyses.verdicts.measurement import Draws
from interpret.errors import InputError
from interpret.subjects.inputs.continuation import Continuation
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject
from interpret.system.memory import free_bytes, peak_bytes, shown_bytes, shown_seconds, used_bytes

if TYPE_CHECKING:
    from pandas import DataFrame

SPARE = 0.9  # share of the free memory that may be used; the rest is a reserve
_NUMBER = 4  # bytes


@dataclass(frozen=True, repr=False)
class Plan(Result):
    """Estimated time and memory of an analysis.

    Attributes:
        passes: Number of passes, in units of one pass of the whole input.
        seconds: Wall time, the planning included.
        memory: Peak memory of the process on the model's device, in bytes, the weights included.
        limit: Most bytes that it may hold.
        tokens_at_once: Tokens of one forward pass that fit the memory.

    Example:
        >>> plans = []
        >>> found = analyze(interpret.load(), "Slow at first, then wonderful.", effort="quick", planned=plans.append)
        >>> plans[0].passes > 100 and plans[0].memory < plans[0].limit
        True
    """

    passes: float
    seconds: float
    memory: int
    limit: int
    tokens_at_once: int

    def summary(self) -> list[str]:
        """Returns time, memory and passes, and the limits."""
        return [f"Plan: {self}", f"at most {shown_bytes(self.limit)}, {self.tokens_at_once} tokens at once"]

    def to_frame(self) -> "DataFrame":
        """Returns one row: seconds, memory and limit (bytes), passes, tokens at once."""
        import pandas

        return pandas.DataFrame([asdict(self)])

    def __str__(self) -> str:
        """Formats the plan on one line."""
        return f"{shown_seconds(self.seconds)} and {shown_bytes(self.memory)} of memory, {self.passes:,.0f} passes"


def plan_analysis(
    subject: Subject,
    example: Example,
    effort: Effort,
    *,
    methods: Sequence[str] | None = None,
    eraser: str | None = None,
    max_memory: int | None = None,
) -> Plan:
    """Estimates the cost of `analyze` from a few measured passes of the input.

    Time is the measured time of a pass times the number of passes; memory is that of a pass's tensors times the batch
    size, which is reduced until it fits the limit.

    Args:
        subject: The model.
        example: The input.
        effort: Numbers of random draws and integration steps.
        methods: Names of the explanations; by default all that are registered.
        eraser: How units are taken out; by default the first of `subject.erasers`.
        max_memory: Most bytes that the process may hold on the model's device; by default what it holds now and nine
            tenths of what is free.

    Raises:
        InputError: A single input exceeds the memory, or the eraser isn't allowed.
    """
    eraser, chosen = subject.chosen_eraser(eraser, example), chosen_methods(methods)

    def work(speed: Speed) -> Work:
        return analysis_work(
            subject, example, effort, chosen, eraser=eraser, calls=speed.calls, heads=speed.heads, labels=speed.labels
        )

    return _planned(subject, example, work, chosen, max_memory)


def plan_steps(
    subject: Subject,
    continuation: Continuation,
    *,
    methods: Sequence[str] | None = None,
    verdicts: bool = True,
    eraser: str | None = None,
    max_memory: int | None = None,
) -> Plan:
    """Estimates the cost of `analyze_steps`.

    Args:
        subject: The model.
        continuation: The text and its continuation.
        methods: Names of the explanations; by default those of every token.
        verdicts: Whether each decision is judged.
        eraser: How words are taken out; by default the first of `subject.erasers`. All take as long.
        max_memory: As for `plan_analysis`.

    Raises:
        InputError: A single input exceeds the memory, or the eraser isn't allowed.
    """
    chosen = methods_of_steps(methods)
    subject.chosen_eraser(eraser, continuation.examples[-1])

    def work(speed: Speed) -> Work:
        return steps_work(subject, continuation, chosen, verdicts=verdicts, calls=speed.calls, heads=speed.heads)

    return _planned(subject, continuation.examples[-1], work, chosen, max_memory)


def plan_study(
    subject: Subject,
    groups: Sequence[Sequence[Example]],
    draws: Draws,
    methods: Sequence[Method] = (),
    *,
    compared: Sequence[Method] = (),
    checked: Sequence[Example] = (),
    adversary_steps: int | None = None,
    more: Callable[[Example], float] | None = None,
    max_memory: int | None = None,
) -> Plan:
    """Estimates the cost of a study's measurements, from passes of its longest text.

    Args:
        subject: The model.
        groups: The texts, in groups that are measured together.
        draws: Random draws of each text.
        methods: Explanations that are ranked.
        compared: Further explanations, which are only compared with marked words.
        checked: Those of the texts on which these go through sanity checks.
        adversary_steps: Steps of each text's search for adversarial attention; `None` without the published tests.
        more: Passes of one text for what else is measured, such as how far back its decision looks.
        max_memory: As for `plan_analysis`.

    Raises:
        InputError: A single text exceeds the memory.
    """
    longest = max((example for group in groups for example in group), key=lambda example: len(example.ids))

    def work(speed: Speed) -> Work:
        known = study_work(
            subject,
            groups,
            draws,
            methods,
            compared,
            heads=speed.heads,
            adversary_steps=adversary_steps,
            more=more,
        )
        return known.then(sanity_work(subject, checked, methods, layers=speed.calls, longest=speed.tokens))

    return _planned(subject, longest, work, (*methods, *compared), max_memory)


def _planned(
    subject: Subject,
    example: Example,
    count: Callable[[Speed], Work],
    methods: Sequence[Method],
    max_memory: int | None,
) -> Plan:
    begun = time.monotonic()
    speed = measure_speed(subject, example)
    work, measuring = count(speed), time.monotonic() - begun
    # What explanations of one input share is kept while others of them run.
    shared = speed.shared_gradient if any(method.gradient_passes for method in methods) else 0
    resident = int(_NUMBER * work.resident) + shared
    device = subject.device
    limit = used_bytes(device) + int(SPARE * free_bytes(device)) if max_memory is None else max_memory
    at_once = _tokens_at_once(speed, work.slopes, subject.tokens_at_once, limit - resident)
    memory = speed.memory(at_once, work.slopes) + resident
    if memory > limit:
        raise InputError(
            f"this needs about {shown_bytes(memory)} of memory and may take {shown_bytes(limit)}; give a shorter text, "
            "a smaller --dtype, or more memory (--max-memory, where the machine has it)"
        )
    return Plan(
        passes=work.batched + work.single,
        seconds=measuring + work.batched * speed.batched + work.single * speed.single + work.short * speed.short,
        memory=max(memory, peak_bytes(device)),
        limit=limit,
        tokens_at_once=at_once,
    )


def _tokens_at_once(speed: Speed, slopes: int, most: int, limit: int) -> int:
    """Returns the largest number of tokens that fits the memory, up to `most` and at least one input's."""
    tokens = max(most, speed.tokens)
    while speed.memory(tokens, slopes) > limit and tokens > speed.tokens:
        tokens = max(speed.tokens, tokens // 2)
    return tokens


@written_as(Plan)
class PlanDict(TypedDict):
    """Estimated time and memory, in a document."""

    passes: float
    seconds: float
    memory: int
    limit: int


class CostDict(TypedDict):
    """Planned and actual cost, in a document.

    Attributes:
        seconds: Wall time.
        memory: The most that the process had held by the end, in bytes.
        planned: The estimate, made before.
    """

    seconds: float
    memory: int
    planned: PlanDict


@dataclass(frozen=True)
class PlanAndCost:
    """Planned and actual cost of an analysis.

    Attributes:
        plan: The estimate, made before.
        seconds: Wall time.
        memory: Peak memory of the process on the model's device since it began, in bytes.
    """

    plan: Plan
    seconds: float
    memory: int

    @classmethod
    def since(cls, started: float, plan: Plan, device: torch.device) -> "PlanAndCost":
        """Measures the cost since `started`.

        Args:
            started: Start time, by `time.monotonic`.
            plan: The estimate.
            device: Device of the model.
        """
        return cls(plan, time.monotonic() - started, peak_bytes(device))

    def to_dict(self) -> CostDict:
        """Returns plain values for JSON."""
        plan = self.plan
        planned: PlanDict = {
            "passes": plan.passes,
            "seconds": plan.seconds,
            "memory": plan.memory,
            "limit": plan.limit,
        }
        return {"seconds": self.seconds, "memory": self.memory, "planned": planned}
