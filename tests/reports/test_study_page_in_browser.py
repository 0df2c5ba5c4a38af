"""The page of a study in a real browser: everything fits, can be read and reached, and nothing runs."""

from pathlib import Path
from typing import Any

import pytest
from study_sample import HOLDING, STUDIES, sample_study
from test_page_access import CONTRAST, LAYOUT

from reports.study.page import render_study


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What `visit` opens: studies in the place of single texts."""
    folder, paths = tmp_path_factory.mktemp("studies"), {}
    for name, options in {**STUDIES, "all open": {"open_": tuple(HOLDING)}}.items():
        summary, records = sample_study(**options)
        html = render_study(summary, records, linked=[record["row"] for record in records], command="interpret study a")
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(html, encoding="utf-8")
    return paths


@pytest.mark.parametrize("name", [*STUDIES, "all open"])
def test_the_first_screen_has_the_verdict_its_reasons_and_the_error_rate(visit: Any, name: str) -> None:
    page = visit(name, ready=False, viewport={"width": 1280, "height": 800})
    for part in (".answer", ".plain", ".why", ".rate", ".scope"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= 800, part


OVERLAPS = """() => {
    const boxes = [...document.querySelectorAll(".lanes th, .lanes td, .lanes svg text")]
        .filter(cell => cell.textContent.trim() && cell.checkVisibility() && !cell.matches(".plot"))
        .filter(cell => !cell.closest(".unseen, .lanes thead"))
        .map(cell => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            return [cell.textContent, range.getBoundingClientRect()];
        });
    const found = [];
    boxes.forEach(([text, a], index) => boxes.slice(index + 1).forEach(([other, b]) => {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 1 && down > 3) found.push([text, other]);
    }));
    return found;
}"""


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", STUDIES)
def test_it_fits_the_screen_with_legible_text_and_large_targets(visit: Any, name: str, width: int) -> None:
    page = visit(name, ready=False, viewport={"width": width, "height": 800})
    assert page.evaluate(OVERLAPS) == []
    for opened in (False, True):
        if opened:
            page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert page.evaluate(LAYOUT) == {"width": width, "small": [], "narrow": [], "outside": []}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["open", "refuted"])
def test_text_stands_out_in_light_and_dark(visit: Any, name: str, scheme: str) -> None:
    page = visit(name, ready=False, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    count, poor = page.evaluate(CONTRAST)
    assert count > 200 and poor == []


def test_it_is_the_same_without_scripts_and_runs_none_of_the_texts(visit: Any) -> None:
    page = visit("hostile", ready=False)
    said = page.locator("main").inner_text()
    assert page.evaluate("window.stolen") is None
    assert visit("hostile", ready=False, java_script_enabled=False).locator("main").inner_text() == said


def test_everything_that_scrolls_or_opens_can_be_reached_by_keyboard(visit: Any) -> None:
    page = visit("open", ready=False)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    reached = set()
    for _ in range(90):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent.trim()"))
    assert {"To the verdict", "Heads", "logit margin", "Numbers of every text", "All numbers of all heads"} <= reached
    assert {"Mean rank agreement on the discovery half", "Command"} <= reached


def test_on_paper_there_are_no_controls(visit: Any) -> None:
    page = visit("open", ready=False, color_scheme="dark")
    page.emulate_media(media="print")
    for gone in ("nav", ".gloss"):
        assert page.locator(gone).first.is_hidden()
    assert page.locator("#verdict").is_visible() and page.locator(".lanes .mean").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
