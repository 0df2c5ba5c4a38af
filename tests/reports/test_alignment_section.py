"""The part of the page that shows where the words of a translation look in the source."""

from typing import Any

from sample import sample_analysis

from reports.analysis import alignment
from reports.analysis.page import render

WORDS = {
    "source": ["two", "dogs"],
    "target": ["zwei", "hunde", "!"],
    "layers": ["cross 1", "cross 2"],
    "weights": [[[0.5, 0.25], [0.25, 0.5], [0.0, 0.0]], [[0.75, 0.125], [0.25, 0.625], [0.0, 0.0]]],
    "gold": {"sure": [[0, 0]], "possible": [[0, 0], [1, 2]]},
    "error_rates": [
        {"layer": "cross 1", "by": "weights", "aligned": "output", "error_rate": 0.25},
        {"layer": "cross 2", "by": "weights", "aligned": "output", "error_rate": 0.0},
    ],
}


def page(**changes: Any) -> str:
    return render({**sample_analysis(units=4), "alignment": {**WORDS, **changes}})


def test_the_matrix_is_that_of_the_last_layer() -> None:
    cells = alignment.rows(WORDS)
    assert [[cell.share for cell in row] for row in cells] == [["75.0%", "12.5%"], ["25.0%", "62.5%"], ["0.0%", "0.0%"]]
    assert [[("strongest" in cell.classes) for cell in row] for row in cells] == [
        [True, False], [False, True], [False, False],
    ]  # fmt: skip
    assert [[cell.gold for cell in row] for row in cells] == [["sure", ""], ["", ""], ["", "possible"]]


def test_every_layer_names_the_word_looked_at_most() -> None:
    assert alignment.strongest(WORDS) == [
        [("two", "50.0%"), ("two", "75.0%")],
        [("dogs", "50.0%"), ("dogs", "62.5%")],
        [("–", "0.0%"), ("–", "0.0%")],
    ]


def test_error_rates_stand_by_layer_and_kind() -> None:
    columns, rows = alignment.error_table(WORDS)
    assert columns == ["weights, where it is written"]
    assert rows == [("Cross 1", ["25.0%"]), ("Cross 2", ["0.0%"])]


def test_the_page_shows_words_shares_links_and_rates() -> None:
    html = page()
    assert 'href="#alignment"' in html and "Cross 2, mean over heads" in html
    assert "<bdi>zwei</bdi>" in html and "75.0%" in html and "sure link" in html and "possible link" in html
    assert "alignment error rate" in html


def test_without_gold_there_are_no_links_and_no_rates() -> None:
    html = page(gold=None, error_rates=[])
    assert "Cross 2, mean over heads" in html
    assert "sure link" not in html and "alignment error rate" not in html


def test_a_large_matrix_is_drawn_without_numbers() -> None:
    side = 60
    row = [[1 / side] * side] * side
    words = {"source": ["a"] * side, "target": ["b"] * side, "weights": [row, row]}
    html = page(**words, gold=None, error_rates=[])
    assert not alignment.has_table({**WORDS, **words}) and 'class="heat aligned"' not in html
    assert "A table of 60 × 60 words would be too large" in html


def test_other_tasks_and_older_files_have_no_such_part() -> None:
    analysis = sample_analysis(units=4)
    assert 'id="alignment"' not in render(analysis)
    del analysis["alignment"]
    assert 'id="alignment"' not in render(analysis)
