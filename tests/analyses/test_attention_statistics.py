"""Statistics of attention read some rows at a time, against formulas over the whole maps that models show."""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from subjects_for_tests import SENTENCE, tiny_bert, tiny_llama
from tiny_models import LANGUAGE_MODELS, tiny_inputs, tiny_model

from analyses.attention.entropy import EntropyReader, attention_entropy
from analyses.attention.patterns import PatternsReader, attention_patterns
from analyses.attention.pooled_maps import TilesReader
from analyses.attention.received import ReceivedReader, attention_received
from analyses.attention.rollout_readers import rollout_reader
from analyses.attention.streaming import Reader, read_maps
from analyses.decision.attention_statistics import attention_statistics
from analyses.decision.kept_attention import keeping_reader
from analyses.explanations.attention_only.last_layer import last_layer_attention
from analyses.explanations.attention_only.rollout import attention_rollout
from interpret.attention import call as attention_call
from interpret.attention.maps import GivenMaps, Maps
from interpret.attention.recording import recording


@pytest.fixture(autouse=True)
def few_rows(monkeypatch):
    """Makes every text a long one: four rows at a time, which is no divisor of 9."""
    monkeypatch.setattr(attention_call, "WEIGHTS_AT_ONCE", 1)
    monkeypatch.setattr(attention_call, "LEAST_ROWS", 4)


def both_ways(kind, family):
    """A recording, and the maps of its first input that the model shows with its eager kernel, in double precision."""
    inputs = tiny_inputs(kind)
    model = tiny_model(kind, family)
    with torch.no_grad(), recording(model) as record:
        model(**inputs)
    with torch.no_grad():
        shown = tiny_model(kind, family, kernel="eager")(**inputs, output_attentions=True).attentions
    return record, torch.stack([weights[0] for weights in shown]).double()


@pytest.fixture(
    params=[
        *(("causal", family) for family in LANGUAGE_MODELS),
        ("classifier", "bert"),
        ("classifier", "modernbert"),
        ("image", "vit"),
        ("image", "beit"),
    ],
    ids="-".join,
)
def pair(request):
    return both_ways(*request.param)


def dense_rollout(weights, residual):
    """Rollout by its definition, with rows of a learned sink divided by what is left."""
    mean = weights.mean(dim=1)
    mean = mean / mean.sum(dim=-1, keepdim=True)
    length = mean.shape[-1]
    flow, flows = torch.eye(length).double(), []
    for layer in mean:
        flow = ((1 - residual) * layer + residual * torch.eye(length).double()) @ flow
        flows.append(flow)
    return torch.stack(flows)


@pytest.mark.parametrize("residual", [0.0, 0.5])
def test_rollout_of_readouts_is_that_of_the_whole_maps(pair, residual):
    record, weights = pair
    length = weights.shape[-1]
    readouts = torch.stack([torch.eye(length)[-1], torch.eye(length)[3], torch.linspace(0, 1, length).softmax(0)])
    found = attention_rollout(record, example=0, readouts=readouts, residual=residual)
    expected = torch.einsum("rq,lqk->lrk", readouts.double(), dense_rollout(weights, residual))
    assert torch.allclose(found.flow.double(), expected, atol=1e-5)
    assert torch.allclose(found.from_position(3).double(), expected[:, 1], atol=1e-5)
    assert torch.allclose(found.from_position(readouts[2]).double(), expected[:, 2], atol=1e-5)
    every = attention_rollout(record, example=0, residual=residual)
    assert torch.allclose(every.flow.double(), dense_rollout(weights, residual), atol=1e-5)
    assert torch.allclose(every.from_position(readouts[2]), found.from_position(readouts[2]), atol=1e-5)
    assert not any("weights" in call.__dict__ for call in record.calls)


def test_entropy_is_that_of_the_whole_maps(pair):
    record, weights = pair
    found = attention_entropy(record, example=0)
    rows = weights / weights.sum(dim=-1, keepdim=True)
    expected = -(rows * rows.clamp(min=1e-300).log()).sum(dim=-1)
    visible = record.visible(0)[:, None].sum(dim=-1).double()
    assert torch.allclose(found.nats.double(), expected, atol=1e-5)
    choice = (visible > 1).expand_as(found.share)
    assert torch.allclose(found.share.double()[choice], (expected / visible.log())[choice], atol=1e-5)
    assert found.share[~choice].isnan().all()
    assert not any("weights" in call.__dict__ for call in record.calls)


def test_patterns_and_column_sums_are_those_of_the_whole_maps(pair):
    record, weights = pair
    length = weights.shape[-1]
    found = attention_patterns(record, example=0, separators=(2, length - 1))
    received = attention_received(record, example=0)
    apart = (torch.arange(length)[:, None] - torch.arange(length)).abs().double()
    columns = weights.sum(dim=2)
    expected = {
        "previous": weights.diagonal(-1, dim1=2, dim2=3).mean(dim=-1),
        "next": weights.diagonal(1, dim1=2, dim2=3).mean(dim=-1),
        "itself": weights.diagonal(0, dim1=2, dim2=3).mean(dim=-1),
        "first": columns[..., 0] / length,
        "separator": (columns[..., 2] + columns[..., -1]) / length,
        "sinks": (columns[..., 0] + columns[..., 2] + columns[..., -1]) / length,
        "distance": (weights * apart).sum(dim=(2, 3)) / weights.sum(dim=(2, 3)),
    }
    for name, values in expected.items():
        assert torch.allclose(getattr(found, name).double(), values, atol=1e-5), name
    assert torch.allclose(received.total.double(), columns, atol=1e-5)
    assert torch.allclose(received.own.double(), weights.diagonal(0, dim1=2, dim2=3), atol=1e-6)
    others = weights.mean(dim=(0, 1)).fill_diagonal_(0).sum(dim=0)
    assert torch.allclose(received.from_others.double(), others / others.sum(), atol=1e-5)


def test_all_in_one_go_is_each_by_itself():
    record, _ = both_ways("causal", "llama")
    readouts = torch.eye(9)[-1:]
    found = attention_statistics(record, example=0, readouts=readouts, separators=(0, 4), residual=0.3)
    assert torch.equal(found.rollout.flow, attention_rollout(record, example=0, readouts=readouts, residual=0.3).flow)
    assert torch.equal(found.entropy.nats, attention_entropy(record, example=0).nats)
    assert torch.equal(found.patterns.sinks, attention_patterns(record, example=0, separators=(0, 4)).sinks)
    assert torch.equal(found.received.total, attention_received(record, example=0).total)


@pytest.mark.parametrize("make", [tiny_bert, tiny_llama])
def test_the_last_layers_row_is_read_alone(make):
    subject = make()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    record, _ = subject.record(example)
    found = last_layer_attention(record, example, decision)
    assert "weights" not in record.calls[-1].__dict__
    row = decision.readout.double() @ record.weights(len(record) - 1)[0].double().mean(dim=0)
    assert torch.allclose(found.tokens.double(), row, atol=1e-6)


def test_one_token():
    model = tiny_model("causal", "llama")
    with torch.no_grad(), recording(model) as record:
        model(input_ids=torch.tensor([[7]]))
    found = attention_statistics(record, example=0, readouts=torch.ones(1, 1), separators=())
    assert (found.rollout.flow == 1).all() and (found.entropy.nats == 0).all()
    assert found.entropy.share.isnan().all() and found.patterns.previous.isnan().all()
    assert (found.patterns.itself == 1).all() and (found.patterns.distance == 0).all()


def test_sinks_are_left_out_of_every_block():
    record, weights = both_ways("causal", "llama")
    weights[..., [0, 6]] = 0
    weights = weights.mean(dim=1, keepdim=True)
    idle = weights.sum(dim=-1) == 0
    weights[idle] = torch.eye(9).double().expand_as(weights)[idle]
    found = attention_rollout(record, example=0, readouts=torch.eye(9)[-2:], sinks=(0, 6))
    assert torch.allclose(found.flow.double(), dense_rollout(weights, 0.5)[:, -2:], atol=1e-5)


def test_what_is_known_of_a_recording_is_not_asked_for():
    record, _ = both_ways("causal", "llama")
    with pytest.raises(ValueError, match=r"^visible is for weights; a recording and its maps know which keys"):
        attention_entropy(record, example=0, visible=torch.ones(9, 9, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"^rows is for weights; a recording and its maps know which positions"):
        attention_patterns(record, example=0, separators=(), rows=torch.ones(2, 9, dtype=torch.bool))


def test_readouts_of_another_length_and_others_than_were_followed_are_refused():
    record, _ = both_ways("causal", "llama")
    with pytest.raises(ValueError, match=r"^readouts must have a weight for each of 9 tokens, not 8$"):
        attention_rollout(record, example=0, readouts=torch.eye(8))
    found = attention_rollout(record, example=0, readouts=torch.eye(9)[:2])
    with pytest.raises(ValueError, match=r"^this rollout follows 2 readouts, and the one asked for is none of them;"):
        found.from_position(5)
    with pytest.raises(ValueError, match=r"^residual must be from 0 to 1, not nan$"):
        attention_statistics(record, example=0, readouts=torch.eye(9), separators=(), residual=math.nan)


def test_maps_that_are_not_square_are_refused() -> None:
    with pytest.raises(ValueError) as error:
        attention_entropy(torch.full((2, 2, 5, 3), 0.2))
    assert str(error.value) == (
        "attention must be [layer, head, query, key] with as many queries as keys, not [2, 2, 5, 3]; take one text's, "
        "and stack its layers"
    )


@pytest.mark.parametrize(
    "reader_of",
    [
        EntropyReader,
        ReceivedReader,
        partial(PatternsReader, separators=[0, 5]),
        partial(TilesReader, readout=torch.eye(6)[5]),
        partial(keeping_reader, readout=torch.eye(6)[5]),
        partial(rollout_reader, readouts=torch.eye(6)[4:], sinks=[0]),
        rollout_reader,
    ],
)
def test_nothing_is_copied_to_the_host_while_maps_are_read(reader_of: Callable[[Maps], Reader]) -> None:
    # A tensor of the meta device has no numbers, so copying or looking at them fails, as does mixing it with others.
    maps = GivenMaps(torch.empty(3, 2, 6, 6, device="meta"))
    reader = reader_of(maps)
    read_maps(maps, [reader])
    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):
        reader.result()  # type: ignore[attr-defined]
