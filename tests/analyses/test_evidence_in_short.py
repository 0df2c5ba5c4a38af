"""What is said of explanations and marked words over a study: only what the intervals bear out."""

import pytest

from analyses.studies.evidence_in_short import MEASURES, bounds, evidence_in_short, evidence_table
from interpret.cli.evidence import evidence_lines


def interval(mean, low=None, high=None):
    return {"mean": mean, "low": low, "high": high, "method": "BCa", "count": 9, "undefined": 0}


def of_method(name, mean, chance, lead):
    everywhere = [dict.fromkeys(MEASURES, interval(*each)) for each in (mean, chance, lead)]
    means, above_chance, above_reference = everywhere
    return {
        "method": name,
        "means": means,
        "above_chance": above_chance,
        "above_reference": above_reference,
        "left_out": None,
    }


def found(attention, *others):
    chance = dict.fromkeys(MEASURES, interval(0.2, 0.15, 0.25))
    methods = [of_method("last-layer attention", (0.3, 0.2, 0.4), attention, (0.0, 0.0, 0.0)), *others]
    return {"texts": 9, "marked": 0.1, "reference": "last-layer attention", "chance": chance, "methods": methods}


@pytest.mark.parametrize(
    ("chance", "how"),
    [
        ((0.1, 0.02, 0.2), "better than random orders do"),
        ((-0.1, -0.2, -0.02), "worse than random orders do"),
        ((0.1, -0.02, 0.2), "no better and no worse than random orders, as far as these texts tell"),
        ((0.1, None, None), "no better and no worse than random orders, as far as these texts tell"),
    ],
)
def test_attention_is_held_against_chance_by_its_interval(chance, how):
    assert evidence_in_short(found(chance)) == [
        f"Last-layer attention finds the marked words {how} (AUPRC 0.30 [0.20, 0.40], random orders 0.20).",
        "No other method has a higher mean.",
    ]


def test_a_lead_is_sure_only_where_its_interval_is_above_nothing():
    better = of_method("saliency", (0.6, 0.5, 0.7), (0.4, 0.3, 0.5), (0.3, 0.2, 0.4))
    open_ = of_method("rollout", (0.4, 0.2, 0.5), (0.2, 0.0, 0.3), (0.1, -0.05, 0.2))
    assert evidence_in_short(found((0.1, 0.02, 0.2), better, open_))[1] == (
        "Saliency has the highest mean, 0.60 [0.50, 0.70], ahead of last-layer attention by 0.30 [0.20, 0.40]."
    )
    assert evidence_in_short(found((0.1, 0.02, 0.2), open_))[1] == (
        "Rollout has the highest mean, 0.40 [0.20, 0.50], not surely ahead of last-layer attention by 0.10 "
        "[−0.05, 0.20]."
    )


def test_methods_with_the_same_mean_share_the_first_place():
    better = [of_method(name, (1.0, 1.0, 1.0), (0.8, 0.7, 0.9), (0.7, 0.6, 0.8)) for name in ("ALTI", "GIM", "rollout")]
    assert evidence_in_short(found((0.1, 0.02, 0.2), *better))[1] == (
        "ALTI and 2 more have the highest mean, 1.00 [1.00, 1.00], ahead of last-layer attention by 0.70 [0.60, 0.80]."
    )


def test_the_table_has_every_measure_and_random_orders_last():
    unread = of_method("values", (None,), (None,), (None,))
    rows = evidence_table(found((0.1, 0.02, 0.2), unread))
    assert rows[0] == ["", "mass", "AUPRC", "precision at k", "IoU", "token F1", "1/rank"]
    assert rows[2] == ["values", *["–"] * 6] and rows[3] == ["random orders", *["0.20"] * 6]
    unread["left_out"] = "its values can't be read"
    *lines, last = evidence_lines(found((0.1, 0.02, 0.2), unread))
    assert last.strip() == "values is left out: its values can't be read"
    assert lines[0] == "evidence   9 texts with marked words, 10% of their words on average"
    assert lines[-1].split() == ["random", "orders", *["0.20"] * 6]
    assert bounds(interval(0.5)) == "0.50"
