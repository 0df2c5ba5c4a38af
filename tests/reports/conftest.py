"""The page in a real browser, for the tests that look at it there."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sample import PAGES, sample_analysis

from reports.analysis.page import render

PATIENCE = 600_000  # milliseconds; the last resort, where a test is to fail
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; where there is none, tests are skipped, but never on a build server."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None and not os.environ.get("CI"):
        pytest.skip(f"the page was not tested in a browser: none of {', '.join(names)} is installed")
    assert path, f"the page must be tested in a browser here, but none of {', '.join(names)} is installed"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=path, args=ARGUMENTS)
        chromium.new_page, chromium.new_context = map(_patient, (chromium.new_page, chromium.new_context))
        yield chromium
        chromium.close()


def _patient(make: Callable[..., Any]) -> Callable[..., Any]:
    """Pages that wait for what is to come, on a slow machine too."""

    def made(**options: Any) -> Any:
        opened = make(**options)
        opened.set_default_timeout(PATIENCE)
        return opened

    return made


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    paths = {}
    for name, options in PAGES.items():
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(render(sample_analysis(**options)), encoding="utf-8")
    return paths


@pytest.fixture
def visit(browser: Any, files: dict[str, Path]) -> Iterator[Any]:
    """Opens a variant and, at the end, makes sure that it complained about nothing and asked for nothing."""
    opened, complaints, requests = [], [], []

    def open_page(name: str = "classifier", *, ready: bool = True, before: str = "", **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        if before:
            page.add_init_script(before)
        page.goto(files[name].as_uri())
        if ready:
            page.wait_for_selector("#head[data-ready]", state="attached")
        return page

    yield open_page
    for context in opened:
        context.close()
    assert complaints == []
    assert set(requests) <= {path.as_uri() for path in files.values()}
