"""The page of a knockout in a real browser: it fits small screens, is read by keyboard, and complains about nothing."""

from pathlib import Path
from typing import Any

import pytest
from test_page_access import LAYOUT

import interpret
from analyses import knockout_report


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "knockout.html"
    text = "Slow at first, then wonderful, although an unbelievablylongwordwithoutspaces stands in its way."
    knockout_report(interpret.load(), text, draws=9).save(path)
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_screen_with_legible_text_and_large_targets(browser: Any, saved: Path, scheme: str) -> None:
    page, complaints, requests = browser.new_page(color_scheme=scheme), [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: requests.append(request.url))
    for width in (320, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(saved.as_uri())
        for opened in (False, True):
            if opened:
                page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
            assert page.evaluate(LAYOUT) == {"width": width, "small": [], "narrow": [], "outside": []}
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(251, 250, 246)", "dark": "rgb(23, 22, 20)"}[scheme]
    assert complaints == [] and set(requests) == {saved.as_uri()}
    page.close()


def test_the_answer_is_on_the_first_screen_and_every_table_is_reached_by_keyboard(browser: Any, saved: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(saved.as_uri())
    box = page.locator(".plain").bounding_box()
    assert box["y"] + box["height"] < 900
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent"))
    assert {"Fall of the margin by layers and distance", "Fall of the margin from word to word", "link"} <= set(reached)
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible() and page.locator("#word table").first.is_visible()
    page.close()
