"""Chart of explanations against their work: positions, and which are worth it, worked out by hand."""

from typing import Any

import pytest
from ranking_sample import sample_ranking
from study_sample import sample_study

from reports.study.cost_chart import cost_chart
from reports.study.page import render_study

WORK_AND_SCORE = {  # of each, whether no other has the score for as little work
    "cheap": (1.0, 0.3, False), "as cheap": (1.05, 0.4, True), "dear": (3.0, 0.35, False), "better": (2.0, 0.8, True),
    "best": (100.0, 0.9, True), "worse": (101.0, 0.5, False), "misleads": (2.0, -0.2, False),
}  # fmt: skip


def ranking_of(values: dict[str, tuple[float | None, float | None]]) -> Any:
    methods = [
        {"name": name, "work": work, "means": {"faithfulness": {"mean": score}}}
        for name, (work, score) in values.items()
    ]
    return {"primary": "faithfulness", "methods": methods}


def test_those_are_filled_that_no_other_reaches_with_as_little_work() -> None:
    chart = cost_chart(ranking_of({name: each[:2] for name, each in WORK_AND_SCORE.items()}))
    assert chart is not None
    assert chart.worth_it == ["as cheap", "better", "best"]
    assert {dot.name: dot.is_worth_it for dot in chart.dots} == {name: each[2] for name, each in WORK_AND_SCORE.items()}
    places = {dot.name: (dot.across, dot.up) for dot in chart.dots}
    # The logarithm goes from 0 to 2.0043, with six hundredths of that around it.
    low, high = -0.06 * 2.0043, 1.06 * 2.0043
    assert places["best"][0] == pytest.approx(100 * (2 - low) / (high - low), abs=0.01)
    assert places["cheap"][0] == pytest.approx(100 * (0 - low) / (high - low), abs=0.01)
    assert places["best"][1] < places["better"][1] < places["misleads"][1]  # from the top
    assert [label for _, label in chart.ticks()] == ["1 ×", "3 ×", "10 ×", "30 ×", "100 ×"]


def test_names_are_written_only_where_there_is_room() -> None:
    chart = cost_chart(ranking_of({"one": (1.0, 0.80), "two": (1.5, 0.81), "three": (100.0, 0.99)}))
    assert chart is not None and chart.worth_it == ["one", "two", "three"]
    assert {dot.name: (dot.is_named, dot.is_left) for dot in chart.dots} == {
        "one": (False, False), "two": (True, False), "three": (True, True),
    }  # fmt: skip


def test_of_equal_explanations_the_one_with_less_work_is_filled() -> None:
    chart = cost_chart(ranking_of({"one": (1.0, 0.8), "two": (1.05, 0.8), "three": (9.0, 0.8)}))
    assert chart is not None and chart.worth_it == ["one"]


def test_there_is_no_chart_of_what_takes_no_work_or_is_unknown() -> None:
    values = {
        "one": (1.0, 0.8),
        "two": (2.0, 0.9),
        "free": (0.0, 0.1),
        "unknown": (None, 0.5),
        "undefined": (3.0, None),
    }
    assert cost_chart(ranking_of(values)) is None


def test_the_page_says_what_each_takes_and_where_seconds_are() -> None:
    page = render_study(*sample_study(ranked=True))
    assert "21 passes, 21.0 x a pass, 1.3 MB" in page
    assert "1 pass with a gradient, 4.10 x a pass, 6.5 MB" in page
    assert "row 17, 21 words" in page and "(512 million floating-point operations)" in page
    assert "Seconds differ from machine to machine" in page and "analyses.method_costs" in page
    assert '<figure class="costs">' in page and "to a tenth: ALTI-Logit, leave-one-out." in page


def test_a_page_of_an_older_ranking_has_no_costs_and_no_chart() -> None:
    summary, records = sample_study(ranked=True)
    ranking = sample_ranking(120, undefined=False)
    del ranking["cost_text"]
    for each in ranking["methods"]:
        del each["work"], each["memory"]
    page = render_study({**summary, "ranking": ranking}, records)
    assert "21 passes" in page and "x a pass" not in page and 'class="costs"' not in page
