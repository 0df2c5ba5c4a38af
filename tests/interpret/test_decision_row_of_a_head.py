"""A row of which one head is looked at, in any layer, and the same row in other inputs; against whole passes."""

from dataclasses import replace
from itertools import product

import pytest
import torch
from subjects_for_tests import SENTENCE, tiny_bert, tiny_llama
from torch import Tensor
from whole_passes_for_tests import WholePasses

import interpret
from interpret.interventions.decision_row import DecisionRow, read_row
from interpret.interventions.head_output_row import margins

PLACES = {
    "bert, last layer, head 3": lambda: WholePasses(tiny_bert(), layer=2, head=3),
    "bert, first layer, head 0": lambda: WholePasses(tiny_bert(), layer=0, head=0),
    "llama, last layer, head 2": lambda: WholePasses(tiny_llama(), layer=1, head=2),
    "llama, first layer, head 1": lambda: WholePasses(tiny_llama(), layer=0, head=1),
}


@pytest.fixture(params=PLACES)
def passes(request: pytest.FixtureRequest) -> WholePasses:
    return PLACES[request.param]()


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def made_up(row: DecisionRow, variants: int = 3) -> Tensor:
    """`[example, variant, head, row, key]`: other rows of weights, that sum to 1."""
    weights = noise(len(row.ids), variants, *row.weights.shape[1:])
    return weights / weights.sum(-1, keepdim=True)


def test_other_weights_reach_the_named_head_only(passes: WholePasses) -> None:
    """All heads are given other weights; a whole pass in which one head has them is the oracle."""
    row = passes.row()
    weights = made_up(row)
    with torch.no_grad():
        written = row.write(weights)
        found = row.margins(written)
    for index in (0, 1):
        for variant in range(3):
            edited = weights[index, variant, :, 0]
            torch.testing.assert_close(written[index, variant, 0], passes.written(index, edited), rtol=1e-4, atol=1e-5)
            assert float(found[index, variant]) == pytest.approx(passes.margin(index, edited), abs=2e-5)
    others = [head for head in range(4) if head != passes.head]
    assert torch.equal(
        written[..., others, :], row.written[:, None].expand(-1, 3, -1, -1, -1)[..., others, :]
    )  # to the last bit: they are not even computed again
    assert (written - row.written[:, None])[..., passes.head, :].abs().max() > 1e-2
    assert (found - row.margin[:, None]).abs().max() > 1e-3


def test_other_values_reach_the_named_head_only(passes: WholePasses) -> None:
    row = passes.row()
    values = row.values[:, None] + noise(2, 2, *row.values.shape[1:])
    with torch.no_grad():
        written = row.write(row.weights[:, None].expand(-1, 2, -1, -1, -1), values)
    for index, variant, head in product((0, 1), (0, 1), range(4)):
        own = values[index, variant, head] if head == passes.head else row.values[index, head]
        expected = passes.weights(index)[head].numpy() @ own.numpy()
        assert written[index, variant, 0, head].tolist() == pytest.approx(expected.tolist(), abs=1e-5)


def test_what_heads_write_is_mixed_head_by_head(passes: WholePasses) -> None:
    row = passes.row()
    one, other = (noise(2, 5, 1, 4, 8, seed=seed) for seed in (1, 2))
    for others in (other, other[:, :1].expand(-1, 5, -1, -1, -1), other[:, :1]):
        mixed = row.mixed(one, others)
        for head, variant in product(range(4), range(5)):
            source = one[:, variant] if head == passes.head else others[:, variant if others.shape[1] == 5 else 0]
            assert torch.equal(mixed[:, variant, :, head], source[:, :, head])
    assert torch.equal(replace(row, head=None).mixed(one, other), one)


def test_a_named_head_is_what_is_read(passes: WholePasses) -> None:
    row = passes.row()
    for index in (0, 1):
        weights = passes.weights(index)
        torch.testing.assert_close(row.read_by()[index], weights[passes.head])
        torch.testing.assert_close(row.read_by(1)[index], weights[1])
        torch.testing.assert_close(replace(row, head=None).read_by()[index], weights.mean(0))


@pytest.mark.parametrize("head", [-1, 4, 99])
def test_a_head_that_is_not_there_is_refused(head: int) -> None:
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    with pytest.raises(IndexError, match=rf"^head must be from 0 to 3, not {head}$"):
        read_row(subject, example.ids[None], torch.tensor([0]), readout=subject.decide(example).readout, head=head)


def test_the_same_row_in_other_inputs_is_what_they_give_by_themselves(passes: WholePasses) -> None:
    row = passes.row()
    other = torch.stack([passes.examples[1].ids, passes.examples[0].ids.flip(0), passes.examples[0].ids])
    if not passes.subject.is_causal:
        other[1] = torch.cat([other[1, -1:], other[1, 1:-1], other[1, :1]])
    owner = torch.tensor([1, 0, 1])
    (found,) = row.elsewhere(other, owner)
    assert (found.layer, found.head, found.positions) == (row.layer, row.head, row.positions)
    assert found.targets.tolist() == [int(row.targets[each]) for each in owner]
    for number, index in enumerate(owner.tolist()):
        ids = other[number]
        assert float(found.margin[number]) == pytest.approx(passes.margin(index, ids=ids), abs=2e-5)
        torch.testing.assert_close(found.written[number, 0], passes.written(index, ids=ids), rtol=1e-4, atol=1e-5)
    whole = read_row(
        passes.subject, other, found.targets, readout=passes.decisions[0].readout, layer=row.layer, head=row.head
    )
    weights = made_up(whole)
    with torch.no_grad():
        edited = found.margins(whole.write(weights))
    for number, index in enumerate(owner.tolist()):
        expected = passes.margin(index, weights[number, 2, :, 0], ids=other[number])
        assert float(edited[number, 2]) == pytest.approx(expected, abs=2e-5)


def test_targets_go_with_their_owners() -> None:
    subject = tiny_bert(labels=3)
    example = subject.encode(SENTENCE)
    readout = subject.decide(example).readout
    row = read_row(subject, example.ids.repeat(3, 1), torch.tensor([0, 1, 2]), readout=readout)
    (found,) = row.elsewhere(example.ids.repeat(4, 1), torch.tensor([2, 0, 2, 1]))
    assert found.targets.tolist() == [2, 0, 2, 1]
    torch.testing.assert_close(found.margin, row.margin[[2, 0, 2, 1]])


def test_a_row_that_is_run_whole_is_run_whole_elsewhere_too() -> None:
    passes = WholePasses(tiny_bert(), layer=2, head=1)
    short, whole = passes.row(), replace(passes.row(), states=None)
    owner = torch.tensor([0, 1])
    (short_elsewhere,), (whole_elsewhere,) = short.elsewhere(short.ids, owner), whole.elsewhere(short.ids, owner)
    assert short.states is not None and short_elsewhere.states is not None
    assert whole_elsewhere.states is None
    assert WholePasses(tiny_bert(), layer=0, head=1).row().states is None


def test_inputs_of_several_passes_are_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = WholePasses(tiny_bert(), layer=2, head=1)
    at_once = passes.row()
    monkeypatch.setattr(passes.subject, "tokens_at_once", 15)
    apart = passes.row()
    assert len(at_once.calls) == 1 and len(apart.calls) == 2
    for name in ("weights", "values", "written", "clean"):
        torch.testing.assert_close(getattr(apart, name), getattr(at_once, name), rtol=1e-4, atol=1e-5)
    weights = made_up(at_once, variants=5)
    with torch.no_grad():
        torch.testing.assert_close(
            apart.margins(apart.write(weights)), at_once.margins(at_once.write(weights)), rtol=1e-4, atol=1e-5
        )


def test_margins_are_those_of_a_loop() -> None:
    logits, targets = noise(3, 4, 5, seed=7) * 9 - 5, torch.tensor([4, 0, 2])
    found = margins(logits, targets)
    for example, variant in product(range(3), range(4)):
        scores = logits[example, variant].tolist()
        own = scores.pop(int(targets[example]))
        assert float(found[example, variant]) == pytest.approx(own - max(scores), abs=1e-6)
    assert (found > 0).any() and (found < 0).any()


def test_margins_leave_logits_as_they_were_and_carry_gradients() -> None:
    logits = torch.tensor([[[1.0, 5.0, 2.0]]], requires_grad=True)
    before = logits.detach().clone()
    found = margins(logits, torch.tensor([2]))
    assert found.tolist() == [[-3.0]] and torch.equal(logits, before)
    found.sum().backward()
    assert logits.grad is not None and logits.grad.tolist() == [[[0.0, -1.0, 1.0]]]


def test_margins_of_half_precision_are_in_single() -> None:
    logits = torch.tensor([[[1.0, 2049.0, 3.0]]], dtype=torch.float64).half()
    assert margins(logits, torch.tensor([0])).dtype == torch.float32


def test_a_silent_head_is_one_that_writes_nothing() -> None:
    """`interpret.zero_head` silences a head at all positions; in the last layer only the one that is read counts."""
    passes = PLACES["bert, last layer, head 3"]()
    row = passes.row()
    with torch.no_grad():
        found = row.margins(row.mixed(torch.zeros_like(row.written), row.written)[:, None])
    for index in (0, 1):
        scores = passes.logits(index, interpret.zero_head(2, 3)).tolist()
        own = scores.pop(passes.decisions[index].target)
        assert float(found[index, 0]) == pytest.approx(own - max(scores), abs=2e-5)
