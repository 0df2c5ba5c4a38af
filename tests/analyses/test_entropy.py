"""Attention entropy against sums in plain Python and known values."""

import math

import pytest
import torch

from analyses.attention.entropy import attention_entropy
from interpret.attention.interface import causal_mask


def random_weights(length=6, causal=False, seed=0):
    scores = 2 * torch.randn(2, 3, length, length, generator=torch.Generator().manual_seed(seed))
    if causal:
        scores = scores.masked_fill(~causal_mask(length, length)[0, 0], -math.inf)
    return scores.softmax(-1)


def entropy_by_hand(row):
    return -sum(weight * math.log(weight) for weight in row if weight > 0)


def test_entropy_is_that_of_each_row():
    weights = random_weights()
    found = attention_entropy(weights)
    for layer, head, query in ((layer, head, query) for layer in range(2) for head in range(3) for query in range(6)):
        expected = entropy_by_hand(weights[layer, head, query].tolist())
        assert found.nats[layer, head, query].item() == pytest.approx(expected, abs=1e-5)
        assert found.share[layer, head, query].item() == pytest.approx(expected / math.log(6), abs=1e-5)


def test_in_a_causal_model_the_share_is_of_what_a_row_can_see():
    weights = random_weights(causal=True)
    found = attention_entropy(weights, visible=causal_mask(6, 6)[0, 0])
    assert found.share[:, :, 0].isnan().all()
    for query in range(1, 6):
        expected = entropy_by_hand(weights[1, 2, query].tolist()) / math.log(query + 1)
        assert found.share[1, 2, query].item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("length", [2, 3, 6, 7, 15, 22, 128])
def test_an_even_spread_is_the_most_and_one_key_the_least(length):
    even = attention_entropy(torch.full((1, 1, length, length), 1 / length))
    assert even.nats.flatten().tolist() == pytest.approx([math.log(length)] * length, rel=1e-5)
    assert (even.share <= 1).all()
    assert even.share.flatten().tolist() == pytest.approx([1] * length, rel=1e-5)
    one = attention_entropy(torch.eye(length)[None, None])
    assert (one.nats == 0).all()
    assert (one.share == 0).all()


def test_a_row_that_sees_nothing_has_no_share():
    visible = torch.tensor([[False, False], [True, True]])
    weights = torch.tensor([[0.0, 0.0], [0.5, 0.5]])[None, None]
    found = attention_entropy(weights, visible=visible)
    assert found.share[0, 0, 0].isnan()
    assert found.share[0, 0, 1].item() == pytest.approx(1)


def test_the_order_of_keys_does_not_matter():
    weights = random_weights()
    shuffled = attention_entropy(weights[..., torch.tensor([3, 1, 5, 0, 2, 4])])
    assert torch.allclose(shuffled.nats, attention_entropy(weights).nats, atol=1e-6)


def test_a_learned_sinks_share_is_left_out():
    weights = random_weights()
    assert torch.allclose(attention_entropy(0.3 * weights).nats, attention_entropy(weights).nats, atol=1e-5)


def test_a_row_without_any_attention_has_no_entropy():
    weights = torch.zeros(1, 1, 2, 2)
    weights[0, 0, 1] = 0.5
    assert attention_entropy(weights).nats[0, 0].tolist() == pytest.approx([0, math.log(2)])


def test_means_are_over_rows_that_have_a_choice():
    weights = random_weights(causal=True)
    mean = attention_entropy(weights, visible=causal_mask(6, 6)[0, 0]).mean()
    rows = [entropy_by_hand(weights[1, 0, query].tolist()) for query in range(1, 6)]
    shares = [entropy / math.log(query + 1) for query, entropy in enumerate(rows, start=1)]
    assert mean.nats[1, 0].item() == pytest.approx(sum(rows) / 5, abs=1e-5)
    assert mean.share[1, 0].item() == pytest.approx(sum(shares) / 5, abs=1e-5)


def test_one_token_has_no_entropy_to_speak_of():
    found = attention_entropy(torch.ones(2, 3, 1, 1))
    assert (found.nats == 0).all()
    assert found.share.isnan().all()
    assert found.mean().nats.isnan().all()
    assert found.mean().share.isnan().all()


def test_weight_on_hidden_keys_is_refused():
    weights = torch.full((1, 1, 2, 2), 0.5)
    message = r"a weight of 0\.5 lies on a key that isn't visible; pass the mask that the model was run with"
    with pytest.raises(ValueError, match=f"^{message}$"):
        attention_entropy(weights, visible=causal_mask(2, 2)[0, 0])


@pytest.mark.parametrize("bad", [-0.25, math.nan])
def test_weights_must_not_be_negative(bad):
    weights = torch.full((1, 1, 2, 2), 0.5)
    weights[0, 0, 1, 0] = bad
    with pytest.raises(ValueError, match=rf"^attention weights must be at least 0, but one is {bad}$"):
        attention_entropy(weights)


def test_visible_keys_may_differ_between_layers():
    weights = torch.stack([torch.full((1, 4, 4), 0.25), torch.eye(4)[None]])
    every, one = torch.ones(4, 4, dtype=torch.bool), torch.eye(4, dtype=torch.bool)
    share = attention_entropy(weights, visible=torch.stack([every, one])).share
    torch.testing.assert_close(share[0], torch.ones(1, 4))
    assert share[1].isnan().all()
