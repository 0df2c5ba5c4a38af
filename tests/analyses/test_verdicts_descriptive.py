"""What stands beside the components: other weights, shuffled values, and values alone."""

import numpy as np
import pytest
import torch
from subjects_for_tests import OneLayerSubject, tiny_bert, tiny_llama
from whole_passes_for_tests import WholePasses, spread_evenly, tokens_of, trade_back, without

from analyses.verdicts.rank_in_row import position_effects
from analyses.verdicts.row_edits import erased, level
from analyses.verdicts.shuffled_values import shuffled_effects
from analyses.verdicts.value_norms import value_effects
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import read_row

SETTINGS = {
    "bert": lambda: WholePasses(tiny_bert(), layer=2),
    "llama": lambda: WholePasses(tiny_llama(), layer=1),
    "a lower head": lambda: WholePasses(tiny_bert(), layer=1, head=2),
}


@pytest.fixture(params=SETTINGS)
def passes(request: pytest.FixtureRequest) -> WholePasses:
    return SETTINGS[request.param]()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_level_weights_are_the_same_for_all_tokens_of_words(passes: WholePasses) -> None:
    row = passes.row()
    found = level(row, Content.of(passes.examples))
    for index, example in enumerate(passes.examples):
        expected = spread_evenly(passes.weights(index), example)
        torch.testing.assert_close(found[index, :, 0], expected)
        words = tokens_of(example)
        others = [token for token in range(len(example.ids)) if token not in words]
        assert torch.equal(found[index, ..., others], row.weights[index, ..., others])
        assert (found[index][..., words] == found[index][..., words[:1]]).all()
    torch.testing.assert_close(found.sum(-1), torch.ones(found.shape[:-1]))


def test_level_weights_of_a_text_without_words_are_as_they_were() -> None:
    subject = OneLayerSubject()
    example = subject.encode("")
    row = read_row(subject, example.ids[None], torch.tensor([0]), readout=torch.tensor([1.0, 0.0]))
    nothing = Content(torch.ones(1, 2, dtype=torch.int64), torch.zeros(1, 1, dtype=torch.bool))
    assert torch.equal(level(row, nothing), row.weights)


def test_words_can_be_taken_out_of_other_weights_than_the_rows_own(passes: WholePasses) -> None:
    row, content = passes.row(), Content.of(passes.examples)
    made_up = torch.rand(row.weights.shape, generator=generator(2))
    removed = torch.rand(2, 3, content.exists.shape[1], generator=generator(3)) < 0.4
    found = erased(row, content, removed & content.exists[:, None], weights=made_up)
    for index, example in enumerate(passes.examples):
        for variant in range(3):
            units = [unit for unit in range(len(example.units)) if removed[index, variant, unit]]
            assert 0 < len(units) < len(example.units)
            torch.testing.assert_close(
                found[index, variant, :, 0], without(made_up[index, :, 0], example, units), rtol=1e-5, atol=1e-6
            )
    own = erased(row, content, removed, weights=row.weights)
    assert torch.equal(own, erased(row, content, removed))


def test_effects_on_shuffled_values_are_what_whole_passes_with_weights_traded_back_give(passes: WholePasses) -> None:
    """Key `k` with the value of `order[k]` writes what the value's own key writes with the weight of `k`."""
    row, content = passes.row(), Content.of(passes.examples)
    orders = content.orders(2, generator(1))
    found = shuffled_effects(row, content, orders)
    assert found.shape == (2, 2, content.exists.shape[1])
    for index, example in enumerate(passes.examples):
        own = passes.weights(index)
        for variant, order in enumerate(orders[index].tolist()):
            before = passes.margin(index, trade_back(own, order))
            for unit in range(len(example.units)):
                after = passes.margin(index, trade_back(without(own, example, [unit]), order))
                assert float(found[index, variant, unit]) == pytest.approx(abs(after - before), abs=2e-5)
    assert found.amax() > 1e-2 and (found[:, 0] - found[:, 1]).abs().max() > 1e-3
    assert (found[~content.exists[:, None].expand_as(found)] < 1e-5).all()


def test_where_no_value_moves_the_effects_are_those_of_the_positions(passes: WholePasses) -> None:
    row, content = passes.row(), Content.of(passes.examples)
    still = torch.arange(row.ids.shape[1]).expand(2, 1, -1)
    torch.testing.assert_close(
        shuffled_effects(row, content, still)[:, 0], position_effects(row, content).renormalised, rtol=0, atol=2e-5
    )


def test_effects_of_values_are_what_whole_passes_from_level_weights_give(passes: WholePasses) -> None:
    content = Content.of(passes.examples)
    found = value_effects(passes.row(), content)
    for index, example in enumerate(passes.examples):
        flat = spread_evenly(passes.weights(index), example)
        before = passes.margin(index, flat)
        for unit in range(len(example.units)):
            after = passes.margin(index, without(flat, example, [unit]))
            assert float(found[index, unit]) == pytest.approx(abs(after - before), abs=2e-5)
    assert found.max() > 1e-2


def test_effects_of_values_have_a_closed_form_where_the_decision_is_linear() -> None:
    """From the mean over all words to the mean over the others, in each head as much as lies on words."""
    subject = OneLayerSubject()
    example = subject.encode("the plot drags but the cast is warm")
    content = Content.of([example])
    row = read_row(subject, example.ids[None], torch.tensor([1]), readout=torch.eye(len(example.ids))[0])
    model = subject.model
    direction = (model.classifier.weight[1] - model.classifier.weight[0]).detach().numpy()
    expected = []
    with torch.no_grad():
        states = model.project(model.embedding(example.ids)).view(-1, 3, model.heads, model.dim).numpy()
    words = range(1, len(example.ids) - 1)
    for unit in words:
        change = 0.0
        for head in range(model.heads):
            scores = np.exp(states[:, 1, head] @ states[0, 0, head])
            mass = scores[list(words)].sum() / scores.sum()
            value = states[:, 2, head]
            columns = model.output.weight.detach().numpy()[:, head * model.dim : (head + 1) * model.dim]
            others = np.mean([value[token] for token in words if token != unit], axis=0)
            change += mass * (others - np.mean([value[token] for token in words], axis=0)) @ columns.T @ direction
        expected.append(abs(change))
    assert value_effects(row, content)[0].tolist() == pytest.approx(expected, abs=1e-5)
    assert max(expected) > 1e-2


def test_words_that_say_the_same_have_no_effect_by_value_or_by_trading_values() -> None:
    subject = OneLayerSubject()  # has no places, so equal words have equal values
    example = subject.encode("plot plot plot plot plot")
    content = Content.of([example])
    row = read_row(subject, example.ids[None], torch.tensor([0]), readout=torch.eye(7)[0])
    assert value_effects(row, content).max() < 1e-5
    assert shuffled_effects(row, content, content.orders(3, generator())).max() < 1e-5
