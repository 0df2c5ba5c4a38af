"""The page of a calibration as a file: complete, closed to the outside, and true to the numbers."""

import re
from typing import Any

import pytest
from calibration_sample import CALIBRATIONS, sample_calibration
from sample import HOSTILE
from test_page import Reader

from analyses.calibration.calibrate import CalibrationPlan
from analyses.calibration.tables import tabulate
from reports.calibration.page import render_calibration
from reports.calibration.terms import BOUNDS_NOTHING, LIMITS, METRICS
from reports.calibration.view import bar, curves
from reports.calibration.wording import answer, done, headline, reversal, title, truths, uniformity
from reports.shared.notation import number, p_value, percent, visible

COMMAND = "interpret calibrate --out 'a & b'"


@pytest.fixture(scope="module", params=CALIBRATIONS)
def variant(request: pytest.FixtureRequest) -> tuple[dict, str, Reader]:
    table = sample_calibration(**CALIBRATIONS[request.param])
    html = render_calibration(table, command=COMMAND)
    return table, html, Reader(html)


def test_the_sample_has_the_fields_that_tables_have() -> None:
    def fields(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fields(each) for key, each in value.items()}
        return [fields(value[0])] if isinstance(value, list) and value else None

    sample, found = fields(sample_calibration()), fields(tabulate(CalibrationPlan().fingerprint(), [], 0))
    for table in (sample, found):
        del table["bars"]
    assert sample == found
    assert set(METRICS) == {
        each["metric"] for each in tabulate(CalibrationPlan().fingerprint(), [], 0)["diagnosticity"]
    }


def test_tables_of_another_schema_are_refused() -> None:
    with pytest.raises(ValueError, match=r'schema "interpret-attention/calibration/2", not "?.*study'):
        render_calibration({**sample_calibration(), "schema": "interpret-attention/study/3"})


def test_the_page_is_well_formed(variant: tuple[dict, str, Reader]) -> None:
    _, html, reader = variant
    assert html.startswith("<!doctype html>")
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in reader.elements:
        assert attributes.get("aria-labelledby", ids[0]) in ids
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in ids
    html.encode("utf-8")


def test_nothing_on_it_points_outside_and_nothing_runs(variant: tuple[dict, str, Reader]) -> None:
    _, html, reader = variant
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "image", "use"}
    for _, attributes in reader.elements:
        assert not {"src", "srcset", "action", "xlink:href", "style", "data", "poster"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert re.fullmatch(r"#[a-z]+", attributes.get("href") or "#x")
    policy = next(a["content"] for _, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]+=*'; base-uri 'none'; form-action 'none'", policy
    )
    assert not re.search(r"url\(|@import", "".join(reader.raw["style"]))
    assert len(html) < 200_000


def test_the_first_screen_has_every_rate_with_its_bounds(variant: tuple[dict, str, Reader]) -> None:
    table, _, reader = variant
    first = reader.text().split("Truth and verdict Numbers of models")[0]
    assert headline(table) in first and answer(table) in first and done(table) in first
    for cell in table["overall"]:
        error = cell["error"]
        assert f"{error['wrong']:,} of {error['models']:,}" in first
        if error["models"]:
            low, high = percent(error["low"]), percent(error["high"])
            own = f"{percent(error['rate'])} ({low} to {high})"
            assert (own if cell["group"] == "protocol" else f"({low} to {high})") in first
            if cell["group"] == "protocol":
                assert percent(error["inconclusive"] / error["models"]) in first
    assert (BOUNDS_NOTHING in first) == (table["plan"]["draws"] < 2)


def test_every_count_is_in_a_table(variant: tuple[dict, str, Reader]) -> None:
    table, _, reader = variant
    text = reader.text()
    for cell in (*table["study"], *table["single"]):
        words = f"{cell['words'][0]}–{cell['words'][1]}"
        name = visible(title(cell)).capitalize()
        for truth, said in (("explains", "explains"), ("partial", "in part"), ("does_not", "does not")):
            each = cell[truth]
            numbers = [f"{each[key]:,}" for key in ("models", "supported", "inconclusive", "not_supported")]
            assert f"{name}{words}{said}{''.join(numbers)}" in text
        error = cell["error"]
        rates = "".join(map(percent, (error["rate"], error["low"], error["high"])))
        assert f"{name}F{words}{error['models']:,}{error['wrong']:,}{rates}" in text
    for dose in table["doses"]:
        for level, each in zip(dose["levels"], dose["counts"], strict=True):
            numbers = [each[key] for key in ("models", "supported", "inconclusive", "not_supported")]
            assert f"{level:g}{''.join(map(str, numbers))}" in text
        assert reversal(dose) in text
    for each in table["uniformity"]:
        assert f"{each['count']:,}{number(each['statistic'])}{p_value(each['p'])}" in text
    assert uniformity(table) in text


def test_every_family_is_there_with_its_truth_reason_and_verdicts(variant: tuple[dict, str, Reader]) -> None:
    table, _, reader = variant
    text = reader.text()
    for family in table["families"]:
        assert f"{family['family']} {visible(family['name'])}. {visible(family['because'])}" in text
        last = family["study"][-1]
        said = f"{last['wrong']} of {last['models']}"
        pattern = rf"{re.escape(visible(family['because']))}explains: {truths(family)}.*?wrong: {re.escape(said)}"
        assert re.search(pattern, text), family["family"]
        cells = [*family["study"], *family["single"]]
        numbers = [f"{each['supported']} / {each['inconclusive']} / {each['not_supported']}" for each in cells]
        assert f"{family['draws']}{''.join(numbers)}" in text


def test_every_metric_is_there_in_plain_words(variant: tuple[dict, str, Reader]) -> None:
    table, html, reader = variant
    text = reader.text()
    for entry in table["diagnosticity"]:
        name, meaning = METRICS.get(entry["metric"], (visible(entry["metric"]), ""))
        value = "not known" if entry["auc"] is None else f"{entry['auc']:.3f}"
        assert f"{name}. {meaning}{value}3 models without a value" in text
    widths = [100 * abs(entry["auc"] - 0.5) for entry in table["diagnosticity"] if entry["auc"] is not None]
    drawn = [float(width) for width in re.findall(r'class="aucbar" x="[\d.]+%" width="([\d.]+)%"', html)]
    assert sorted(drawn) == pytest.approx(sorted(widths), abs=0.006)


def test_limits_thresholds_plan_and_command_are_there(variant: tuple[dict, str, Reader]) -> None:
    table, _, reader = variant
    text = reader.text()
    for limit in LIMITS:
        assert limit in text
    assert "chosen while looking at models of both kinds, on other seeds" in text
    assert "usebelow 0.10above 0.25" in text and "share of the display on idle headsfrom 0.30below 0.10" in text
    assert "less than 20% of what its share of the display promises" in text
    assert COMMAND in text and f"Rounds{table['plan']['draws']}" in re.sub(r"\s+", "", text)
    for name, version in table["versions"].items():
        assert f"{visible(name)}{visible(version)}" in text
    assert ", ".join(table["plan"]["families"]) in text


def test_hostile_names_stay_names() -> None:
    html = render_calibration(sample_calibration(**CALIBRATIONS["hostile"]), command=HOSTILE[0])
    assert "<script" not in html and "<img" not in html and "</style><style>" not in html


def test_the_headline_never_takes_a_rate_from_few_models() -> None:
    assert headline(sample_calibration(draws=1)) == headline(sample_calibration(draws=0)) == "Not known"
    table = sample_calibration()
    cell = next(each for each in table["overall"] if each["examples"] == 200)
    cell["error"] = {"models": 1300, "wrong": 0, "inconclusive": 13, "rate": 0.0, "low": 0.0, "high": 0.0028}
    assert headline(table) == "None of 1,300"
    assert answer(table) == (
        "Of 1,300 models judged from 200 texts each, 0 got the wrong verdict: 0.0%, with 95% bounds 0.0% to 0.3%. "
        "1.0% got no answer (“inconclusive”)."
    )
    cell["error"] |= {"wrong": 13, "rate": 0.01}
    assert headline(table) == "1.0% of them"


def test_reversals_and_spreads_are_told_in_words() -> None:
    dose = sample_calibration(reversal=0.3)["doses"][0]
    assert "Its largest rise from any level to a higher one is 30.0%. One model of 10 that changes" in reversal(dose)
    dose["largest_reversal"] = 0.0
    assert reversal(dose) == "As it must be, at no level is it judged better than at a lower one (10 models at each)."
    for each in dose["counts"][1:]:
        each["models"] = 0
    assert reversal(dose) == "Only one level was judged, so nothing can be compared."
    dose["counts"][0]["models"] = 0
    assert reversal(dose) == "No model with a set dose was judged."
    assert uniformity(sample_calibration(draws=0)) == "No model of these families was judged."
    assert "None of the 2 spreads differs" in uniformity(sample_calibration())
    assert uniformity(sample_calibration(uneven=True)).startswith("Not even: F7 (p < 0.001).")


def test_a_family_of_several_truths_says_how_many_have_each() -> None:
    family = {"truths": {"explains": 12, "partial": 3, "does_not": 0, "undefined": 0}}
    assert truths(family) == "yes (12) and partly (3)"
    family["truths"] |= {"explains": 0, "does_not": 1, "undefined": 2}
    assert truths(family) == "partly (3), no (1) and – (2)"
    assert truths({"truths": {"explains": 0, "partial": 0, "does_not": 4, "undefined": 0}}) == "no"


def test_bars_and_curves_show_all_answers_in_proportion() -> None:
    parts = bar({"models": 8, "supported": 4, "inconclusive": 0, "not_supported": 4})
    assert [(part.answer, part.start, part.width) for part in parts] == [
        ("supported", 0.0, 50.0),
        ("not supported", 50.0, 50.0),
    ]
    assert bar({"models": 0, "supported": 0, "inconclusive": 0, "not_supported": 0}) == []
    table = sample_calibration()
    counts = [(4, 0, 0), (1, 2, 1), (0, 0, 0), (0, 1, 3)]  # the third was not judged
    names = ("supported", "inconclusive", "not_supported")
    table["doses"] = [
        {
            "dose": "noise",
            "levels": [0.0, 0.5, 1.0, 8.0],
            "counts": [{"models": sum(each), **dict(zip(names, each, strict=True))} for each in counts],
            "largest_reversal": 0.0,
        }
    ]
    (curve,) = curves(table)
    assert curve.places == [(0.0, "0"), (50.0, "0.5"), (100.0, "8")]
    assert curve.areas == [
        ("favour", "M0.0 0.0L50.0 75.0L100.0 100.0L100.0 100.0L50.0 100.0L0.0 100.0Z"),
        ("openzone", "M0.0 0.0L50.0 25.0L100.0 75.0L100.0 100.0L50.0 75.0L0.0 0.0Z"),
        ("against", "M0.0 0.0L50.0 0.0L100.0 0.0L100.0 75.0L50.0 25.0L0.0 0.0Z"),
    ]
