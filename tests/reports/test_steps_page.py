"""The page of a text that goes on, as a file: complete, closed to the outside, and true to the numbers."""

import re
from typing import Any

import pytest
from sample import HOSTILE
from steps_sample import STEPS, sample_steps
from test_page import Reader

import interpret
from analyses.generation.steps import analyze_steps
from reports.analysis import findings
from reports.analysis.view import token_text
from reports.generation.page import PAGE_BYTES, render_steps
from reports.shared.notation import percent, visible


@pytest.fixture(scope="module", params=STEPS)
def variant(request: pytest.FixtureRequest) -> tuple[dict[str, Any], str, Reader]:
    found = sample_steps(**STEPS[request.param])
    html = render_steps(found)
    return found, html, Reader(html)


def fields(value: Any) -> Any:
    """Names of fields, at every depth."""
    if isinstance(value, dict):
        return {key: fields(each) for key, each in value.items() if key not in ("versions", "notes")}
    return [fields(value[0])] if isinstance(value, list) and value else None


def test_the_sample_has_the_fields_that_steps_have(saved: Any) -> None:
    subject = interpret.load(saved / "gpt2")
    found = analyze_steps(subject, "The cat sat on the mat while", "the").to_dict("interpret")
    sample = sample_steps()
    for each in (found, sample):
        each["caveats"] = []
        for step in each["steps"]:
            step["verdict"] |= {"because": [], "topics": [], "error_rate": None}
            step["verdict"]["heads"]["idle"] = []
    assert fields(sample) == fields(found)


def test_steps_of_another_schema_are_refused() -> None:
    with pytest.raises(ValueError, match=r'schema "interpret-attention/steps/2", not .interpret-attention/analysis/3'):
        render_steps({**sample_steps(), "schema": "interpret-attention/analysis/3"})


def test_the_page_is_well_formed(variant: tuple[dict[str, Any], str, Reader]) -> None:
    _, html, reader = variant
    assert html.startswith("<!doctype html>")
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in reader.elements:
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in ids
        if "for" in attributes:
            assert attributes["for"] in ids
    html.encode("utf-8")


def test_nothing_on_it_points_outside(variant: tuple[dict[str, Any], str, Reader]) -> None:
    _, html, reader = variant
    assert not re.search(r"(src|href)=[\"']?(https?:|//|data:)", html)
    assert not any(name.startswith("on") or name == "style" for _, each in reader.elements for name in each)
    (policy,) = (each["content"] for _, each in reader.elements if each.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'sha256-") and "unsafe" not in policy
    assert len(reader.raw["script"]) == 1


def test_every_token_is_told_with_its_decision_and_its_answer(variant: tuple[dict[str, Any], str, Reader]) -> None:
    found, _, reader = variant
    said = " ".join(" ".join(reader.texts).split())
    assert sum(each.get("name") == "step" for _, each in reader.elements) == len(found["steps"])
    for step in found["steps"]:
        assert " ".join(token_text(step["decision"]["label"]).split()) in said
        assert percent(step["decision"]["probability"]) in said
        if step["verdict"]:
            assert all(" ".join(reason.split()) in said for _, reason in findings.reasons(step["verdict"]))
    for unit in found["units"]:
        assert visible(unit["text"]) in reader.texts
    assert ("--no-verdict" in said) == (found["verdict"] is None)


def test_the_table_has_a_field_for_each_word_that_was_there(variant: tuple[dict[str, Any], str, Reader]) -> None:
    found, html, _ = variant
    table = html[html.index('<table class="steps-table">') :]
    rows = table[: table.index("</table>")].split("<tr")[2:]
    assert [row.count("<td") for row in rows] == [step["units"] for step in found["steps"]]
    for row, step in zip(rows, found["steps"], strict=True):
        scores = step["maps"][0]["scores"]
        cells = re.findall(r'<td class="tint ([^"]*)"', row)
        assert "a10" in cells[scores.index(max(scores))].split()


def test_words_read_at_a_step_are_those_before_it() -> None:
    html = render_steps(sample_steps(prompt=4, tokens=3))
    panels = html.split('<section class="panel')[1:]
    for index, panel in enumerate(panels):
        assert len(re.findall(r'<span class="w tint', panel)) == 4 + index
        assert f"token {index + 1} of 3" in panel


def test_what_was_given_is_not_said_to_be_written() -> None:
    given = render_steps(sample_steps(given=True))
    assert "The model was given what follows this text: 6 tokens." in given
    assert "on the one that stands there." in given and "you asked about" not in given
    written = render_steps(sample_steps())
    assert "The model wrote what follows this text: 6 tokens." in written and "was given" not in written
    assert "The model wrote this translation: 6 tokens." in render_steps(sample_steps(translation=True))


def test_the_first_lines_count_the_answers() -> None:
    html = render_steps(sample_steps(tokens=7))
    counts = re.findall(r'<b class="[a-z-]+">([a-z ]+)</b> for (\d) of 7', html)
    assert sum(int(count) for _, count in counts) == 7
    assert {answer for answer, _ in counts} == {"supported", "not supported", "inconclusive"}


@pytest.mark.parametrize("tokens", [1, 2])
def test_answers_that_no_token_got_leave_no_comma(tokens: int) -> None:
    found = sample_steps(tokens=tokens)
    text = re.sub(r"<[^>]+>", "", re.search(r"The answer is .+", render_steps(found)).group())
    answers = [step["verdict"]["answer"] for step in found["steps"]]
    counts = [(answer, answers.count(answer)) for answer in ("supported", "not supported", "inconclusive")]
    said = [f"{answer} for {count} of {tokens}" for answer, count in counts if count]
    assert text == f"The answer is {', '.join(said)}."


def test_a_very_long_text_is_cut_to_the_budget_and_says_so() -> None:
    html = render_steps(sample_steps(prompt=150, tokens=80, verdicts=False))
    assert PAGE_BYTES / 2 < len(html.encode()) <= PAGE_BYTES
    (shown, left_out) = map(int, re.search(r"shows the first (\d+) tokens; (\d+) more", html).groups())
    assert shown + left_out == 80 and html.count('<section class="panel') == shown
    assert "token 1 of 80" in html


def test_hostile_words_stay_words() -> None:
    _, reader = (html := render_steps(sample_steps(**STEPS["hostile"]))), Reader(html)
    assert html.count("<script") == 1 and "<img" not in html
    assert all(visible(word) in reader.texts for word in HOSTILE[:12])
