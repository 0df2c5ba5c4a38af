"""The untouched input is run once for all that asks for it, and never mistaken for another."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

import interpret
from analyses.decision.analyze import analyze
from analyses.verdicts.every_head import head_rows
from interpret.attention.recording import recording
from interpret.errors import CaptureError
from interpret.interventions.batched_edits import sweep
from interpret.interventions.decision_row import read_row
from interpret.subjects.forward_pass import remembered, run_pass
from interpret.subjects.text import TextSubject

TEXT = "the plot drags but the cast is very warm"


@contextmanager
def passes_of(subject: TextSubject) -> Iterator[list[Tensor]]:
    """The inputs of passes without gradients that the first layer really computed, and whole."""
    given: list[Tensor] = []
    latest: list[Tensor] = []

    def note(_: object, __: object, kwargs: dict[str, Tensor]) -> None:
        latest[:] = [kwargs["input_ids"]] if "input_ids" in kwargs and not torch.is_grad_enabled() else []

    def leave(_: object, __: object, output: Tensor) -> None:  # what is given may still be cropped
        given.extend(ids for ids in latest if output.shape[:2] == ids.shape)

    layer = next(module for module in subject.model.modules() if isinstance(module, nn.ModuleList))[0]
    first = next(module for module in layer.modules() if isinstance(module, nn.Linear))
    handles = [
        subject.model.register_forward_pre_hook(note, with_kwargs=True),
        first.register_forward_hook(leave),
    ]
    try:
        yield given
    finally:
        for handle in handles:
            handle.remove()


@pytest.fixture(params=["bert", "llama"])
def subject(request: pytest.FixtureRequest) -> TextSubject:
    found: TextSubject = request.getfixturevalue(request.param)
    return found


def test_a_pass_has_what_was_recorded_and_what_the_last_layer_was_given(subject: TextSubject) -> None:
    ids = subject.encode(TEXT).ids[None]
    passed, hidden = run_pass(subject, ids), []
    last = passed.blocks[-1]
    assert last is not None
    handle = last.register_forward_pre_hook(lambda _, args: hidden.append(args[0]))
    with torch.no_grad(), recording(subject.model) as record:
        logits = subject.logits(ids)
    handle.remove()
    assert torch.equal(passed.logits, logits)
    assert passed.states is not None
    assert torch.equal(passed.states, hidden[0])
    assert [entry.calls for entry in passed.entries] == list(range(len(record)))  # each before its own call
    for layer in range(len(record)):
        assert torch.equal(passed.record.weights(layer), record.weights(layer))


def test_inside_the_block_the_input_is_run_once_for_all(subject: TextSubject) -> None:
    example = subject.encode(TEXT)
    ids, decision = example.ids[None], subject.decide(example)
    with passes_of(subject) as given, remembered(subject, ids):
        first = run_pass(subject, ids)
        assert run_pass(subject, ids.clone()) is first
        read_row(subject, ids, torch.tensor([decision.target]), readout=decision.readout)
        sweep(subject, example.ids)
        head_rows(subject, ids, decision.readout)
        subject.record(example, alone=decision.logits)
        assert sum(len(each) == 1 and torch.equal(each, ids) for each in given) == 2  # for all, and the plain call
        other = ids.flip(1)
        assert run_pass(subject, other) is not run_pass(subject, other)  # only the input of the block is kept
        assert run_pass(subject, torch.cat([ids, ids])) is not first
    assert run_pass(subject, ids) is not first


def test_who_edits_inside_the_block_gets_a_pass_of_their_own(subject: TextSubject) -> None:
    ids = subject.encode(TEXT).ids[None]
    with remembered(subject, ids):
        clean = run_pass(subject, ids)
        with interpret.editing(subject.model, interpret.zero_head(0, 1)):
            edited = run_pass(subject, ids)
        assert not torch.equal(edited.logits, clean.logits)
        assert run_pass(subject, ids) is clean


def test_an_analysis_runs_the_untouched_input_alone_and_recorded_and_to_plan(subject: TextSubject) -> None:
    example = subject.encode(TEXT)
    with passes_of(subject) as given:
        analyze(subject, example, effort="quick")
    clean = sum(len(each) == 1 and torch.equal(each[0], example.ids) for each in given)
    assert clean == 5  # two to plan, one left alone, one recorded, and the plain call


def test_one_layer_can_be_recorded_without_the_others(subject: TextSubject) -> None:
    ids = subject.encode(TEXT).ids[None]
    with torch.no_grad(), recording(subject.model) as whole:
        subject.logits(ids)
    with torch.no_grad(), recording(subject.model, only=1) as record:
        subject.logits(ids)
    assert len(record) == len(whole)
    assert torch.equal(record.weights(1), whole.weights(1))
    assert torch.equal(record.output(1), whole.output(1))
    name = whole.calls[0].name
    for ask in (
        record.weights,
        lambda layer: record.calls[layer].visible,
        lambda layer: record.calls[layer].values_per_head,
    ):
        with pytest.raises(CaptureError) as error:
            ask(0)
        assert str(error.value) == f"only one layer of this pass was recorded, and {name} is in another"
    with pytest.raises(CaptureError) as error:
        record.output(0)
    assert str(error.value) == "layer 0 wasn't recorded; leave out only=, or give it that layer"
