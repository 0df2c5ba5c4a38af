"""Texts at both ends, chosen by hand."""

from itertools import permutations
from typing import Any

import pytest

from analyses.studies.extremes import Extremes, extremes


def record(row: int, rank: float | None, words: int = 9) -> dict[str, Any]:
    return {"row": row, "input_rank": rank, "words": words}


def test_the_best_and_the_worst_whatever_the_order_of_the_records() -> None:
    records = [record(row, rank) for row, rank in ((4, 0.5), (7, -0.2), (9, 0.9), (2, 0.1), (8, 0.7))]
    for order in permutations(records):
        assert extremes(order, count=2) == Extremes(most=(9, 8), least=(7, 2))


def test_short_and_undefined_texts_are_left_out() -> None:
    records = [
        record(1, 1.0, words=4),
        record(2, None),
        record(3, 0.2, words=5),
        record(4, 0.1),
        record(5, -1.0, words=2),
    ]
    assert extremes(records) == Extremes(most=(3,), least=(4,))


@pytest.mark.parametrize("count", range(9))
def test_no_text_is_at_both_ends(count: int) -> None:
    found = extremes([record(row, row / 10) for row in range(count)])
    assert not set(found.most) & set(found.least)
    assert len(found.most) == min(3, (count + 1) // 2) and len(found.least) == min(3, count // 2)


def test_ties_go_by_row_number() -> None:
    records = [record(row, 0.5) for row in (5, 3, 9, 1)]
    assert extremes(records, count=1) == Extremes(most=(1,), least=(9,))
    assert extremes(records, count=2) == Extremes(most=(1, 3), least=(5, 9))


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError) as error:
        extremes([], count=-1)
    assert str(error.value) == "count must be 0 or more, not -1"
