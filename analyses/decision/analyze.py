"""Complete analysis of one decision: attention maps, explanations, faithfulness, head ablation, and the verdict."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyses.attention.entropy import Entropy
from analyses.attention.patterns import Patterns
from analyses.classic.battery import ClassicTests, classic_tests
from analyses.decision.argument_checks import require_asked
from analyses.decision.attention_statistics import attention_statistics
from analyses.decision.explanations import explanations_against_chance
from analyses.decision.in_short import analysis_in_short, best_of, table_of_maps
from analyses.decision.judgement import judge, usual_source
from analyses.decision.kept_attention import KeptAttention, keeping_reader
from analyses.decision.schema import AnalysisDict
from analyses.explanations.agreement import Agreement, rank_agreement
from analyses.explanations.attention_only.rollout import Rollout
from analyses.explanations.attribution import Attribution
from analyses.explanations.faithfulness import Faithfulness
from analyses.explanations.input_edits.leave_one_out import logits_without_each_unit
from analyses.explanations.methods import chosen_methods
from analyses.explanations.shared import Shared
from analyses.heads.ablation import HeadImportance, head_importances
from analyses.heads.gradients import HeadGradients, head_gradients
from analyses.planning.effort import EFFORTS
from analyses.planning.plan import Plan, PlanAndCost, plan_analysis
from analyses.results.reported import ModelResult
from analyses.translation.alignment import Alignment
from analyses.verdicts.error_rates import ErrorRate, Source
from analyses.verdicts.measurement import Measurement
from analyses.verdicts.one_text import OneTextVerdict
from analyses.verdicts.resampling import Resampler
from interpret.attention.recording import Check
from interpret.modes.evaluating import evaluating
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision, Scores
from interpret.subjects.forward_pass import remembered
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class Analysis(ModelResult[AnalysisDict]):
    """Results of a complete analysis of one input. `to_dict` returns them in the documented schema.

    Attributes:
        example: The input as the model reads it.
        decision: The decision that is explained.
        attention: Recorded attention: whole maps, or pooled ones for a long text.
        maps: Explanations of the decision, attention-based ones first.
        rollout: Attention rollout of the decision through all layers.
        entropy: Entropy of every attention row.
        patterns: Share of each head's attention on fixed positions.
        zeroed: Fall of the margin with each head's output set to zero.
        averaged: Fall of the margin with each head's output replaced by its mean.
        gradients: First-order estimate of `zeroed`.
        faithfulness: Comprehensiveness and sufficiency of the explanations, against random orders.
        agreement: Rank agreement between explanations.
        left_out: Names of explanations that can't work on this model, each with the reason.
        instead: What to read on this input, in a sentence or two: the explanations that beat random orders.
        classic: Results of the published tests, which the verdict doesn't use.
        measurement: Components of the verdict, and descriptive numbers.
        replacements: Source of the words that replaced others.
        verdict: The answer about the last layer's attention.
        error_rate: Error rate of such verdicts on planted models; `None` where none was measured for texts like this.
        alignment: Cross-attention alignment of a translation with its source; `None` where it was not asked for.
        checks: Self-checks of the recording.
        effort: Name of the effort.
        seed: Seed of everything random.
        cost: Planned and actual cost.

    Example:
        >>> found = analyze(interpret.load(), "Slow at first, then wonderful.", effort="quick")
        >>> found.decision.label
        'positive'
        >>> found.verdict.answer
        'not supported'
        >>> [each.method for each in found.maps][:3]
        ['last-layer attention', 'attention rollout', 'Chefer relevance']
        >>> sorted(found.to_dict())[:3]
        ['agreement', 'alignment', 'attention']
    """

    example: Example
    decision: Decision
    attention: KeptAttention
    maps: tuple[Attribution, ...]
    rollout: Rollout
    entropy: Entropy
    patterns: Patterns
    zeroed: HeadImportance
    averaged: HeadImportance
    gradients: HeadGradients
    faithfulness: Faithfulness
    agreement: Agreement
    left_out: dict[str, str]
    instead: str
    classic: ClassicTests
    measurement: Measurement
    replacements: str
    verdict: OneTextVerdict
    error_rate: ErrorRate | None
    alignment: Alignment | None
    checks: tuple[Check, ...]
    effort: str
    seed: int
    cost: PlanAndCost

    def summary(self) -> list[str]:
        """Returns the text, the decision, the verdict, and the explanation that stands out most."""
        best, tested = best_of({each: self.faithfulness.effect(each) for each in self.faithfulness.methods}), self.maps
        return analysis_in_short(
            self.example.text,
            self.decision.question,
            self.decision.probability,
            self.decision.margin,
            self.verdict.answer,
            self.verdict.because,
            best=best,
            effect=self.faithfulness.effect(best),
            p_value=self.faithfulness.p_value(best),
            words=self.example.words,
            scores=next(each.scores.tolist() for each in tested if each.method == best),
        )

    def to_frame(self) -> "DataFrame":
        """Returns a row for each explanation and unit: method, family, unit, word and score."""
        return table_of_maps(
            self.example.words, [(each.method, each.family, each.scores.tolist()) for each in self.maps]
        )

    def _to_dict(self, command: str) -> AnalysisDict:
        from analyses.decision.conversion import analysis_to_dict

        return analysis_to_dict(self, command)


@gradients_on()
def analyze(
    subject: Subject,
    text: str | Example,
    second: str | None = None,
    *,
    target: Any = None,
    against: Any = None,
    methods: Sequence[str] | None = None,
    eraser: str | None = None,
    corpus: Resampler | None = None,
    alignment: Alignment | None = None,
    effort: str = "standard",
    seed: int = 0,
    truncate: bool = False,
    max_memory: int | None = None,
    planned: Callable[[Plan], None] = lambda plan: None,
    progress: Callable[[str], None] = lambda step: None,
) -> Analysis:
    """Tests whether attention ranks the words by their effect on this decision.

    Args:
        subject: A model, from `interpret.load`.
        text: The input text, or the path of an image for vision models; or an encoded input from `subject.encode`,
            which includes the second text.
        second: A second text, for tasks that have one: the context of a question, the other sentence of a pair.
        target: The label to explain, by its name or index; by default the predicted one.
        against: The label that it is held against, to ask why one rather than the other; by default all others. All
            numbers then follow the logit of the one minus that of the other.
        methods: Names of the explanations, beside last-layer attention, or of sets of them: "all", "fast" or "usual",
            which is the default (see `analyses.chosen_methods` and `analyses.register`).
        eraser: How words or patches are taken out, one of `subject.erasers`; by default the first.
        corpus: Source of replacement words, from texts like this one. By default words are drawn from the model's
            vocabulary, and patches from the image itself.
        alignment: Alignment of the whole translation, to show beside the analysis of one of its tokens; from
            `analyses.alignment`.
        effort: "quick", "standard" or "thorough".
        seed: Seed of everything random.
        truncate: Whether a text that is too long is cut instead of refused.
        max_memory: Most bytes that the process may hold on the model's device; by default what it holds now and nine
            tenths of what is free.
        planned: Called with the plan of time and memory, before the analysis runs.
        progress: Called with the name of each step before it starts.

    Raises:
        InputError: The text, the target, a method, the eraser, or another argument can't be used, or the memory
            doesn't suffice.
        CaptureError: The model's attention can't be read.

    Example:
        >>> found = analyze(interpret.load(), "Slow at first, then wonderful.", effort="quick")
        >>> found.verdict.answer
        'not supported'
        >>> found.verdict.because[0]
        'it hardly matters to the decision which word has which weight'
        >>> found.zeroed.top(1)  # the head whose silence lowers the margin most: layer, head
        [(0, 3)]
    """
    require_asked(subject, corpus=corpus, alignment=alignment, effort=effort, seed=seed, max_memory=max_memory)
    chosen = chosen_methods(methods)
    started = time.monotonic()
    progress("reading the text")
    subject, example, target = subject.asked_about(text, second, target=target, against=against, truncate=truncate)
    eraser = subject.chosen_eraser(eraser, example)
    with evaluating(subject.model), remembered(subject, example.ids[None]):
        progress("planning")
        plan = plan_analysis(subject, example, EFFORTS[effort], methods=methods, eraser=eraser, max_memory=max_memory)
        planned(plan)
        asked = _Asked([each.name for each in chosen], eraser, corpus, alignment, effort, seed, plan, started)
        with subject.at_most_tokens(plan.tokens_at_once):
            return _analysed(subject, example, target, asked, progress)


@dataclass(frozen=True)
class _Asked:
    """What is asked of one decision, checked and planned."""

    methods: Sequence[str]
    eraser: str
    corpus: Resampler | None
    alignment: Alignment | None
    effort: str
    seed: int
    plan: Plan
    started: float

    @property
    def source(self) -> Source:
        """Kind of the source of replacements, on which error rates depend."""
        return "vocabulary" if self.corpus is None else "corpus"


def _analysed(
    subject: Subject, example: Example, target: str | None, asked: _Asked, progress: Callable[[str], None]
) -> Analysis:
    effort, seed, eraser = EFFORTS[asked.effort], asked.seed, asked.eraser
    progress("reading the decision")
    decision = subject.decide(example, target)
    progress("recording attention")
    record, checks = subject.record(example, alone=decision.logits)
    recorded = subject.maps(record, example)
    kept = keeping_reader(recorded, decision.readout)
    statistics = attention_statistics(
        recorded, readouts=decision.readout[None], separators=example.separators, also=[kept]
    )
    progress("computing explanations")
    without = logits_without_each_unit(subject, example, eraser=eraser)
    shared = Shared(
        subject, example, decision, integration_steps=effort.integration_steps, eraser=eraser,
        attention=recorded, rollout=statistics.rollout, without=Scores.of(without, decision.target),
    )  # fmt: skip
    explanations = explanations_against_chance(
        subject, example, decision, asked.methods,
        shared=shared, orders=effort.random_orders, seed=seed, progress=progress,
    )  # fmt: skip
    progress("testing what the attention does")
    resampler = usual_source(subject, example) if asked.corpus is None else asked.corpus
    judgement = judge(subject, example, decision, resampler, source=asked.source, seed=seed)
    progress("running the classic tests")
    classic = classic_tests(
        subject, example, decision, seed=seed, eraser=eraser, adversary_steps=effort.adversary_steps, without=without
    )
    progress("silencing every head")
    silenced = head_importances(subject, example, decision)
    return Analysis(
        live=subject,
        example=example,
        decision=decision,
        attention=kept.result(),
        maps=explanations.maps,
        rollout=statistics.rollout,
        entropy=statistics.entropy,
        patterns=statistics.patterns,
        zeroed=silenced["zero"],
        averaged=silenced["mean"],
        gradients=head_gradients(subject, example, decision),
        faithfulness=explanations.faithfulness,
        agreement=rank_agreement(explanations.maps),
        left_out=explanations.left_out,
        instead=explanations.instead,
        classic=classic,
        measurement=judgement.measurement,
        replacements=resampler.name,
        verdict=judgement.verdict,
        error_rate=judgement.error_rate,
        alignment=asked.alignment,
        checks=checks,
        effort=asked.effort,
        seed=seed,
        cost=PlanAndCost.since(asked.started, asked.plan, subject.device),
    )
