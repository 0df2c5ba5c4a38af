"""A grid of image tokens on the page: cells where words stand in a line, in as many columns as the image has."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from own_modules import WORDS, Writer, word_tokenizer
from sample import sample_analysis

import interpret
from analyses.decision.analyze import analyze
from reports.analysis import view
from reports.analysis.page import render

NUMBERS = (5, 0, 5, 1, 7)


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        subject = interpret.load(Writer(len(WORDS) + 20), tokenizer=word_tokenizer(), grid=(3, 4))
    image = " ".join(str(len(WORDS) + number) for number in NUMBERS)
    return analyze(subject, "red dog", image, effort="quick").to_dict()


def test_the_schema_says_what_stands_in_a_grid(written):
    assert written["parts"] == [
        {"name": "text", "start": 0, "columns": None},
        {"name": "image", "start": len("red dog\n"), "columns": 4},
    ]
    assert written["verdict"]["error_rate"] is None  # nothing of the kind was calibrated


def test_words_stay_in_a_line_and_image_tokens_are_cells(written):
    (_, words), (name, cells) = view.sections(written)
    assert [piece.text for piece in words] == ["red", " ", "dog"] and all(piece.columns is None for piece in words)
    assert name == "image" and [(piece.unit, piece.columns) for piece in cells] == [(2 + n, 4) for n in range(5)]


def test_every_view_of_the_text_has_the_grid_with_its_colours(written):
    page = render(written)
    grids = re.findall(r'<span class="token-grid columns-4">(.*?)</span></span>(?=</div>| <span class="next">)', page)
    assert len(grids) == 3  # the first screen, the maps and the rollout
    assert all(grid.count('<span class="cell">') == len(NUMBERS) for grid in grids)
    assert ".columns-4{--columns:4}" in page and ".token-grid {" in page
    classes = [view.word_classes(written["maps"], unit) for unit in range(2, 7)]
    assert re.findall(r'class="w tint ([^"]*)"', grids[1]) == classes and len(set(classes)) > 1


def test_a_page_without_a_grid_has_nothing_of_it():
    page = render(sample_analysis(answers=True))
    assert "token-grid" not in page


def test_cells_stand_in_rows_and_are_reached_by_arrow_keys(browser, written, tmp_path: Path):
    (tmp_path / "grid.html").write_text(render(written), encoding="utf-8")
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((tmp_path / "grid.html").as_uri())
    page.wait_for_selector("#head[data-ready]", state="attached")
    boxes = [cell.bounding_box() for cell in page.locator("#text .cell .w").all()]
    assert len({round(box["y"]) for box in boxes[:4]}) == 1 and boxes[4]["y"] > boxes[0]["y"] + 20
    assert boxes[4]["x"] == boxes[0]["x"] < boxes[1]["x"]
    assert min(min(box["width"], box["height"]) for box in boxes) >= 24
    page.locator("#text .w").first.click()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert "row 1, column 2" in page.locator("#word-readout").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()
    assert complaints == []
