"""Attention patterns against loops in plain Python."""

import pytest
import torch

from analyses.attention.patterns import attention_patterns


def random_weights(length=5, seed=0):
    return (2 * torch.randn(2, 3, length, length, generator=torch.Generator().manual_seed(seed))).softmax(-1)


def mean(values):
    values = list(values)
    return sum(values) / len(values)


@pytest.mark.parametrize("separators", [(0, 4), (3,), (0, 2, 4)])
def test_patterns_are_mean_shares(separators):
    weights = random_weights()
    found = attention_patterns(weights, separators=separators)
    for layer, head in ((layer, head) for layer in range(2) for head in range(3)):
        rows = weights[layer, head].tolist()
        expected = {
            "previous": mean(rows[query][query - 1] for query in range(1, 5)),
            "next": mean(rows[query][query + 1] for query in range(4)),
            "first": mean(row[0] for row in rows),
            "separator": mean(sum(row[key] for key in separators) for row in rows),
            "sinks": mean(sum(row[key] for key in {0, *separators}) for row in rows),
        }
        for name, value in expected.items():
            assert getattr(found, name)[layer, head].item() == pytest.approx(value, abs=1e-6), name


def test_a_head_that_only_looks_back_reaches_one():
    weights = torch.zeros(1, 1, 4, 4)
    weights[0, 0, range(1, 4), range(3)] = 1
    weights[0, 0, 0, 0] = 1
    found = attention_patterns(weights, separators=())
    assert found.previous.item() == 1
    assert found.next.item() == 0
    assert found.first.item() == 0.5  # the first row, which sees nothing else, and the second
    assert found.separator.item() == 0


def test_reversing_the_text_swaps_previous_and_next():
    weights = random_weights()
    found = attention_patterns(weights, separators=(1,))
    reversed_ = attention_patterns(weights.flip(-1, -2), separators=(3,))
    assert torch.allclose(found.previous, reversed_.next)
    assert torch.allclose(found.next, reversed_.previous)
    assert torch.allclose(found.separator, reversed_.separator)


def test_sink_mass_is_a_share_of_all_attention_and_counts_no_position_twice():
    weights = random_weights()
    found = attention_patterns(weights, separators=(0, 4, 4))
    assert found.sink_mass == pytest.approx(
        (weights[..., 0].sum() + weights[..., 4].sum()).item() / weights.sum().item()
    )
    everywhere = attention_patterns(weights, separators=range(5))
    assert everywhere.sink_mass == pytest.approx(1)


def test_one_token_has_neither_previous_nor_next():
    found = attention_patterns(torch.ones(2, 3, 1, 1), separators=())
    assert found.previous.isnan().all()
    assert found.next.isnan().all()
    assert (found.first == 1).all()


@pytest.mark.parametrize("separator", [-1, 5])
def test_separators_must_be_positions(separator):
    with pytest.raises(ValueError, match=f"^each separator must be from 0 to 4, not {separator}$"):
        attention_patterns(random_weights(), separators=(0, separator))
