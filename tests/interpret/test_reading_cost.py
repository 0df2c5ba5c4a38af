"""Costs of reading against counted products, and what follows from them."""

import pytest
from tiny_models import tiny_model

from interpret.subjects.models.reading_cost import PASS, ReadingCost


def products(tokens: int, start: int, hidden: int) -> int:
    """Multiplications of a layer like GPT-2's: four projections, two of four times the width, scores and sums."""
    matrices = (4 + 2 * 4) * hidden**2
    keys = [tokens if start else place + 1 for place in range(start, tokens)]
    return sum(matrices + 2 * hidden * each for each in keys)


@pytest.mark.parametrize(("tokens", "start"), [(400, 0), (400, 1), (400, 399), (4000, 0), (4000, 2000)])
def test_costs_are_those_of_the_products_of_a_layer(tokens: int, start: int) -> None:
    model = tiny_model("causal", "gpt2")
    hidden = model.config.hidden_size
    cost = ReadingCost.of(model).rest(tokens, start)
    assert cost == pytest.approx(products(tokens, start, hidden) / (12 * hidden**2), rel=0.01)


def test_a_beginning_that_is_known_costs_nothing_and_any_other_a_pass() -> None:
    cost = ReadingCost(key=0.001)
    assert cost.beginning(50, 50) == cost.beginning(50, 60) == 0
    assert cost.beginning(100, 0) == PASS + 100 * (1 + 0.05)
    assert cost.beginning(100, 60) == PASS + 40 * (1 + 0.1)


def test_where_attention_is_most_of_the_work_only_long_beginnings_are_worth_it() -> None:
    narrow, wide = ReadingCost(key=0.01), ReadingCost(key=0.00001)
    assert narrow.rest(4000, 1000) > narrow.rest(4000, 0) > narrow.rest(4000, 2500)
    assert wide.rest(4000, 0) > wide.rest(4000, 500)


def test_a_batch_takes_the_faster_way() -> None:
    cost = ReadingCost(key=0.0)
    assert cost.batch(2, 300, 10) == PASS + 600
    assert cost.batch(8, 300, 200) == 2 * PASS + 200 + 800
