"""The measure that names explanations, on results made by hand."""

import pytest
import torch
from results_for_tests import erasure

import analyses
from analyses.ranking.measures import COMPREHENSIVENESS, SUFFICIENCY
from analyses.ranking.primary import faithfulness_of, faithfulness_of_chance, p_worse_than_chance
from analyses.verdicts.thresholds import SIGNIFICANCE_LEVEL


def judged(values):
    """Judged explanations whose two halves are these values, beside 19 random orders from -0.9 to 0.9."""
    random = torch.linspace(-0.9, 0.9, 19)
    halves = {COMPREHENSIVENESS.name: torch.tensor(values) + 0.2, SUFFICIENCY.name: torch.tensor(values) - 0.2}
    names = tuple(f"method {place}" for place in range(len(values)))
    erased = analyses.Faithfulness("delete", (1, 2), names, erasure(len(values)), erasure(100))
    return analyses.Judged(
        names, (True,) * len(values), (COMPREHENSIVENESS, SUFFICIENCY), halves, {name: random for name in halves}, {},
        erased, 100,
    )  # fmt: skip


def test_it_is_the_mean_of_both_halves():
    found = judged([0.6, -1.0])
    assert faithfulness_of(found).tolist() == pytest.approx([0.6, -1.0])
    assert float(faithfulness_of_chance(found).mean()) == pytest.approx(0.0, abs=1e-6)


def test_the_worst_of_twenty_is_worse_than_chance_at_the_level():
    p_values = p_worse_than_chance(judged([0.65, -1.0, -0.85, float("nan")])).tolist()
    assert p_values[:3] == [17 / 20, 1 / 20, 2 / 20]
    assert p_values[1] <= SIGNIFICANCE_LEVEL < p_values[2]
    assert p_values[3] != p_values[3]
