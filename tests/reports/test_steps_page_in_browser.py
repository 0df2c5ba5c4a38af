"""The page of a text that goes on in a real browser: steps with and without a script, and everyone can use it."""

from pathlib import Path
from typing import Any

import pytest
from steps_sample import STEPS, sample_steps
from test_page_access import CONTRAST, LAYOUT

from reports.generation.page import render_steps


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What `visit` opens: steps in the place of single texts."""
    folder, paths = tmp_path_factory.mktemp("steps"), {}
    for name, options in STEPS.items():
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(render_steps(sample_steps(**options)), encoding="utf-8")
    return paths


def shown(page: Any) -> list[int]:
    panels = page.locator(".panel")
    return [index for index in range(panels.count()) if panels.nth(index).is_visible()]


@pytest.mark.parametrize("script", [True, False])
def test_tokens_are_stepped_through_by_keys_and_by_the_table(visit: Any, script: bool) -> None:
    page = visit("written", ready=False, java_script_enabled=script)
    assert shown(page) == [0]
    page.locator("#step-0").focus()
    page.keyboard.press("ArrowRight")
    assert shown(page) == [1] and page.locator("#step-1").is_checked()
    page.locator(".line-4 label").click()
    assert shown(page) == [4]
    page.locator("#words-3").check()
    assert page.locator(".shown-3").is_visible() and not page.locator(".shown-0").is_visible()
    assert page.locator("#before").is_visible() == script


def test_buttons_and_arrow_keys_go_to_the_next_token(visit: Any) -> None:
    page = visit("written", ready=False)
    assert page.locator("#before").is_disabled()
    page.locator("#after").click()
    assert shown(page) == [1] and page.evaluate("document.activeElement.id") == "after"
    assert page.locator("#where").inner_text().startswith("Token 2 of 6: ")
    page.evaluate("document.activeElement.blur()")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    assert shown(page) == [5] and page.locator("#after").is_disabled()
    page.keyboard.press("ArrowLeft")
    assert shown(page) == [4]
    page.locator("#words-0").focus()
    page.keyboard.press("ArrowRight")  # chooses a map, and no token
    assert shown(page) == [4] and page.locator("#words-1").is_checked()


def test_choosing_a_map_changes_the_colours_of_words_and_table(visit: Any) -> None:
    page = visit("written", ready=False)
    colour = "element => getComputedStyle(element).backgroundColor"
    cells = [page.locator(".panel-0 .w").nth(2), page.locator(".line-3 td").nth(2)]
    before = [cell.evaluate(colour) for cell in cells]
    page.locator("#words-2").check()
    assert all(cell.evaluate(colour) != old for cell, old in zip(cells, before, strict=True))


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", STEPS)
def test_it_fits_the_screen_with_legible_text_and_large_targets(visit: Any, name: str, width: int) -> None:
    page = visit(name, ready=False, viewport={"width": width, "height": 800})
    for opened in (False, True):
        if opened:
            page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert page.evaluate(LAYOUT) == {"width": width, "small": [], "narrow": [], "outside": []}
    sizes = page.locator("button, .steps-table label").evaluate_all(
        "all => all.map(each => each.getBoundingClientRect()).map(box => Math.min(box.width, box.height))"
    )
    assert min(sizes) >= 24


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(visit: Any, scheme: str) -> None:
    page = visit("written", ready=False, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    for index in range(4):
        page.locator(f"#words-{index}").check()
        count, poor = page.evaluate(CONTRAST)
        assert count > 100 and poor == []


def test_hostile_words_are_not_run(visit: Any) -> None:
    page = visit("hostile", ready=False)
    for _ in range(6):
        page.locator("#after").click()
    assert page.evaluate("window.stolen") is None and page.locator("script").count() == 1


def test_on_paper_every_token_is_there(visit: Any) -> None:
    page = visit("given", ready=False)
    page.emulate_media(media="print")
    assert shown(page) == list(range(6))
