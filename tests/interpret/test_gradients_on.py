"""Explanations have their gradients whatever the caller has switched off, and leave the model's own alone."""

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import interpret
from analyses.classic.battery import classic_tests
from analyses.classic.probability_effects import weight_slopes
from analyses.explanations.gradient_based.chefer_relevance import chefer_relevance
from analyses.explanations.gradient_based.input_x_gradient import input_x_gradient
from analyses.explanations.gradient_based.integrated_gradients import integrated_gradients
from analyses.explanations.gradient_based.saliency import saliency
from analyses.generation.steps import analyze_steps
from analyses.heads.ablation import head_importance
from analyses.heads.gradients import head_gradients
from analyses.verdicts.measure import measure
from analyses.verdicts.resampling import CorpusUnigram
from interpret.errors import InputError
from interpret.interventions.decision_row import read_row
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

TEXT = "A quiet film, suddenly moving."
MADE_WITHIN = (
    "explanations need gradients, and tensors of this model were made within torch.inference_mode(), which allows "
    "none; make the model outside of it, or take copy.deepcopy(model), made outside of it"
)


@contextmanager
def switched_off() -> Iterator[None]:
    torch.set_grad_enabled(False)
    try:
        yield
    finally:
        torch.set_grad_enabled(True)


def explained(subject: Subject, example: Example, decision: Decision) -> dict[str, object]:
    """What takes gradients, and some of what doesn't."""
    row = read_row(subject, example.ids[None], torch.tensor([decision.target]), readout=decision.readout)
    with interpret.recording(subject.model) as record:
        subject.logits(example.ids[None])
    maps = [method(subject, example, decision) for method in (saliency, input_x_gradient, chefer_relevance)]
    (measured,) = measure(subject, [example], [decision], CorpusUnigram([example, subject.encode(TEXT[2:])]))
    return {
        **{each.method: each.scores.tolist() for each in maps},
        "integral": integrated_gradients(subject, example, decision, steps=3).scores.tolist(),
        "decision": [decision.margin, *decision.readout.tolist()],
        "heads": head_gradients(subject, example, decision).drop.flatten().tolist(),
        "silenced": head_importance(subject, example, decision).drop.flatten().tolist(),
        "slopes": weight_slopes(row, decision.target).flatten().tolist(),
        "classic": str(classic_tests(subject, example, decision, adversary_steps=2)),
        "measured": str(measured),
        "weights": record.weights(1).flatten().tolist(),
        "checks": [check.value for check in record.checks()],
    }


def loaded(folder: Path) -> tuple[Subject, Example, Decision]:
    subject = interpret.load(folder)
    example = subject.encode(TEXT)
    return subject, example, subject.decide(example)


@pytest.mark.parametrize("name", ["bert", "llama"])
def test_numbers_are_the_same_where_gradients_are_switched_off(name: str, saved: Path) -> None:
    usual = explained(*loaded(saved / name))
    ways: list[Callable[[], AbstractContextManager[None]]] = [switched_off, torch.no_grad, torch.inference_mode]
    for way in ways:
        with way():
            asked = loaded(saved / name)
            assert explained(*asked) == usual
            assert not torch.is_grad_enabled()
        assert explained(*asked) == usual  # and what was made within goes on outside


def test_every_token_is_explained_within_inference_mode(saved: Path) -> None:
    subject = interpret.load(saved / "llama")
    expected = [step.maps[-1].scores.tolist() for step in analyze_steps(subject, TEXT, most=2).steps]
    with torch.inference_mode():
        found = analyze_steps(interpret.load(saved / "llama"), TEXT, most=2).steps
    assert [step.maps[-1].scores.tolist() for step in found] == expected


@pytest.mark.parametrize("every", [1, 2])
def test_a_frozen_model_gives_the_same_numbers_and_stays_frozen(every: int, saved: Path) -> None:
    usual = explained(*loaded(saved / "bert"))
    subject = interpret.load(saved / "bert")
    for weight in list(subject.model.parameters())[::every]:
        weight.requires_grad_(False)
    before = [weight.requires_grad for weight in subject.model.parameters()]
    example = subject.encode(TEXT)
    found = explained(subject, example, subject.decide(example))
    for name in ("saliency", "integral", "decision", "heads", "silenced", "slopes"):
        assert found[name] == pytest.approx(usual[name], rel=1e-4, abs=1e-5), name
    assert [weight.requires_grad for weight in subject.model.parameters()] == before
    assert all(weight.grad is None for weight in subject.model.parameters())


def test_a_model_made_within_inference_mode_works_or_is_refused_in_one_line(saved: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(saved / "bert")
    with torch.inference_mode():
        model = copy.deepcopy(AutoModelForSequenceClassification.from_pretrained(saved / "bert"))
    assert all(weight.is_inference() for weight in model.parameters())
    for way in (nullcontext, torch.inference_mode):
        with way(), pytest.raises(InputError) as error:
            subject = interpret.load(model, tokenizer=tokenizer)
            subject.decide(subject.encode(TEXT))
        assert str(error.value) == MADE_WITHIN
    subject = interpret.load(copy.deepcopy(model), tokenizer=tokenizer)  # the way out
    example = subject.encode(TEXT)
    assert saliency(subject, example, subject.decide(example)).scores.sum() > 0


def test_other_errors_are_left_as_they_are() -> None:
    with torch.inference_mode(), pytest.raises(RuntimeError, match="of another kind"), gradients_on():
        raise RuntimeError("of another kind")
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
