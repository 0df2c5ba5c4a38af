"""A report inside a notebook, in a real browser: it runs in its own frame, and its links stay there."""

from pathlib import Path
from typing import Any

import pytest
from sample import HOSTILE, sample_analysis

from analyses import AnalysisDocument


@pytest.mark.parametrize("sample", [{}, {"units": len(HOSTILE), "hostile": True}], ids=["usual", "hostile"])
def test_the_report_runs_in_a_frame_of_its_own(browser: Any, sample: dict[str, Any], tmp_path: Path) -> None:
    shown = AnalysisDocument(sample_analysis(**sample))._repr_html_()
    (tmp_path / "notebook.html").write_text(f"<!doctype html><meta charset=utf-8><body>{shown}<p>below", "utf-8")
    page, complaints = browser.new_page(), []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((tmp_path / "notebook.html").as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("#cells .c").first.wait_for()  # drawn by the page's script
    frame.locator("nav a", has_text="Heads").click()
    (inside,) = [each for each in page.frames if each != page.main_frame]
    inside.wait_for_function("scrollY > 0")
    assert inside.url == "about:srcdoc#heads"
    assert page.locator("body > p").inner_text() == "below"
    assert page.evaluate("document.querySelector('iframe').contentDocument") is None  # it can't reach the notebook
    assert complaints == []
    page.close()
