"""The page in a real browser: it renders everywhere, runs nothing it should not, and nothing leaves it."""

from pathlib import Path
from typing import Any

import pytest
from sample import HOSTILE, PAGES, sample_analysis

from reports.analysis import findings
from reports.shared.notation import number, percent, visible


@pytest.mark.parametrize("name", PAGES)
def test_it_renders_with_no_complaint_and_no_request(visit: Any, name: str) -> None:
    page = visit(name)
    assert page.locator("h2.question").is_visible()
    weights = sample_analysis(**PAGES[name])["attention"]["weights"]
    assert page.locator("#attention-text .k").count() == weights["shape"][-1]
    assert page.locator("#attention-message").is_hidden()


@pytest.mark.parametrize("name", PAGES)
def test_without_scripts_the_answer_is_still_there(visit: Any, name: str) -> None:
    analysis = sample_analysis(**PAGES[name])
    page = visit(name, ready=False, java_script_enabled=False)
    said = page.locator("#decision").inner_text()
    assert visible(analysis["decision"]["label"]).strip() in said
    assert analysis["verdict"]["answer"].capitalize() in said
    assert all(reason in said for _, reason in findings.reasons(analysis["verdict"]))
    assert percent(analysis["decision"]["probability"]) in said
    for entry in analysis["faithfulness"]["maps"]:
        assert entry["method"] in said
    assert page.locator(".chance .hill").is_visible()
    assert page.locator(".lines .curve").first.is_visible()
    assert page.locator("#head").is_hidden()
    assert page.locator("#word-readout").is_hidden()
    assert "Scripts are off" in page.locator("#heads").inner_text()
    page.locator("#words-4").check()
    assert page.locator("#words .shown-4").is_visible()


def test_hostile_words_are_shown_and_not_run(visit: Any) -> None:
    page = visit("hostile")
    page.locator("#cells .c").nth(5).click()
    for place in range(len(HOSTILE)):
        page.locator(f"#text [data-unit='{place}']").click()
        page.locator("#attention-text .k").nth(place + 1).click()
        page.locator(f"#rollout-text [data-unit='{place}']").click()
        shown = visible(HOSTILE[place])
        assert page.locator(f"#text [data-unit='{place}']").inner_text() == shown
        assert f"‘{shown}’" in page.locator("#word-readout").inner_text()
        assert f"‘{shown}’" in page.locator("#rollout-readout").inner_text()
        assert page.locator("#query option").nth(place + 1).inner_text() == f"{place + 2}. {shown}"
    assert page.evaluate("window.stolen") is None
    assert page.locator("script").count() == 2
    assert page.locator("img, iframe, b > script").count() == 0


def test_the_policy_stops_a_script_that_would_get_in(visit: Any, browser: Any, files: dict[str, Path]) -> None:
    """The second wall: even markup that got through the first would not run, nor load anything."""
    context = browser.new_context()
    page = context.new_page()
    finished: list[str] = []
    page.on("requestfinished", lambda request: finished.append(request.url))
    page.goto(files["classifier"].as_uri())
    finished.clear()
    page.evaluate("""() => {
        window.blocked = [];
        document.addEventListener("securitypolicyviolation", event => window.blocked.push(event.effectiveDirective));
        document.body.insertAdjacentHTML("beforeend", "<img src='http://127.0.0.1:9/x' onerror='window.stolen = 1'>");
        const script = document.createElement("script");
        script.textContent = "window.stolen = 1";
        document.body.append(script);
    }""")
    for directive in ("img-src", "script-src"):  # of the handler and the script, whatever part of it is told
        page.evaluate(
            """name => new Promise(done => {
                const look = () => window.blocked.some(blocked => blocked.startsWith(name)) ? done() : setTimeout(look);
                look();
            })""",
            directive,
        )
    assert page.evaluate("window.stolen") is None
    assert finished == []
    context.close()


def test_a_browser_that_can_not_unpack_says_so(visit: Any) -> None:
    page = visit(ready=False, before="delete window.DecompressionStream")
    message = page.locator("#attention-message")
    message.wait_for(state="visible")
    assert message.inner_text().startswith("This browser can’t unpack the attention weights")
    assert page.locator("#attention-text").is_hidden()
    assert page.locator("#head-name").inner_text().startswith("Layer ")
    page.locator("#words-4").check()
    assert "by input x gradient: " in page.locator("#word-readout").inner_text()


def test_script_and_server_write_numbers_alike(visit: Any) -> None:
    page = visit()
    source = (Path(__file__).parents[2] / "reports" / "assets" / "page.js").read_text(encoding="utf-8")
    values = [
        0.0,
        1.0,
        -1.0,
        5.6038,
        12.34,
        123.6,
        -0.0179,
        0.0011,
        4.2e-6,
        -4.7683716e-07,
        0.0997,
        9.996,
        0.5,
        0.99996,
    ]
    call = "(values => values.map(value => [number(value), percent(Math.abs(value))]))"
    written = page.evaluate(f"values => {{ {source}; return {call}(values); }}", values)
    assert written == [[number(value), percent(abs(value))] for value in values]


def test_on_paper_there_are_no_controls(visit: Any) -> None:
    page = visit(color_scheme="dark")
    page.emulate_media(media="print")
    for gone in ("nav", ".controls", ".gloss", ".readout"):
        assert page.locator(gone).first.is_hidden()
    assert page.locator("#verdict").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
