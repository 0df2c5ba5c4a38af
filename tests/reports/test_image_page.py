"""The page about an image: the picture under each map, its patches in their places, and no word of words."""

import base64
import copy
import html
import io
import re

import numpy as np
import pytest
from images_for_tests import SeesRed, processor, save_red_patch
from PIL import Image
from sample import sample_analysis

from analyses.decision.analyze import analyze
from interpret.subjects.tasks.image_classification import ImageClassification
from reports.analysis.page import render

ROW, COLUMN = 2, 1
UNIT = 4 * ROW + COLUMN
LABELS = ("red words", "a text without red")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return save_red_patch(tmp_path_factory.mktemp("image") / "some words.png", ROW, COLUMN)


@pytest.fixture(scope="module")
def analysis(path):
    subject = ImageClassification("sees red", SeesRed(), processor(), labels=LABELS)
    return analyze(subject, str(path), effort="quick").to_dict("interpret analyze 'some words.png'")


@pytest.fixture(scope="module")
def page(analysis):
    return render(copy.deepcopy(analysis))


def grid(page, name):
    """The classes of every patch of one picture, in the order of the page."""
    inside = re.search(rf'<div class="over" id="{name}">(.*?)</div>', page, re.DOTALL)[1]
    cells = re.findall(r'<span class="(w tint[^"]*)" data-unit="(\d+)"><bdi>([^<]*)</bdi></span>', inside)
    assert [int(unit) for _, unit, _ in cells] == list(range(16))
    assert [text for *_, text in cells] == [f"row {row + 1}, column {col + 1}" for row in range(4) for col in range(4)]
    return [set(classes.split()) for classes, *_ in cells]


def test_every_map_is_darkest_at_the_patch_that_decides(page, analysis):
    cells = grid(page, "text")
    for letter, entry in zip("abcdefg", analysis["maps"], strict=True):
        assert [index for index, classes in enumerate(cells) if f"{letter}10" in classes] == [UNIT], entry["method"]
    assert [index for index, classes in enumerate(grid(page, "rollout-text")) if "h10" in classes] == [UNIT]


def test_the_first_screen_marks_and_names_the_patch(page):
    first = re.search(r'<section class="first".*?</section>', page, re.DOTALL)[0]
    marks = re.findall(r"<mark class=\"([^\"]*)\"></mark>|<i></i>", re.search(r'<div class="over".*?</div>', first)[0])
    assert len(marks) == 16 and marks[UNIT] == "looked matters"
    assert first.count("<bdi>row 3, column 2</bdi>") == 2  # named for each of the two marks
    assert "16 × 16 pixels in 4 × 4 patches" in first


def test_the_picture_is_part_of_the_page(page, path, analysis):
    sources = set(re.findall(r'<img alt="" src="data:image/png;base64,([^"]*)">', page))
    assert len(sources) == 1
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(sources.pop()))))
    assert np.array_equal(shown, np.asarray(Image.open(path)))
    image = analysis["image"]
    assert {key: image[key] for key in image if key != "data"} == {
        "rows": 4,
        "columns": 4,
        "height": 16,
        "width": 16,
        "media_type": "image/png",
    }
    assert "//" not in page.replace("http://www.w3.org/2000/svg", "").replace("// ", "") and len(page) < 2_000_000


def test_pictures_are_admitted_where_there_is_one(page):
    assert "img-src data:;" in re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    text_page = render(sample_analysis())
    assert "img-src" not in text_page and "<img" not in text_page and ".over" not in text_page
    assert "Which words each map points at" in text_page


def test_the_page_speaks_of_patches(page):
    told = re.sub(r"<(script|style|title|pre)\b.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    told = html.unescape(told)
    for label in (*LABELS, "some words.png"):
        assert label in told
        told = told.replace(label, "")
    assert re.findall(r"[^.]*\b(?:[Ww]ords?|[Tt]exts?)\b[^.]*", told) == []
    assert "Which patches each map points at" in told and "painted over in the mean colour" in told
    labels = re.findall(r'aria-label="([^"]*)"', page)
    assert not any(re.search(r"\b(words?|texts?)\b", label) for label in labels)


def test_the_verdict_is_about_patches(analysis):
    verdict = analysis["verdict"]
    assert "rank the input patches" in verdict["claim"] and verdict["error_rate"] is None
    assert verdict["scope"].startswith("This image, this model and the decision “red words” only. Patches are")
    assert verdict["replacements"] == "other patches of the same image"


def test_style_knows_the_grid(page):
    assert ":root{--columns:4;--shape:calc(16 / 16)}" in page


def test_arrow_keys_go_over_the_picture(browser, page, tmp_path):
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    tab, complaints = browser.new_page(), []
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto((tmp_path / "report.html").as_uri())
    tab.wait_for_selector("#head[data-ready]", state="attached")
    chosen = tab.locator("#text [aria-selected=true]")
    assert chosen.get_attribute("data-unit") == str(UNIT)
    chosen.focus()
    tab.keyboard.press("ArrowDown")
    assert tab.locator("#text [aria-selected=true]").get_attribute("data-unit") == str(UNIT + 4)
    assert tab.locator("#word-readout").inner_text().startswith("‘row 4, column 2’ by last-layer attention: ")
    assert tab.locator("#text > img").evaluate("image => image.naturalWidth") == 16
    assert tab.locator("#attention-text .over .k").count() == 16
    assert tab.locator("#attention-text").get_attribute("aria-label") == "Tokens; choose the one to look from"
    assert tab.locator("#text").get_attribute("aria-label") == "Patches of the image"
    assert complaints == []
    tab.close()
