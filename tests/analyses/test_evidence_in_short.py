"""What is said of explanations and marked words over a study: only what the intervals bear out."""

import pytest

from analyses.studies.evidence.in_short import MEASURES, bounds, evidence_in_short, evidence_table
from interpret.cli.evidence import evidence_lines


def interval(mean, low=None, high=None):
    return {"mean": mean, "low": low, "high": high, "method": "BCa", "count": 9, "undefined": 0}


def of_method(name, mean, chance, lead, above_floor=None):
    everywhere = [dict.fromkeys(MEASURES, interval(*each)) for each in (mean, chance, lead)]
    means, above_chance, above_reference = everywhere
    lead, p_value = above_floor or ((0.1, -0.1, 0.2), 0.3)
    return {
        "method": name,
        "is_floor": False,
        "above_floor": {"interval": interval(*lead), "p_value": p_value, "adjusted": p_value},
        "means": means,
        "above_chance": above_chance,
        "above_reference": above_reference,
        "left_out": None,
    }


def found(attention, *others, texts=9, floor="random orders"):
    chance = dict.fromkeys(MEASURES, interval(0.2, 0.15, 0.25))
    methods = [of_method("last-layer attention", (0.3, 0.2, 0.4), attention, (0.0, 0.0, 0.0)), *others]
    return {
        "texts": texts,
        "marked": 0.1,
        "reference": "last-layer attention",
        "floor": floor,
        "chance": chance,
        "methods": methods,
    }


def trivial(name, mean):
    return {**of_method(name, mean, mean, mean), "is_floor": True, "above_floor": None}


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
    assert evidence_in_short(found(chance))[:2] == [
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
    assert rows[0] == ["", "mass", "AUPRC", "precision at k", "IoU", "token F1", "1/rank", "lead"]
    assert rows[2] == ["values", *["–"] * 6, "0.10 [−0.10, 0.20]"] and rows[3] == ["random orders", *["0.20"] * 6, ""]
    unread["left_out"] = "its values can't be read"
    *lines, about, last = evidence_lines(found((0.1, 0.02, 0.2), unread))
    assert about.strip() == (
        "Lead: AUPRC above that of “random orders”, the best order that knows nothing of the model; a star where it is "
        "clear text by text, corrected for the number of maps (Holm). Without one, finding these words says nothing "
        "for a map."
    )
    assert last.strip() == "values is left out: its values can't be read"
    assert lines[0] == "evidence   9 texts with marked words, 10% of their words on average"
    assert lines[-1].split() == ["random", "orders", *["0.20"] * 6]
    assert bounds(interval(0.5)) == "0.50"


LATER = trivial("baseline: later first", (0.9, 0.8, 1.0))
HIGHEST = of_method("saliency", (0.95, 0.9, 1.0), (0.7, 0.6, 0.8), (0.6, 0.5, 0.7))
NOTHING_SAID = (
    "But “later first”, an order that knows nothing of the model, reaches 0.90 [0.80, 1.00], and no map is clearly "
    "better: on these texts, finding the marked words says nothing for a map."
)


def test_what_an_order_that_knows_nothing_does_as_well_is_said_to_say_nothing():
    *_, last = evidence_in_short(found((0.1, 0.02, 0.2), HIGHEST, LATER, texts=50, floor=LATER["method"]))
    assert last == NOTHING_SAID
    *_, last = evidence_in_short(found((0.1, 0.02, 0.2), HIGHEST, LATER, texts=49, floor=LATER["method"]))
    assert last == (
        "No map is clearly better than “later first”, an order that knows nothing of the model (0.90 [0.80, 1.00]), "
        "but 49 texts are few to tell; it takes 50."
    )


def test_an_order_that_knows_nothing_is_never_called_the_best_map():
    lines = evidence_in_short(found((0.1, 0.02, 0.2), LATER, texts=50, floor=LATER["method"]))
    assert lines[1:] == ["No other method has a higher mean.", NOTHING_SAID]


@pytest.mark.parametrize(
    ("names", "also", "said"),
    [
        (["GIM"], False, "GIM finds them clearly better than {}; last-layer attention doesn't."),
        (["GIM", "ALTI"], False, "GIM and ALTI find them clearly better than {}; last-layer attention doesn't."),
        (["GIM"], True, "Last-layer attention and GIM find them clearly better than {}."),
    ],
)
def test_maps_that_beat_every_order_that_knows_nothing_are_named(names, also, said):
    clear = ((0.2, 0.1, 0.3), 0.01)
    better = [of_method(name, (0.95, 0.9, 1.0), (0.7, 0.6, 0.8), (0.6, 0.5, 0.7), clear) for name in names]
    what = found((0.1, 0.02, 0.2), *better, LATER, floor=LATER["method"])
    if also:
        what["methods"][0] = of_method("last-layer attention", (0.3, 0.2, 0.4), (0.1, 0.02, 0.2), (0, 0, 0), clear)
    order = "“later first” does, the best order that knows nothing of the model (0.90 [0.80, 1.00])"
    assert evidence_in_short(what)[-1] == said.format(order)


def test_attention_is_told_of_where_it_is_not_among_the_first():
    clear = ((0.2, 0.1, 0.3), 0.01)
    names = ["one", "two", "three", "four", "last-layer attention"]
    what = found((0.1, 0.02, 0.2), LATER, floor=LATER["method"])
    what["methods"] = [of_method(name, (0.95, 0.9, 1.0), (0.7, 0.6, 0.8), (0, 0, 0), clear) for name in names] + [LATER]
    assert evidence_in_short(what)[-1] == (
        "One, two, three and four (and 1 more) find them clearly better than “later first” does, the best order that "
        "knows nothing of the model (0.90 [0.80, 1.00]); last-layer attention does, too."
    )
    assert [row[-1] for row in evidence_table(what)] == ["lead", *["0.20 [0.10, 0.30]*"] * 5, "", ""]
