"""The summary: plain JSON with everything that the page shows, also where records lack what came later."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from analyses.data_sets.notes import Note
from analyses.studies.baselines import trivial_baseline
from analyses.studies.head_map import head_map
from analyses.studies.summary import summarise
from analyses.verdicts.error_rates import ErrorRate
from analyses.verdicts.thresholds import BARS
from analyses.verdicts.verdict import Component, Verdict
from interpret.subjects.nouns import WORDS

LAYERS, HEADS = 2, 3
FINGERPRINT = {
    "schema": "interpret-attention/study/3",
    "model": {"name": "tiny", "sha256": "0", "sink": "drop", "layers": LAYERS, "heads": HEADS},
    "data": {"rows": 30, "sha256": "1"},
    "options": {"resampler": "corpus unigram"},
    "seed": 4,
    "versions": {},
}


def records(count: int = 30) -> list[dict[str, Any]]:
    """Attention ranks words well, rarity a little, and late words do less. The best head is the second of layer 2."""
    random, means = np.random.default_rng(0), np.array([0.0, 0.1, 0.0, 0.0, 0.9, 0.0])
    return [
        {
            "row": row,
            "label": "good" if row % 2 else None,
            "predicted": "good",
            "words": 4 if row == 1 else 8,
            "input_rank": None if row == 2 else 0.6 + 0.01 * row,
            "position_rank": None if row == 2 else float(random.normal(-0.3, 0.1)),
            "rarity_rank": float(random.normal(0.2, 0.1)),
            "head_ranks": [None if row == 3 else float(value) for value in random.normal(means, 0.05)],
        }
        for row in range(1, count + 1)
    ]


def summary(found: list[dict[str, Any]], model: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    nan = float("nan")
    components = tuple(Component(name, nan, nan, nan, 1.0, 30, "open") for name in BARS)
    answer = Verdict("inconclusive", ("too few",), components, (1,), 0.2, 1.5, len(found), None, ("data",))
    fingerprint = FINGERPRINT if model is None else {**FINGERPRINT, "model": model}
    notes = [Note("empty", 1, (3,), "1 row without a text.")]
    return summarise(fingerprint, notes, found, answer, [(1.0, "inconclusive")], **options)


def test_it_is_json_and_says_nothing_where_nothing_is_known() -> None:
    found = summary(records())
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for each in found["verdict"]["components"]:
        bars = BARS[each["name"]]
        assert (each["mean"], each["low"], each["high"]) == (None, None, None)
        assert (each["floor"], each["bar"], each["failure"]) == (bars.floor, bars.bar, WORDS.say(bars.failure))
    assert found["verdict"]["heads"] == {"idle": [1], "share": 0.2, "floor": 0.3, "bar": 0.1}


def test_baselines_stand_beside_attention() -> None:
    found = summary(records())["baselines"]
    given = records()
    assert list(found) == ["position", "rarity"]
    assert found["position"]["signs"] == [-1, -1] and found["rarity"]["signs"] == [1, 1]
    both = [(each["input_rank"], each["position_rank"]) for each in given if each["row"] != 2]
    assert found["position"]["lead"]["mean"] == pytest.approx(sum(one + other for one, other in both) / 29)
    assert found["position"]["lead"]["undefined"] == 1
    columns = ([each[name] for each in given] for name in ("rarity_rank", "input_rank"))
    again = trivial_baseline(*(np.array(column, dtype=float) for column in columns), seed=4)
    assert found["rarity"]["rank"]["low"] == again.rank.low
    assert found["rarity"]["rank"]["low"] < found["rarity"]["rank"]["mean"] < found["rarity"]["rank"]["high"]


def test_a_flat_list_of_heads_is_read_layer_by_layer() -> None:
    found = summary(records())["heads"]
    assert found["found"] == [[False, found["found"][0][1], False], [False, True, False]]
    assert found["confirmed"][1][1] and found["confirmation"][1][1] == pytest.approx(0.9, abs=0.05)
    assert found["texts"] == [15, 15]
    ranks = np.array([each["head_ranks"] for each in records()], dtype=float).reshape(30, LAYERS, HEADS)
    wanted = head_map(ranks, seed=4)
    assert np.array(found["discovery"]) == pytest.approx(wanted.discovery)
    assert np.array(found["p_confirmation"], dtype=float) == pytest.approx(wanted.p_confirmation, nan_ok=True)


def test_the_error_rate_is_the_one_that_was_given() -> None:
    assert summary(records())["error_rate"] is None
    rate = ErrorRate(models=90, wrong=1, inconclusive=4, rate=1 / 90, low=0.0, high=0.06, examples=50, words=(20, 40))
    assert summary(records(), error_rate=rate)["error_rate"] == {**asdict(rate), "words": [20, 40]}


def test_extremes_are_row_numbers() -> None:
    assert summary(records())["extremes"] == {"most": [30, 29, 28], "least": [3, 4, 5]}


@pytest.mark.parametrize("lost", ["position_rank", "rarity_rank", "head_ranks"])
def test_records_of_an_older_study_lack_what_came_later(lost: str) -> None:
    older = [{name: value for name, value in record.items() if name != lost} for record in records()]
    found, whole = summary(older), summary(records())
    assert (found["heads"] is None) == (lost == "head_ranks")
    assert set(whole["baselines"]) - set(found["baselines"]) == {lost.removesuffix("_rank")} - {"head_ranks"}
    assert found["extremes"] == whole["extremes"]


def test_without_the_shape_of_the_model_there_is_no_head_map() -> None:
    assert summary(records(), model={"name": "tiny"})["heads"] is None


def test_heads_that_don_t_fill_the_layers_are_refused() -> None:
    with pytest.raises(ValueError):
        summary(records(), model={"name": "tiny", "layers": 4, "heads": 3})
