"""The page of a calibration in a real browser: everything fits, can be read and reached, and nothing runs."""

from pathlib import Path
from typing import Any

import pytest
from calibration_sample import CALIBRATIONS, sample_calibration
from test_page_access import CONTRAST, LAYOUT
from test_study_page_in_browser import OVERLAPS

from reports.calibration.page import render_calibration


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What `visit` opens: calibrations in the place of single texts."""
    folder, paths = tmp_path_factory.mktemp("calibrations"), {}
    for name, options in CALIBRATIONS.items():
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(render_calibration(sample_calibration(**options), command="interpret calibrate"))
    return paths


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", CALIBRATIONS)
def test_it_fits_the_screen_with_legible_text_and_large_targets(visit: Any, name: str, width: int) -> None:
    page = visit(name, ready=False, viewport={"width": width, "height": 800})
    for part in (".answer", ".plain", ".rate") if width == 1280 else (".answer",):  # on the first screen
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= 800, part
    assert page.evaluate(OVERLAPS.replace(".lanes svg text", ".lanes svg text, .dosebox svg text")) == []
    for opened in (False, True):
        if opened:
            page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert page.evaluate(LAYOUT) == {"width": width, "small": [], "narrow": [], "outside": []}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(visit: Any, scheme: str) -> None:
    page = visit("quick", ready=False, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    count, poor = page.evaluate(CONTRAST)
    assert count > 200 and poor == []


def test_it_is_the_same_without_scripts_and_runs_none_of_the_names(visit: Any) -> None:
    page = visit("hostile", ready=False)
    said = page.locator("main").inner_text()
    assert page.evaluate("window.stolen") is None
    assert visit("hostile", ready=False, java_script_enabled=False).locator("main").inner_text() == said


def test_everything_that_scrolls_or_opens_can_be_reached_by_keyboard(visit: Any) -> None:
    page = visit("whole", ready=False)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    reached = set()
    for _ in range(50):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent.trim()"))
    assert {"To the error rates", "Families", "planted model", "Error rates", "Numbers of every family"} <= reached
    assert {"Verdicts at each level", "How p-values are spread", "area under the curve", "Command"} <= reached
