"""Guards against rounding go by the scores that decide: numbers by hand, and models whose scores are changed."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import interpret
from analyses.decision.analyze import Analysis, analyze
from analyses.generation.steps import analyze_steps
from interpret.errors import InputError
from interpret.interventions.head_output_row import margins
from interpret.subjects.decision import Scores
from interpret.subjects.subject import Subject
from interpret.subjects.tasks.classification import TextClassification
from interpret.tolerances import apart, margin_size

LEAST = torch.finfo(torch.float32).min
TEXT = "A quiet film, slow at first, then suddenly moving."
IN_LOGITS = (
    "margin",
    "use",
    "top",
    "top_most",
    "reach",
    "in_context",
    "alone",
    "joint",
    "uniform",
    "single",
    "conditional",
    "rounding",
)


def test_a_margin_is_as_large_as_its_target_or_its_runner_up() -> None:
    logits = torch.tensor([[3.0, -7.0, 1.0, -1e9], [-2.0, -5.0, LEAST, -torch.inf]])
    assert margin_size(logits, torch.tensor([0, 1])).tolist() == [3.0, 5.0]
    assert margin_size(logits, torch.tensor(1)).tolist() == [7.0, 5.0]
    assert margin_size(logits, torch.tensor([3, 0])).tolist() == [1e9, 5.0]
    assert margin_size(torch.tensor([[0.5], [-4.0]]), torch.tensor(0)).tolist() == [0.5, 4.0]  # no runner-up


@pytest.mark.parametrize("hidden", [-1e9, LEAST, -torch.inf])
def test_answers_are_compared_score_by_score(hidden: float) -> None:
    wanted = torch.tensor([[4.0, -2.0, 0.0, hidden, -80.0]])
    assert apart(wanted.clone(), wanted) == 0

    def moved(place: int, by: float) -> float:
        return apart(wanted + by * torch.eye(5)[place], wanted)

    assert [moved(place, 0.04) for place in range(3)] == pytest.approx([0.01] * 3, rel=1e-4)  # by the leading one
    assert moved(4, 0.8) == pytest.approx(0.01, rel=1e-4)  # by itself


def test_answers_that_cannot_be_compared_are_infinitely_far_apart() -> None:
    one, hidden, none = torch.tensor([1.0, 2.0]), torch.tensor([1.0, -torch.inf]), torch.tensor([1.0, torch.nan])
    pairs = ((one, hidden), (hidden, one), (none, one), (one, none), (none, none), (one, torch.ones(3)))
    assert [apart(*pair) for pair in pairs] == [math.inf] * len(pairs)
    assert apart(torch.zeros(2), torch.zeros(2)) == 0 and apart(torch.full((2,), 1e-9), torch.zeros(2)) == math.inf


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_how_far_apart_answers_are_does_not_depend_on_their_unit(scale: float) -> None:
    one, other = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    assert apart(scale * one, scale * other) == pytest.approx(apart(one, other), rel=1e-5)


def scored(subject: Subject, change: Callable[[Tensor], Tensor]) -> Subject:
    """The same model with other scores, of one label more perhaps."""
    if isinstance(subject, TextClassification):
        subject.labels = (*subject.labels[:2], "never")
    subject.model.register_forward_hook(lambda _, __, output: type(output)(logits=change(output.logits)))
    return subject


def hiding(value: float) -> Callable[[Tensor], Tensor]:
    """One label more, whose score is so low that it never counts."""
    return lambda logits: torch.cat([logits, torch.full_like(logits[..., :1], value)], dim=-1)


def without_unit(found: Analysis, scale: float) -> dict[str, list[float]]:
    """What was measured, in units of the scores, and every effect beside; Chefer's relevance has a unit of its own."""
    given = {name: np.ravel(value) for name, value in vars(found.measurement).items()}
    given = {name: value / (scale if name in IN_LOGITS else 1) for name, value in given.items()}
    given["spread"] = given["spread"] / scale**2
    given |= {each.method: each.scores.numpy() / scale for each in found.maps if each.signed}
    given |= {name: getattr(found, name).drop.numpy().ravel() / scale for name in ("zeroed", "averaged", "gradients")}
    names = [each.method for each in found.maps if each.method != "Chefer relevance"]
    given["above chance"] = np.array([found.faithfulness.effect(name) for name in names]) / scale
    return {name: value.tolist() for name, value in given.items()}


@pytest.mark.parametrize("name", ["bert", "llama"])
def test_an_analysis_is_the_same_beside_suppressed_labels_and_in_other_units(name: str, saved: Path) -> None:
    """Every verdict, component and effect; the classic tests are in probabilities, which have no unit."""
    plain = analyze(scored(interpret.load(saved / name), hiding(-60.0)), TEXT, effort="quick")
    expected = without_unit(plain, 1)
    assert plain.measurement.spread > 0.1 and max(map(abs, plain.measurement.in_context)) > 0.1
    for value in (-1e9, LEAST, -torch.inf):
        found = analyze(scored(interpret.load(saved / name), hiding(value)), TEXT, effort="quick")
        assert found.verdict == plain.verdict
        for key, numbers in without_unit(found, 1).items():
            assert numbers == pytest.approx(expected[key], rel=0, abs=0, nan_ok=True), (key, value)
        assert found.classic == plain.classic and found.zeroed.way == "growing batch"
        assert all(check.passed for check in found.checks)
    for scale in (1e-4, 1e4):
        change = hiding(-60.0 * scale)
        subject = scored(scored(interpret.load(saved / name), lambda logits: logits * scale), change)  # noqa: B023
        found = analyze(subject, TEXT, effort="quick")
        assert (found.verdict.answer, found.verdict.because) == (plain.verdict.answer, plain.verdict.because)
        for key, numbers in without_unit(found, scale).items():
            assert numbers == pytest.approx(expected[key], rel=2e-3, abs=2e-5, nan_ok=True), key
        assert found.zeroed.way == "growing batch" and all(check.passed for check in found.checks)


def test_a_score_that_is_no_number_is_refused(saved: Path) -> None:
    def with_third(change: Callable[[Tensor], Tensor]) -> Subject:
        return scored(interpret.load(saved / "bert"), change)

    nothing = "with a score of -inf, so there is nothing to weigh it against; choose another target, or a text that "
    ruled_out = with_third(lambda logits: logits.masked_fill(torch.arange(logits.shape[-1]) == 1, -torch.inf))
    example, labels = ruled_out.encode(TEXT), [ruled_out.label(index) for index in range(2)]
    for label, what in zip(labels, (f"every label but {labels[0]!r}", repr(labels[1])), strict=True):
        with pytest.raises(InputError) as error:
            ruled_out.decide(example, label)
        assert str(error.value) == f"{ruled_out.name} rules out {what} {nothing}leaves a choice"
    for value in (torch.nan, torch.inf):
        with pytest.raises(InputError, match="gives scores that aren't numbers"):
            with_third(hiding(value)).decide(example)
    for logits in (torch.tensor([[0.0, -torch.inf]]), torch.tensor([[torch.nan, 0.0]])):
        for ask in (lambda given: Scores.of(given, 0), lambda given: margins(given[:, None], torch.tensor([0]))):
            with pytest.raises(InputError, match="the margin must stay a number when words or"):
                ask(logits)


def test_what_counts_as_nothing_is_said(saved: Path) -> None:
    subject = interpret.load(saved / "llama")
    found, (step,) = analyze(subject, TEXT, effort="quick"), (steps := analyze_steps(subject, TEXT, most=1)).steps
    assert step.judgement is not None
    for rank, inputs in ((0, 0), (2, 1), (0, 3)):
        counted = {"rank_unfelt": rank, "input_unfelt": inputs, "rounding": 2e-5}
        written = replace(found, measurement=replace(found.measurement, **counted)).to_dict()
        assert {name: written["verdict"]["beside"][name] for name in counted} == counted
        said = (
            f"{max(rank, inputs)} of {found.measurement.words} words, replaced or taken out of the attention row, move "
            "the margin by no more than rounding of its scores may (2e-05 logits), which counts as nothing."
        )
        assert (said in written["caveats"]) == (rank + inputs > 0)
        judged = replace(step.judgement, measurement=replace(step.judgement.measurement, **counted))
        written = replace(steps, steps=(replace(step, judgement=judged),)).to_dict()
        said = (
            "At 1 of 1 tokens some words move the margin by no more than rounding of its scores may, which counts as "
        )
        assert (f"{said}nothing." in written["caveats"]) == (rank + inputs > 0)
