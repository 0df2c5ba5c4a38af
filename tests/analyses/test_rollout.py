"""Attention rollout against a sum over every route in plain Python, and against the maximum flow."""

import math
import re
from itertools import product

import numpy as np
import pytest
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import maximum_flow

from analyses.explanations.attention_only.rollout import attention_rollout, rollout_attribution
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example, Unit


def random_attentions(layers=3, heads=2, length=4, seed=0, causal=False):
    scores = 2 * torch.randn(layers, heads, length, length, generator=torch.Generator().manual_seed(seed))
    if causal:
        scores = scores.masked_fill(torch.ones(length, length).triu(1).bool(), -math.inf)
    return scores.softmax(-1)


def mixed(attentions, residual, sinks, layer, into, out_of):
    """One step of a route: the share that passes from `out_of` to `into` in a layer."""
    heads, length = attentions.shape[1:3]
    means = [sum(attentions[layer, head, into, key].item() for head in range(heads)) / heads for key in range(length)]
    means = [0.0 if key in sinks else mean for key, mean in enumerate(means)]
    share = means[out_of] / sum(means) if sum(means) else float(into == out_of)
    return (1 - residual) * share + residual * (into == out_of)


def weight_of_all_routes(attentions, residual, sinks, query, key):
    """Walks every route through the layers; no matrix product."""
    layers, _, length, _ = attentions.shape
    routes = ((query, *between, key) for between in product(range(length), repeat=layers - 1))
    return sum(
        math.prod(
            mixed(attentions, residual, sinks, layers - 1 - step, route[step], route[step + 1])
            for step in range(layers)
        )
        for route in routes
    )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("sinks", [(), (0,), (0, 3), (0, 1, 2, 3)])
@pytest.mark.parametrize("residual", [0, 0.3, 0.5])
def test_flow_is_the_sum_over_all_routes(residual, sinks, causal):
    attentions = random_attentions(causal=causal)
    flow = attention_rollout(attentions, residual=residual, sinks=sinks).flow
    for layer, query, key in product(range(3), range(4), range(4)):
        expected = weight_of_all_routes(attentions[: layer + 1], residual, sinks, query, key)
        assert flow[layer, query, key].item() == pytest.approx(expected, abs=1e-6)


def test_two_layers_by_hand():
    first = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    second = torch.tensor([[0.2, 0.8], [0.0, 1.0]])
    flow = attention_rollout(torch.stack([first, second])[:, None]).flow
    # Mixed with the identity: [[1, 0], [.25, .75]] and then [[.6, .4], [0, 1]], the later layer on the left.
    assert torch.allclose(flow[0], torch.tensor([[1.0, 0.0], [0.25, 0.75]]))
    assert torch.allclose(flow[1], torch.tensor([[0.7, 0.3], [0.25, 0.75]]))


@pytest.mark.parametrize("sinks", [(), (0,), (1, 4)])
def test_rows_sum_to_one(sinks):
    flow = attention_rollout(random_attentions(6, 3, 5), sinks=sinks).flow
    assert torch.allclose(flow.sum(-1), torch.ones(6, 5), atol=1e-5)


def test_a_skip_connection_that_carries_all_changes_nothing():
    assert torch.equal(attention_rollout(random_attentions(), residual=1).flow, torch.eye(4).expand(3, 4, 4))


def test_renaming_positions_renames_the_flow():
    attentions, order = random_attentions(), torch.tensor([2, 0, 3, 1])
    renamed = attention_rollout(attentions[:, :, order][..., order]).flow
    assert torch.allclose(renamed, attention_rollout(attentions).flow[:, order][..., order], atol=1e-6)


def test_nothing_comes_from_a_sink_but_to_itself():
    flow = attention_rollout(random_attentions(6, 3, 5), sinks=(0, 2)).flow
    others = torch.ones(5, 5).fill_diagonal_(0).bool()
    assert (flow[:, :, [0, 2]][:, others[:, [0, 2]]] == 0).all()


def test_causal_flow_has_no_future():
    assert (attention_rollout(random_attentions(causal=True), sinks=(0,)).flow.triu(1) == 0).all()


def test_the_attentions_are_left_as_they_were():
    attentions = random_attentions()
    before = attentions.clone()
    attention_rollout(attentions, sinks=(0, 1))
    assert torch.equal(attentions, before)


def test_a_learned_sinks_share_is_left_out():
    attentions = random_attentions()
    reduced = attentions * torch.tensor([0.9, 0.4, 0.7, 0.2])[:, None]  # the same for both heads
    assert torch.allclose(attention_rollout(reduced).flow, attention_rollout(attentions).flow, atol=1e-6)


def test_bfloat16_rows_are_accepted():
    flow = attention_rollout(random_attentions(3, 2, 40).bfloat16()).flow
    assert torch.allclose(flow.sum(-1), torch.ones(3, 40), atol=1e-5)


def test_a_position_is_a_readout_with_one_entry():
    rollout = attention_rollout(random_attentions())
    assert torch.equal(rollout.from_position(2), rollout.flow[:, 2])
    assert torch.allclose(rollout.from_position(torch.eye(4)[2]), rollout.flow[:, 2])
    mean = rollout.from_position(torch.tensor([0.25, 0.0, 0.75, 0.0]))
    assert torch.allclose(mean, 0.25 * rollout.flow[:, 0] + 0.75 * rollout.flow[:, 2])


def greatest_flow(attentions, query, key):
    """Attention flow of Abnar and Zuidema: how much can be sent from an output to an input, by scipy's solver."""
    layers, _, length, _ = attentions.shape
    edges = [
        ((layer + 1) * length + into, layer * length + out_of, mixed(attentions, 0.5, (), layer, into, out_of))
        for layer, into, out_of in product(range(layers), range(length), range(length))
    ]
    rows, columns, capacities = zip(*edges, strict=True)
    nodes = (layers + 1) * length
    graph = coo_matrix((np.int32(np.array(capacities) * 1e8), (rows, columns)), shape=(nodes, nodes)).tocsr()
    return maximum_flow(graph, layers * length + query, key).flow_value / 1e8


def test_rollout_is_a_flow_and_equals_the_greatest_after_one_layer():
    attentions = random_attentions()
    flow = attention_rollout(attentions).flow
    for query, key in product(range(4), range(4)):
        assert flow[0, query, key].item() == pytest.approx(greatest_flow(attentions[:1], query, key), abs=1e-6)
        assert flow[2, query, key].item() <= greatest_flow(attentions, query, key) + 1e-6


def example():
    units = (Unit("ab", (1,), 0, 2), Unit("cd", (2,), 3, 5))
    return Example("ab cd", torch.arange(4), tuple("abcd"), units, (0, 3))


def decision(readout):
    return Decision(0, "yes", 0.5, 0.0, "yes", (), torch.tensor(readout))


@pytest.mark.parametrize("readout", [[1.0, 0.0, 0.0, 0.0], [0.4, 0.1, 0.2, 0.3]])
@pytest.mark.parametrize("sinks", [(), (0,)])
def test_attribution_reads_the_last_layer_and_renormalises_over_units(readout, sinks):
    attentions = random_attentions()
    row = [
        sum(share * weight_of_all_routes(attentions, 0.4, sinks, query, key) for query, share in enumerate(readout))
        for key in range(4)
    ]
    rollout = attention_rollout(attentions, residual=0.4, sinks=sinks)
    found = rollout_attribution(rollout, example(), decision(readout))
    assert found.tokens.tolist() == pytest.approx(row, abs=1e-6)
    assert found.scores.tolist() == pytest.approx([part / (row[1] + row[2]) for part in row[1:3]], abs=1e-5)
    assert found.notes == {"sink mass": pytest.approx(row[0] + row[3], abs=1e-5), "residual": 0.4}
    assert (found.method, found.family, found.signed) == ("attention rollout", "attention", False)


@pytest.mark.parametrize("residual", [-0.1, 1.5, math.nan])
def test_residual_must_be_a_share(residual):
    with pytest.raises(ValueError, match=f"^residual must be from 0 to 1, not {residual}$"):
        attention_rollout(random_attentions(), residual=residual)


@pytest.mark.parametrize("sink", [-1, 4])
def test_sinks_must_be_positions(sink):
    with pytest.raises(ValueError, match=f"^each sink must be from 0 to 3, not {sink}$"):
        attention_rollout(random_attentions(), sinks=(0, sink))


@pytest.mark.parametrize(
    ("change", "smallest", "largest"),
    [(lambda a: 1.1 * a, "0.0", "1.1"), (lambda a: a - 0.5, "-0.", "-1"), (lambda a: a * math.nan, "nan", "nan")],
)
def test_rows_must_be_shares(change, smallest, largest):
    message = (
        rf"attention rows must be shares that sum to 1, but the smallest weight is {smallest}\S* "
        rf"and the largest sum {largest}\S*; pass weights after the softmax, without dropout"
    )
    with pytest.raises(ValueError, match=f"^{message}$"):
        attention_rollout(change(random_attentions()))


def test_a_rollout_of_another_text_is_refused():
    message = "the rollout must be of this text's 4 tokens, not of 5; record the same example"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        rollout_attribution(attention_rollout(random_attentions(length=5)), example(), decision([1.0, 0.0, 0.0, 0.0]))
