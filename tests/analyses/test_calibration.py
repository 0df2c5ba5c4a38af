"""What is drawn, what is counted, and which error rate a verdict quotes."""

import json
import math
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import beta

from analyses.calibration import calibrate
from analyses.calibration.calibrate import CalibrationPlan, run_calibration
from analyses.calibration.draws import DOSES, LENGTHS, PROTOCOL, Job, draw, plan
from analyses.calibration.judging import METRICS, judged
from analyses.calibration.schema import SCHEMA
from analyses.calibration.tables import tabulate
from analyses.verdicts import error_rates
from analyses.verdicts.error_rates import error_of, error_rate_of_study, error_rate_of_text
from analyses.verdicts.thresholds import BARS, IDLE, IDLE_SHARE
from interpret.errors import InputError
from interpret.native.planted import FAMILIES

YES, NO, OPEN = "supported", "not supported", "inconclusive"


def record(family: str, *answers: str, words: int = 30, single: tuple[str, str] = (OPEN, OPEN), **more: Any) -> dict:
    """What calibration keeps of a model, judged from 50 and 100 texts."""
    return {
        "family": family,
        "truth": (truth := FAMILIES[family].truth),
        "dose": "",
        "level": 0.0,
        "words": words,
        "sizes": [50, 100][-len(answers) :],
        "answers": list(answers),
        "single_corpus": [single[0]],
        "single_vocabulary": [single[1]],
        "truth_corpus": [truth],
        "truth_vocabulary": [truth],
        "p_luck": [None],
        **{f"mean_{name}": 0.0 for name in METRICS},
        **more,
    }


def counts(*numbers: int) -> dict[str, int]:
    return dict(zip(("models", "supported", "not_supported", "inconclusive"), numbers, strict=True))


def judged_counts(*numbers: int) -> dict[str, int]:
    return {**counts(*numbers[:4]), "wrong": numbers[4]}


def tables(records: list[dict[str, Any]], draws: int = 3) -> dict[str, Any]:
    return tabulate(CalibrationPlan(sizes=(50, 100)).fingerprint(), records, draws)


@pytest.fixture(scope="module")
def counted() -> dict[str, Any]:
    """Nine models, few enough to count them by hand."""
    return tables(
        [
            record("F1", YES, YES, single=(YES, OPEN)),
            record("F1", NO, YES, single=(YES, YES)),
            record("F5", OPEN, YES, words=40, single=(NO, NO)),
            record("F5", YES, YES, words=41),
            record("F7", YES, NO, single=(NO, OPEN)),
            record("F8", NO, NO, words=60, single=(YES, NO)),
            record("F11", YES, NO),
            record("X1", NO, OPEN, single=(YES, YES)),
            record("F1", YES, dose="bypass", level=0.2),
        ]
    )


def test_verdicts_are_counted_by_truth_number_of_texts_and_length(counted: dict[str, Any]) -> None:
    cells = {(cell["examples"], *cell["words"]): (cell["explains"], cell["does_not"]) for cell in counted["study"]}
    assert set(cells) == {(size, *words) for size in (50, 100) for words in LENGTHS}
    empty = (counts(0, 0, 0, 0), counts(0, 0, 0, 0))
    assert {cell: found for cell, found in cells.items() if found != empty} == {
        (50, 20, 40): (counts(3, 1, 1, 1), counts(1, 1, 0, 0)),
        (50, 41, 60): (counts(1, 1, 0, 0), counts(1, 0, 1, 0)),
        (100, 20, 40): (counts(3, 3, 0, 0), counts(1, 0, 1, 0)),
        (100, 41, 60): (counts(1, 1, 0, 0), counts(1, 0, 1, 0)),
    }
    partial = {(cell["examples"], cell["words"][0]): cell["partial"] for cell in counted["study"]}
    assert partial[50, 20] == counts(1, 1, 0, 0) and partial[100, 20] == counts(1, 0, 1, 0)
    single = {(cell["source"], cell["words"][0]): (cell["explains"], cell["does_not"]) for cell in counted["single"]}
    assert single["corpus", 20] == (counts(3, 2, 1, 0), counts(1, 0, 1, 0))
    assert single["corpus", 41] == (counts(1, 0, 0, 1), counts(1, 1, 0, 0))
    assert single["vocabulary", 20] == (counts(3, 1, 1, 1), counts(1, 0, 0, 1))
    assert single["vocabulary", 41] == (counts(1, 0, 0, 1), counts(1, 0, 1, 0))


def test_wrong_ones_are_counted_over_all_lengths_and_apart_for_families_without_a_say(counted: dict[str, Any]) -> None:
    found = {(cell["group"], cell["examples"], cell["source"]): cell["error"] for cell in counted["overall"]}
    short = {key: (error["models"], error["wrong"], error["inconclusive"]) for key, error in found.items()}
    assert short == {
        ("protocol", 50, None): (7, 3, 1),  # F11 explains in part, and was supported
        ("protocol", 100, None): (7, 0, 0),
        ("protocol", 1, "corpus"): (7, 2, 2),
        ("protocol", 1, "vocabulary"): (7, 1, 4),
        ("others", 50, None): (1, 1, 0),
        ("others", 100, None): (1, 0, 1),
        ("others", 1, "corpus"): (1, 0, 0),
        ("others", 1, "vocabulary"): (1, 0, 0),
    }
    assert [cell["of"] for cell in counted["overall"]] == ["study", "study", "single", "single"] * 2


def test_families_and_doses_have_tables_of_their_own(counted: dict[str, Any]) -> None:
    families = {family["family"]: family for family in counted["families"]}
    assert list(families) == list(FAMILIES)
    assert families["F1"]["study"] == [judged_counts(2, 1, 1, 0, 1), judged_counts(2, 2, 0, 0, 0)]
    assert families["F1"]["single"] == [judged_counts(2, 2, 0, 0, 0), judged_counts(2, 1, 0, 1, 0)]
    assert families["F1"]["truths"] == {"explains": 2, "partial": 0, "does_not": 0, "undefined": 0}
    assert families["F11"]["truths"]["partial"] == 1 and families["F11"]["study"][0] == judged_counts(1, 1, 0, 0, 1)
    assert families["X1"]["draws"] == 1 and families["F2"]["draws"] == 0
    bypass = next(dose for dose in counted["doses"] if dose["dose"] == "bypass")
    assert bypass["levels"] == list(DOSES["bypass"])
    assert bypass["counts"][:2] == [counts(0, 0, 0, 0), counts(1, 1, 0, 0)]


@pytest.mark.parametrize(
    ("answers", "reversal"),
    [
        ([[YES, YES], [YES, OPEN], [OPEN, NO], [NO, NO]], 0.0),
        ([[YES, YES], [OPEN, NO], [YES, OPEN], [NO, NO]], 1.0),  # from -1/2 to 1/2
        ([[OPEN, OPEN], [NO, NO], [NO, NO], [YES, OPEN]], 1.5),  # not the neighbours alone
        ([[NO, NO], [NO, OPEN], [OPEN, OPEN], [NO, NO]], 1.0),  # little by little
        ([[YES, YES], [], [], []], 0.0),
        ([[], [], [], []], 0.0),
    ],
)
def test_a_reversal_is_the_largest_rise_from_any_level_to_a_higher_one(
    answers: list[list[str]], reversal: float
) -> None:
    records = [
        record("F1", answer, dose="noise", level=level)
        for level, given in zip(DOSES["noise"][:4], answers, strict=True)
        for answer in given
    ]
    noise = next(dose for dose in tables(records)["doses"] if dose["dose"] == "noise")
    assert noise["largest_reversal"] == reversal


def test_an_area_under_the_curve_is_how_often_the_explaining_model_has_more() -> None:
    random = np.random.default_rng(1)
    one, other = random.integers(0, 6, 17) / 2, random.integers(-1, 4, 13) / 2  # with ties
    records = [record("F1", YES, mean_use=float(value)) for value in one]
    records += [record("F7", NO, mean_use=float(value)) for value in other]
    records += [record("F7", NO, mean_use=None), record("F11", OPEN, mean_use=9.0), record("X1", YES, mean_use=9.0)]
    use = next(each for each in tables(records)["diagnosticity"] if each["metric"] == "use")
    wins = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in product(one, other)]
    assert use["auc"] == pytest.approx(sum(wins) / len(wins), abs=1e-12)
    assert (use["explains"], use["does_not"], use["undefined"]) == (17, 13, 1)


def test_p_values_are_held_against_an_even_spread() -> None:
    values = [0.02, 0.3, 0.31, 0.6, 0.97]
    records = [record("F7", NO, p_luck=[value]) for value in values] + [record("F7", NO), record("F1", YES)]
    found = {(each["family"], each["p_value"]): each for each in tables(records)["uniformity"]}
    steps = [(index / 5, (index + 1) / 5) for index in range(5)]
    gap = max(max(abs(value - step) for step in pair) for value, pair in zip(values, steps, strict=True))
    assert found["F7", "p_luck"]["count"] == 5
    assert found["F7", "p_luck"]["statistic"] == pytest.approx(gap)
    assert found["F3", "p_luck"]["count"] == 0 and found["F3", "p_luck"]["p"] is None


@pytest.mark.parametrize(("wrong", "models"), [(0, 40), (3, 40), (40, 40)])
def test_bounds_are_those_of_clopper_and_pearson(wrong: int, models: int) -> None:
    explains, partial = counts(models - 9, 0, max(0, wrong - 9), 4), counts(2, min(2, wrong), 0, 0)
    error = error_of(explains, partial, counts(7, min(7, max(0, wrong - 2)), 0, 0))
    low = 0.0 if wrong == 0 else float(beta.ppf(0.025, wrong, models - wrong + 1))
    high = 1.0 if wrong == models else float(beta.ppf(0.975, wrong + 1, models - wrong))
    assert (error["models"], error["wrong"], error["inconclusive"]) == (models, wrong, 4)
    assert [error["rate"], error["low"], error["high"]] == pytest.approx([wrong / models, low, high])


def test_without_a_model_no_rate_is_known() -> None:
    error = error_of(*[counts(0, 0, 0, 0)] * 3)
    assert error == {"models": 0, "wrong": 0, "inconclusive": 0, "rate": None, "low": None, "high": None}
    table = tables([])
    json.dumps(table, allow_nan=False)
    assert {each["auc"] for each in table["diagnosticity"]} == {None}


def test_a_plan_of_fewer_rounds_begins_one_of_more() -> None:
    whole = plan(tuple(FAMILIES), 25)
    for draws in (1, 2, 10, 11, 24):
        part = plan(tuple(FAMILIES), draws)
        assert whole[: len(part)] == part
    numbers = {family: [job.number for job in whole if job.family == family and not job.dose] for family in FAMILIES}
    for family, found in numbers.items():
        assert found == list(range(25) if family in PROTOCOL else range(0, 25, 2))
    doses = [(job.number, job.dose, job.level) for job in whole if job.dose]
    assert doses == [(number, dose, level) for number in (0, 10, 20) for dose in DOSES for level in DOSES[dose]]
    assert CalibrationPlan(draws=25).jobs() == whole
    assert CalibrationPlan(draws=3, families=("F7", "X1")).jobs() == tuple(
        [Job("F7", 0), Job("X1", 0), Job("F7", 1), Job("F7", 2), Job("X1", 2)]
    )


def test_a_job_always_draws_the_same_model_and_another_seed_another() -> None:
    def drawn(job: Job, seed: int) -> tuple:
        found = draw(job, seed)
        weights = [float(weight.detach().double().sum()) for weight in found.model.subject().model.parameters()]
        return found.seed, found.length, found.model.layers, found.model.heads, found.model.norm, weights

    assert drawn(Job("F7", 3), 1) == drawn(Job("F7", 3), 1)
    assert draw(Job("F7", 3), 1).seed != draw(Job("F7", 3), 2).seed != draw(Job("F7", 4), 2).seed
    low, high = (draw(Job("F1", 0, "bypass", level), 1) for level in (0.0, 1.0))
    assert (low.seed, low.length, low.model.layers) == (high.seed, high.length, high.model.layers)
    lengths = {draw(Job("F7", number), 1).length for number in range(30)}
    assert all(any(low <= length <= high for low, high in LENGTHS) for length in lengths) and len(lengths) > 5


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of which every number is known."""
    table = tables(
        [record("F1", NO, YES, single=(YES, NO)), record("F7", NO, NO, single=(NO, NO)), record("F7", OPEN, NO)]
    )
    monkeypatch.setattr(error_rates, "_table", lambda: table)


@pytest.mark.usefixtures("few")
def test_a_study_quotes_the_largest_number_of_texts_that_it_has(few: None) -> None:
    assert error_rate_of_study(49, 30) is None
    for examples, cell, wrong, open_ in ((50, 50, 1, 1), (99, 50, 1, 1), (100, 100, 0, 0), (10**6, 100, 0, 0)):
        rate = error_rate_of_study(examples, 30)
        assert rate is not None
        assert (rate.examples, rate.models, rate.wrong, rate.inconclusive) == (cell, 3, wrong, open_)
        assert rate.words == (20, 40) and rate.rate == wrong / 3 and rate.low <= rate.rate <= rate.high < 1


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("words", "known"), [(19.4, False), (19.6, True), (40.4, True), (40.6, False), (61, False)])
def test_lengths_that_were_not_tried_have_no_rate(words: float, known: bool) -> None:
    assert (error_rate_of_study(50, words) is not None) == known  # no model here has texts of 41 to 60 words
    assert (error_rate_of_text("corpus", round(words)) is not None) == known


@pytest.mark.usefixtures("few")
def test_a_single_text_quotes_its_own_source_of_replacements() -> None:
    corpus, vocabulary = error_rate_of_text("corpus", 25), error_rate_of_text("vocabulary", 25)
    assert corpus is not None and vocabulary is not None
    assert (corpus.examples, corpus.wrong, corpus.inconclusive) == (1, 0, 1)
    assert (vocabulary.examples, vocabulary.wrong, vocabulary.inconclusive) == (1, 1, 1)


def test_the_table_that_comes_with_the_package_is_one_of_this_version() -> None:
    table = json.loads((files("analyses.verdicts") / "table.json").read_text())
    wanted = CalibrationPlan(draws=table["plan"]["draws"])
    assert table["schema"] == SCHEMA
    assert table["plan"] == {**wanted.fingerprint()["plan"], "draws": wanted.draws}
    bars = {name: [each.floor, each.bar] for name, each in {**BARS, "idle share": IDLE_SHARE}.items()}
    assert table["bars"] == {**bars, "idle": IDLE}
    like = tabulate(wanted.fingerprint(), [], 0)
    assert _shape(table) == _shape(like)
    for cell in (*table["overall"], *table["study"], *table["single"]):
        for truth in (cell["explains"], cell["partial"], cell["does_not"]):
            assert truth["models"] == truth["supported"] + truth["not_supported"] + truth["inconclusive"]
        assert cell["error"] == error_of(cell["explains"], cell["partial"], cell["does_not"])


def _shape(value: Any) -> Any:
    """Fields and numbers of entries, without what was counted."""
    if isinstance(value, dict):
        return {key: _shape(each) for key, each in value.items()}
    return [_shape(each) for each in value] if isinstance(value, list) else None


@contextmanager
def in_this_process(workers: int) -> Iterator[Any]:
    """In the place of a pool of processes, so that no other has to start."""

    class Here:
        def submit(self, work: Any, *arguments: Any) -> Future:
            future: Future = Future()
            future.set_result(work(*arguments))
            return future

    yield Here()


def test_a_calibration_keeps_what_judging_gives_and_goes_on_where_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "worker_pool", in_this_process)
    asks: list[Job] = []
    first = judged(Job("F7", 0), (3, 5), 7)

    def found(job: Job, sizes: tuple[int, ...], seed: int) -> dict[str, Any]:
        asks.append(job)
        assert (sizes, seed) == ((3, 5), 7)
        return {**first, "number": job.number}

    monkeypatch.setattr(calibrate, "judged", found)
    asked = CalibrationPlan(draws=2, sizes=(3, 5), families=("F7",), seed=7)
    records = run_calibration(asked, tmp_path / "out")
    assert records == [first, {**first, "number": 1}] and asks == [Job("F7", 0), Job("F7", 1)]
    assert first["sizes"] == [3, 5] and set(first["answers"]) == {OPEN}  # fewer than 50 texts
    assert all(0 <= p <= 1 for p in first["p_luck"]) and math.isfinite(first["mean_use"])
    table = tabulate(asked.fingerprint(), records, 2)
    assert sum(cell["does_not"]["models"] for cell in table["study"] if cell["examples"] == 5) == 2

    asks.clear()
    (tmp_path / "out" / "parts" / "00001.parquet").write_bytes(b"damaged")
    steps: list[tuple[int, int]] = []
    again = run_calibration(asked, tmp_path / "out", progress=lambda *step: steps.append(step))
    assert again == records and asks == [Job("F7", 1)] and steps == [(1, 2), (2, 2)]
    fewer = CalibrationPlan(draws=1, sizes=(3, 5), families=("F7",), seed=7)
    assert run_calibration(fewer, tmp_path / "out") == records[:1]
    with pytest.raises(InputError, match=r"another study: plan\.seed was 7 and is now 8"):
        run_calibration(CalibrationPlan(draws=1, sizes=(3, 5), families=("F7",), seed=8), tmp_path / "out")


def test_models_with_a_dose_are_judged_from_fifty_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Job, tuple[int, ...]]] = []
    monkeypatch.setattr(calibrate, "worker_pool", in_this_process)
    monkeypatch.setattr(calibrate, "judged", lambda job, sizes, seed: asked.append((job, sizes)) or {"n": job.number})
    run_calibration(CalibrationPlan(draws=1, families=("F1", "X1")), tmp_path / "out")
    assert asked[:2] == [(Job("F1", 0), (50,)), (Job("X1", 0), (50,))]
    assert {sizes for job, sizes in asked if job.dose} == {(50,)} and len(asked) == 2 + sum(map(len, DOSES.values()))


def test_a_process_that_was_ended_from_outside_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> None:
        raise BrokenProcessPool("abruptly")

    monkeypatch.setattr(calibrate, "worker_pool", in_this_process)
    monkeypatch.setattr(calibrate, "judged", broken)
    with pytest.raises(InputError) as error:
        run_calibration(CalibrationPlan(draws=1, families=("F7",)), tmp_path / "out")
    assert str(error.value) == (
        "a process that judged models was ended from outside, perhaps for want of memory; the same command goes on "
        "where it stopped, if need be with fewer --workers"
    )
    assert not (tmp_path / "out" / "parts").exists()
