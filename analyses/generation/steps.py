"""Analysis of a continuation: every token is explained and judged as a decision of its own."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from analyses.decision.argument_checks import require_asked
from analyses.decision.in_short import table_of_maps
from analyses.decision.judgement import Judgement, judge, usual_source
from analyses.explanations.attention_only.rollout import Rollout, attention_rollout
from analyses.explanations.attribution import Attribution
from analyses.explanations.methods import methods_of_steps
from analyses.explanations.shared import Shared
from analyses.generation.in_short import steps_in_short, table_of_steps
from analyses.generation.leave_one_out import steps_leave_one_out
from analyses.generation.schema import StepsDict
from analyses.heads.gradients import HeadGradients, head_gradients
from analyses.planning.plan import Plan, PlanAndCost, plan_steps
from analyses.results.reported import ModelResult
from analyses.verdicts.error_rates import Source
from analyses.verdicts.resampling import Resampler
from interpret.attention.maps import Beginning
from interpret.attention.recording import Check
from interpret.indices import require_index
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision, margin
from interpret.subjects.inputs.continuation import Continuation, Writer
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject
from interpret.tolerances import margin_size

if TYPE_CHECKING:
    from pandas import DataFrame

_ROUNDINGS_OF_A_MARGIN = 40  # largest deviation of a margin, in roundings of its scores


@dataclass(frozen=True, eq=False, repr=False)
class Step:
    """Explanation of one token of a continuation.

    Attributes:
        example: The input before the token.
        decision: The token, with its scores.
        maps: Explanations of the decision, attention-based ones first.
        heads: First-order estimate of each head's effect on it.
        judgement: The verdict on the last layer's attention; `None` where none was asked for.
    """

    example: Example
    decision: Decision
    maps: tuple[Attribution, ...]
    heads: HeadGradients
    judgement: Judgement | None

    def __repr__(self) -> str:
        return f"Step after {len(self.example.ids)} tokens\n  {self.decision!r}"


@dataclass(frozen=True, eq=False, repr=False)
class Steps(ModelResult[StepsDict]):
    """Explanations of every token of a continuation. `to_dict` returns them in the documented schema.

    Attributes:
        continuation: The text and its continuation.
        steps: One for each token.
        layers: Number of attention calls of the model.
        replacements: Source of the words that replaced others; empty without verdicts.
        eraser: How words were taken out.
        checks: Self-checks and their results.
        seed: Seed of everything random.
        cost: Planned and actual cost.

    Example:
        >>> subject = interpret.load("path/to/gpt2")
        >>> found = analyze_steps(subject, "The cat sat on", " the mat", verdicts=False)
        >>> len(found.steps) == len(found.continuation.tokens)
        True
        >>> found.table("leave-one-out").shape == (len(found.steps), len(found.continuation.units))
        True
    """

    continuation: Continuation
    steps: tuple[Step, ...]
    layers: int
    replacements: str
    eraser: str
    checks: tuple[Check, ...]
    seed: int
    cost: PlanAndCost

    def table(self, method: str) -> Float[Tensor, "step unit"]:
        """Returns one method's scores of each unit at each step; NaN for units after the step.

        Args:
            method: Name of the map, such as "leave-one-out".

        Raises:
            ValueError: There is no such map.
        """
        names = [each.method for each in self.steps[0].maps]
        if method not in names:
            raise ValueError(f"method must be one of {', '.join(names)}, not {method!r}")
        table = torch.full((len(self.steps), len(self.continuation.units)), torch.nan)
        for row, step in zip(table, self.steps, strict=True):
            scores = step.maps[names.index(method)].scores
            row[: len(scores)] = scores
        return table

    def summary(self) -> list[str]:
        """Returns the text, and each token with its probability and verdict."""
        given, decisions = self.continuation.examples[0].text, [step.decision for step in self.steps]
        answers = ["" if step.judgement is None else step.judgement.verdict.answer for step in self.steps]
        tokens = [(each.question, each.probability, answer) for each, answer in zip(decisions, answers, strict=True)]
        return steps_in_short(given, tokens, generated=self.continuation.generated)

    def to_frame(self) -> "DataFrame":
        """Returns a row for each token, explanation and unit: step, target, method, family, unit, word and score."""
        return table_of_steps(
            (
                step.decision.label,
                table_of_maps(
                    step.example.words, [(each.method, each.family, each.scores.tolist()) for each in step.maps]
                ),
            )
            for step in self.steps
        )

    def _to_dict(self, command: str) -> StepsDict:
        from analyses.generation.conversion import steps_to_dict

        return steps_to_dict(self, command)


@gradients_on()
def analyze_steps(
    subject: Subject,
    text: str | Continuation,
    second: str | None = None,
    *,
    most: int | None = None,
    against: Mapping[int, Any] = MappingProxyType({}),
    methods: Sequence[str] | None = None,
    verdicts: bool = True,
    eraser: str | None = None,
    corpus: Resampler | None = None,
    seed: int = 0,
    truncate: bool = False,
    max_memory: int | None = None,
    planned: Callable[[Plan], None] = lambda plan: None,
    progress: Callable[[str], None] = lambda step: None,
) -> Steps:
    """Explains every token of a continuation, and tests at each whether attention ranks words by their effect.

    Each token is explained with all tokens before it given (teacher forcing), by the measurements and the rule that
    `analyze` applies to one text. Attention is recorded once, on the longest input, whose prefixes are a causal model's
    shorter inputs; each word is erased once, for all later steps. Verdicts take longer than all else together: each
    token needs as much work as a text in `analyze`.

    Args:
        subject: A language model or a translator, from `interpret.load`.
        text: The text to continue, or the source of a translation; or a continuation from `subject.continuation`.
        second: The continuation, or the target of a translation; by default generated by the model.
        most: Most tokens that the model generates.
        against: Token that each of these tokens is held against, by its name or index, to ask why the one rather than
            the other: `{2: " hat"}` for the third. All others are held against the best of all tokens but themselves.
        methods: Names of the explanations, beside last-layer attention and leave-one-out; by default all registered
            ones with `for_each_token` (see `analyses.register`).
        verdicts: Whether to judge each decision.
        eraser: How words are taken out in leave-one-out, one of `subject.erasers`; by default the first.
        corpus: Source of replacement words; by default the model's vocabulary.
        seed: Seed of everything random.
        truncate: Whether a text that is too long is cut instead of refused.
        max_memory: Most bytes that the process may hold on the model's device; by default what it holds now and nine
            tenths of what is free.
        planned: Called with the plan of time and memory, before it runs.
        progress: Called with the name of each step before it starts.

    Raises:
        InputError: The model writes no text, a text, a number, a token or the eraser can't be used, or the memory
            doesn't suffice.
        CaptureError: The model's attention can't be read.

    Example:
        >>> subject = interpret.load("path/to/gpt2")
        >>> found = analyze_steps(subject, "The cat sat on", most=2, verdicts=False)
        >>> [each.method for each in found.steps[0].maps]
        ['last-layer attention', 'attention rollout', 'input x gradient', 'leave-one-out']
    """
    started = time.monotonic()
    require_asked(subject, corpus=corpus, seed=seed, max_memory=max_memory)
    writer = subject.writer
    chosen = methods_of_steps(methods)
    progress("reading the text")
    if not isinstance(text, Continuation):
        text = writer.continuation(text, second, most=most, truncate=truncate)
    eraser = subject.chosen_eraser(eraser, text.examples[-1])
    progress("planning")
    plan = plan_steps(subject, text, methods=methods, verdicts=verdicts, max_memory=max_memory)
    planned(plan)
    examples = text.examples
    subjects = _subjects(subject, text, against)
    decisions = [about.decide(example) for about, example in zip(subjects, examples, strict=True)]
    progress("recording attention")
    record, checks = subject.record(examples[-1])
    attention = subject.maps(record, examples[-1])
    progress("taking out each word")
    removals = steps_leave_one_out(subjects, examples, decisions, eraser=eraser)
    readouts = [pad(decision.readout.float(), (0, attention.length - len(decision.readout))) for decision in decisions]
    rollout = attention_rollout(attention, readouts=torch.stack(readouts))
    source: Source = "vocabulary" if corpus is None else "corpus"
    resampler = (corpus or usual_source(subject, examples[0])) if verdicts else None
    steps = []
    each = zip(subjects, examples, decisions, removals, strict=True)
    for index, (about, example, decision, removal) in enumerate(each):
        progress(f"token {index + 1} of {len(examples)}")
        attended = Beginning(attention, len(example.ids))
        followed = rollout.flow[:, index : index + 1, : attended.length]
        flow = Rollout(followed, rollout.residual, decision.readout[None], labels=attended.labels)
        shared = Shared(about, example, decision, eraser=eraser, attention=attended, rollout=flow)
        maps = (*(method(about, example, decision, shared) for method in chosen), removal)
        judgement = judge(about, example, decision, resampler, source=source, seed=seed) if resampler else None
        steps.append(Step(example, decision, maps, head_gradients(about, example, decision), judgement))
    return Steps(
        live=subject,
        continuation=text,
        steps=tuple(steps),
        layers=len(record),
        replacements="" if resampler is None else resampler.name,
        eraser=eraser,
        checks=(*checks, _one_pass(writer, subjects, examples, decisions)),
        seed=seed,
        cost=PlanAndCost.since(started, plan, subject.device),
    )


def _subjects(subject: Subject, text: Continuation, against: Mapping[int, Any]) -> list[Subject]:
    """Subject of each token's decision: that of two tokens, where it is held against another one."""
    for token in against:
        require_index("token", token, len(text.examples), " of against")
    return [subject.asked_about(example, against=against.get(token))[0] for token, example in enumerate(text.examples)]


def _one_pass(
    writer: Writer, subjects: Sequence[Subject], examples: Sequence[Example], decisions: Sequence[Decision]
) -> Check:
    """Checks that a pass of the longest input gives every step the margin that the step's own input gives."""
    first, longest = len(examples[0].ids), examples[-1].ids[None]
    with torch.no_grad():
        logits = writer.last_logits(longest, longest.shape[1] - first + 1)[0]
    alone = torch.tensor([decision.margin for decision in decisions])
    rows = [about.compared(row[None]) for about, row in zip(subjects, logits, strict=True)]
    pairs = list(zip(rows, decisions, strict=True))
    together = torch.cat([margin(row.float(), decision.target).cpu() for row, decision in pairs])
    sizes = torch.cat([margin_size(row, torch.tensor([decision.target])).cpu() for row, decision in pairs])
    off = float(((together - alone).abs() / torch.maximum(sizes, sizes.median())).max())
    tolerance = _ROUNDINGS_OF_A_MARGIN * torch.finfo(logits.dtype).eps
    return Check("margins of all tokens are the same in one pass", off, tolerance)
