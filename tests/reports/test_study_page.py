"""The page of a study as a file: complete, closed to the outside, small, and true to the numbers."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sample import HOSTILE
from study_sample import HOLDING, STUDIES, sample_study
from test_page import Reader

from interpret.subjects.nouns import WORDS
from reports.analysis.components import PARTS
from reports.shared.charts import Axis
from reports.shared.error_rate import UNKNOWN
from reports.shared.notation import p_value, percent, visible
from reports.shared.side_by_side import decimals
from reports.study.charts import histogram, lane
from reports.study.page import render_study
from reports.study.terms import ANSWERS
from reports.study.wording import direction, idle, needed, reasons, rivalry


@pytest.fixture(scope="module", params=STUDIES)
def variant(request: pytest.FixtureRequest) -> tuple[dict, list[dict], str, Reader]:
    summary, records = sample_study(**STUDIES[request.param])
    html = render_study(summary, records, linked=[record["row"] for record in records], command="interpret study a")
    return summary, records, html, Reader(html)


def test_the_page_is_well_formed(variant: tuple[dict, list[dict], str, Reader]) -> None:
    _, _, html, reader = variant
    assert html.startswith("<!doctype html>")
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in reader.elements:
        assert attributes.get("aria-labelledby", ids[0]) in ids
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in ids
    html.encode("utf-8")


def test_nothing_on_it_points_outside_and_nothing_runs(variant: tuple[dict, list[dict], str, Reader]) -> None:
    _, _, _, reader = variant
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "image", "use"}
    for _, attributes in reader.elements:
        assert not {"src", "srcset", "action", "xlink:href", "style", "data", "poster"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert re.fullmatch(r"#[a-z]+|texts/row-\d+\.html", attributes.get("href") or "#x")
    policy = next(a["content"] for _, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]+=*'; base-uri 'none'; form-action 'none'", policy
    )
    assert not re.search(r"url\(|@import", "".join(reader.raw["style"]))


def test_the_answer_comes_first_with_its_reasons_and_error_rate(
    variant: tuple[dict, list[dict], str, Reader],
) -> None:
    summary, _, _, reader = variant
    first = reader.text().split("The five tests behind the answer")[0]
    answer = summary["verdict"]["answer"]
    assert answer.capitalize() in first and ANSWERS[answer] in first
    for said in (summary["claim"], summary["object"], visible(summary["scope"])):
        assert said in first
    if summary.get("error_rate") is None:
        assert WORDS.say(UNKNOWN) in first
    else:
        assert "Tried on 1,400 models that were built" in first
        assert "wrong in 0.4% of the cases (95% bounds 0.2% to 0.9%) and inconclusive in 7.0%" in first
        assert "with 100 texts of 20 to 40 words each" in first


def test_every_component_is_there_in_words_and_numbers(variant: tuple[dict, list[dict], str, Reader]) -> None:
    summary, _, _, reader = variant
    text = reader.text()
    for each in summary["verdict"]["components"]:
        part = PARTS[each["name"]]
        names = ("mean", "low", "high", "floor", "bar")
        row = [each["name"], *(decimals(each[name], places=3) for name in names), p_value(each["p_floor"])]
        assert "".join(row) + f"{each['undefined']}{each['side']}" in text
        if each["mean"] is None:
            assert part.question in text and "undefinedopen" in text
        else:
            mean, low, high = (part.written(each[name]) for name in names[:3])
            assert f"{mean} [{low}, {high}]" in text and part.meaning.format(mean) in text
    for scale, answer in summary["verdict"]["sensitivity"]:
        assert f"{scale:.2f}" in text and answer in text


def test_every_text_is_in_the_table_and_the_ends_are_shown(variant: tuple[dict, list[dict], str, Reader]) -> None:
    summary, records, html, reader = variant
    text = reader.text()
    table = html.split("Row in the data, words, decision")[1].split("</table>")[0]
    assert re.findall(r'<tr><th scope="row">(\d+)', table) == [str(row) for row in range(1, len(records) + 1)]
    for end, rows in summary.get("extremes", {}).items():
        assert f"{end.capitalize()} explained" in text
        for row in rows:
            record = next(each for each in records if each["row"] == row)
            assert visible(record["text"]) in text.replace("  ", " ") or not record["text"].strip()
            assert f"Row {row}, {record['words']} words." in text
            assert f'href="texts/row-{row}.html"' in html
            assert f"Input rank{decimals(record['input_rank'])}" in text
            assert f"Use{decimals(record['use'] / 2.0)}" in text  # in spreads of 2 logits
    for note in summary["notes"]:
        assert visible(note["text"]) in text
    for limit in summary["limits"]:
        assert limit in text
    assert "Rows 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …" in text
    assert "interpret study a" in text and summary["study"]["model"]["sha256"] in text


def test_every_head_is_in_a_table_and_the_confirmed_are_marked(variant: tuple[dict, list[dict], str, Reader]) -> None:
    summary, _, html, reader = variant
    text, heads = reader.text(), summary.get("heads")
    if heads is None:
        assert "This study was made before single heads were measured" in text
        return
    confirmed = sum(map(sum, heads["confirmed"]))
    assert html.count("●</span>") == confirmed + 1  # and one in the legend
    assert len(re.findall(r'<span class="c tint[^"]* confirmed">●</span>', html)) == confirmed
    assert len(re.findall(r'<span class="c tint', html)) == sum(map(len, heads["confirmation"]))
    if confirmed:
        found = sum(map(sum, heads["found"]))
        assert f"{found} of {sum(map(len, heads['found']))} heads that could be tested" in text
        assert f"{confirmed} were confirmed on the other {heads['texts'][1]} texts" in text
    for layer, row in enumerate(heads["confirmation"]):
        stars = ["*" if each else "" for each in heads["confirmed"][layer]]
        cells = [decimals(value) + star for value, star in zip(row, stars, strict=True)]
        assert f"{layer + 1}{''.join(cells)}" in text
    for name in ("p_discovery", "p_confirmation"):
        for layer, row in enumerate(heads[name]):
            assert f"{layer + 1}{''.join(map(p_value, row))}" in text


def test_hostile_texts_stay_texts() -> None:
    summary, records = sample_study(**STUDIES["hostile"])
    html = render_study(summary, records, command=HOSTILE[0])
    assert "<script" not in html and "<img" not in html and "</style><style>" not in html
    assert "&lt;script&gt;window.stolen=1&lt;/script&gt;" in html


def test_texts_without_a_report_have_no_link() -> None:
    summary, records = sample_study()
    row = summary["extremes"]["most"][1]
    assert re.findall(r"texts/row-(\d+)\.html", render_study(summary, records, linked=[row])) == [str(row)]
    html = render_study(summary, records)
    assert "texts/row" not in html and "report of its own" not in html and 'class="command"' not in html


def test_a_long_text_is_cut() -> None:
    summary, records = sample_study()
    record = next(each for each in records if each["row"] == summary["extremes"]["most"][0])
    record["text"] = "word " * 5000
    html = render_study(summary, records)
    assert "word " * 120 + "…" in html and "word " * 121 not in html


def test_two_thousand_texts_take_less_than_a_megabyte_and_more_are_counted() -> None:
    summary, records = sample_study(texts=2005, layers=48, heads=32)
    html = render_study(summary, records)
    assert len(html.encode()) < 1_000_000
    assert "The first 2000 texts; 5 more are in results.parquet." in html


def test_another_schema_is_refused() -> None:
    with pytest.raises(ValueError) as error:
        render_study({"schema": "other/1"}, [])
    assert str(error.value) == "a page is made from a study of schema \"interpret-attention/study/3\", not 'other/1'"


def test_reasons_are_in_plain_words_and_nothing_of_the_rule_is_lost() -> None:
    summary, _ = sample_study(open_=("use",))
    summary["verdict"]["because"] += ["12 examples are too few; a verdict needs 50", "rank is undefined on 40 examples"]
    summary["verdict"]["topics"] += ["data", "data"]
    said = reasons(summary)
    assert said[0] == ("", "12 examples are too few; a verdict needs 50.")
    assert said[1] == ("", "Rank is undefined on 40 examples.")
    assert said[2][0] == "open" and said[2][1].startswith("Does it matter which word has which weight? When the")
    assert said[2][1].endswith(
        "by 0.17 of its way to texts with other words (below 0.10 would count against, above 0.25 in favour)."
    )
    assert said[3][0] == "in favour" and len(said) == 4
    refuted, _ = sample_study(fails=("share",))
    refuted["verdict"]["because"].append("much belongs to idle heads")
    refuted["verdict"]["topics"].append("heads")
    assert [side for side, _ in reasons(refuted)] == ["against", "against", "in favour"]
    assert reasons(refuted)[0][1] == "Much belongs to idle heads."
    assert reasons(refuted)[1][1].startswith("Most of what the words do goes round this attention. Of what the words")


def test_a_component_that_is_not_believed_says_why() -> None:
    summary, _ = sample_study(open_=("rank",))
    doubt = "rank depends on how it is measured, 0.30 or 0.10, so neither is believed"
    summary["verdict"]["components"][1]["doubt"] = doubt
    summary["verdict"] |= {"because": [doubt], "topics": ["rank"]}
    assert reasons(summary)[0] == ("open", f"{PARTS['rank'].question} R{doubt[1:]}.")


@pytest.mark.parametrize(("eraser", "says"), [("delete", True), ("mask", False)])
def test_a_ranking_by_deleted_words_is_told_from_reports_that_mask_them(eraser: str, says: bool) -> None:
    summary, records = sample_study(ranked=True)
    summary["study"]["options"]["ranking_eraser"] = eraser
    assert ("Taken out means deleted here" in render_study(summary, records, linked=[], command="")) == says


def test_what_would_settle_it() -> None:
    between, _ = sample_study(open_=("use",))
    assert needed(between).startswith("More texts alone would not settle it")
    between["verdict"]["needed"] = 1200
    assert needed(between) == "About 1,200 texts would settle it, if they are like these."
    assert needed(sample_study()[0]) == "" and needed(sample_study(undefined=True)[0]) == ""


@pytest.mark.parametrize(
    ("heads", "said"),
    [
        ((), "No head of the displayed layer was found that the decision ignores."),
        (
            (4,),
            "The decision ignores head 5 of the displayed layer. It makes up 8.0% of the attention that is displayed",
        ),
        ((0, 4), "The decision ignores heads 1 and 5 of the displayed layer. They make up 16.0% of the attention"),
    ],
)
def test_idle_heads_are_counted_from_one(heads: tuple[int, ...], said: str) -> None:
    assert idle(sample_study(idle=heads)[0]).startswith(said)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.1, 0.3, "Attention ranks the words better than rarity does, by 0.20 (95% bounds 0.10 to 0.30)."),
        (-0.3, -0.1, "Attention ranks the words worse than rarity does, by 0.20 (95% bounds −0.30 to −0.10)."),
        (
            -0.1,
            0.2,
            "Attention ranks the words neither clearly better nor worse than rarity does (95% bounds −0.10 to ",
        ),
        (None, None, "Attention can’t be compared with rarity: too few texts have both values."),
    ],
)
def test_attention_beside_a_baseline(low: float | None, high: float | None, said: str) -> None:
    summary, _ = sample_study()
    mean = None if low is None or high is None else (low + high) / 2
    summary["baselines"]["rarity"]["lead"] = {"mean": mean, "low": low, "high": high, "undefined": 0}
    assert rivalry(summary)[1].startswith(said)


def test_directions_are_said_in_words() -> None:
    assert direction("position", [1, 1]) == "later words first"
    assert direction("rarity", [-1, -1]) == "frequent words first"
    assert (
        direction("position", [1, -1]) == "later words first in one half of the texts, earlier words first in the other"
    )
    assert direction("position", [0, 1]) == "no direction could be learned"


def test_marks_lie_where_their_values_are() -> None:
    entry = dict(zip(("mean", "low", "high", "floor", "bar"), HOLDING["share"], strict=True))
    found = lane(entry, end=1.0)
    axis = Axis(-0.04, 1.04)
    assert found.mean == axis.at(0.91) and found.floor == axis.at(0.30) and found.bar == axis.at(0.60)
    assert 0 <= found.floor < found.bar < (found.low or 0) < (found.mean or 0) < (found.high or 0) <= 100
    unknown = lane({**entry, "mean": None, "low": None, "high": None}, end=1.0)
    assert unknown == replace(found, mean=None, low=None, high=None)
    negative = lane({**entry, "low": -0.5}, end=1.0)
    assert negative.low == pytest.approx(100 * 0.06 / 1.62, abs=0.01)


def test_a_histogram_counts_every_value_once() -> None:
    values = np.random.default_rng(0).normal(0.3, 0.2, 500).tolist()
    found = histogram(values)
    assert found is not None
    heights = [100 - float(height) for height in re.findall(r"L[\d.]+ ([\d.]+)h", found.hill)]
    counts, _ = np.histogram(values, bins=30, range=(found.axis.low, found.axis.high))
    assert heights == pytest.approx((96 * counts / counts.max()).tolist(), abs=0.051)
    assert found.quartiles == pytest.approx(tuple(np.quantile(values, (0.25, 0.5, 0.75))))
    assert (found.least, found.most) == (min(values), max(values))
    assert histogram([]) is None
    single: Any = histogram([0.0])
    assert single.quartiles == (0, 0, 0) and single.hill.count("L") == 31


def test_shares_are_percentages_and_others_have_two_decimals() -> None:
    assert PARTS["share"].written(0.9561) == percent(0.9561) == "95.6%"
    assert PARTS["use"].written(0.0941) == "0.09" and PARTS["use"].written(-0.001) == "0.00"
    assert PARTS["rank"].written(None) == PARTS["share"].written(None) == "–"
    assert PARTS["share"].bar(0.6) == "60%" and PARTS["top"].bar(0.05) == "0.05"


@pytest.mark.parametrize("name", ["supported", "hostile", "nothing"])
def test_the_ranking_says_what_sanity_checks_found(name: str) -> None:
    summary, records = sample_study(**STUDIES[name])
    text = Reader(render_study(summary, records)).text()
    is_open, rows = name == "nothing", text.split("Changes with the model’s weights")[1].split("Square brackets")[0]
    answers = re.findall(r"changes with the weights: (yes; also with spacing|yes|no: blind to them|not settled)", rows)
    wanted = [*["yes"] * 4, "yes; also with spacing", *["no: blind to them"] * 2]  # of random orders there is none
    assert answers == (["not settled"] * 7 if is_open else wanted)
    counted = "of 6 it is open" if is_open else "5 maps change and 1 stays the same"
    assert f"With all of the model’s weights shuffled, {counted} (3 texts)." in text
    assert ("saliency––" if is_open else "saliency0.99−0.04 [−0.10, 0.02]") in text
    assert "maps of rows 7, 3 and 12, spread" in text and "Without spacing: one text has no spaces." in text
    del summary["ranking"]["sanity"]
    assert "weights shuffled" not in Reader(render_study(summary, records)).text()
