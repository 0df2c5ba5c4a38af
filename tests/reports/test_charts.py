"""Where marks lie, and which step of colour a value gets."""

import numpy as np
import pytest

from reports.shared.charts import Axis, axis_over, band, chance, heat_paths, line
from reports.shared.shades import step, step_class, step_rules, switch_rules


def test_an_axis_runs_from_left_to_right_and_from_bottom_to_top() -> None:
    axis = Axis(-1.0, 3.0)
    assert [axis.at(-1), axis.at(1), axis.at(3)] == [0, 50, 100]
    assert [axis.up(-1), axis.up(1), axis.up(3)] == [100, 50, 0]


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (-0.3, 8.2, ["0", "2", "4", "6", "8"]),
        (-0.4, 1.1, ["0.0", "0.5", "1.0"]),
        (-3.0, 0.2, ["−3", "−2", "−1", "0"]),
        (0.0, 0.0011, ["0.0000", "0.0005", "0.0010"]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, labels: list[str]) -> None:
    assert [label for _, label in Axis(low, high).ticks()] == labels


def test_an_axis_always_holds_zero_and_has_a_length() -> None:
    assert axis_over([2.0, 3.0]).low < 0 < axis_over([2.0, 3.0]).at(0)
    assert axis_over([]).high > axis_over([]).low
    assert len(axis_over([]).ticks()) >= 1


def test_the_hill_holds_every_random_order_and_its_shares_are_numpys() -> None:
    values = np.random.default_rng(0).gamma(2, 1, 250).tolist()
    drawn = chance(values, [9.0, -1.0])
    expected = np.quantile(values, [0.05, 0.5, 0.95])
    assert np.allclose([drawn.low, drawn.middle, drawn.high], expected)
    heights = [100 - float(part.split("h")[0].split(" ")[1]) for part in drawn.hill.split("L")[1:-1]]
    counts, _ = np.histogram(values, bins=36, range=(drawn.axis.low, drawn.axis.high))
    assert np.allclose(heights, 94 * counts / counts.max(), atol=0.1)


def test_a_single_random_value_still_makes_a_hill() -> None:
    drawn = chance([1.0], [])
    assert (drawn.low, drawn.middle, drawn.high) == (1.0, 1.0, 1.0)


def test_lines_and_bands_pass_through_their_points() -> None:
    across, up = Axis(0, 2), Axis(0, 10)
    assert line(across, up, [(0, 0), (1, 5), (2, 10)]) == "M0.0 100.0L50.0 50.0L100.0 0.0"
    assert band(across, up, [0, 2], [0, 0], [5, 10]) == "M0.0 50.0L100.0 0.0L100.0 100.0L0.0 100.0Z"


def test_a_heat_map_draws_each_cell_once_and_leaves_gaps_white() -> None:
    paths = dict(heat_paths([[1.0, 0.5], [None, 0.0], [0.0051, -0.01]]))
    assert paths == {10: "M0 0h1v1h-1z", 5: "M1 0h1v1h-1zM0 2h1v1h-1z", -10: "M1 2h1v1h-1z"}
    assert heat_paths([[0.0, None]]) == []


def test_steps_of_colour_follow_size_and_sign() -> None:
    assert [step(value, 2.0) for value in (2.0, 1.0, 0.09, -2.0, -9.0, None)] == [10, 5, 0, -10, -10, 0]
    assert [step_class("a", 1.0, 2.0), step_class("b", -2.0, 2.0), step_class("a", 0.0, 2.0)] == ["a5", "b-10", ""]
    assert step(1.0, 0.0) == 0


def test_switch_rules_name_every_step_of_every_colouring() -> None:
    rules = switch_rules("words", [True, False])
    assert "#words:has(#words-0:checked) .a10{--tint:var(--support);--amount:100%}" in rules
    assert "#words:has(#words-1:checked) .b3{--tint:var(--heat);--amount:30%}" in rules
    assert (
        "#words:has(#words-0:checked) .a-1{--tint:var(--oppose);--amount:10%;text-decoration-line:underline}" in rules
    )
    assert ".b-1" not in rules
    assert step_rules().count("{") == 30
