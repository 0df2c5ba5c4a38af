"""A long text's attention on a page: what is said of it, and what a browser shows."""

import re
from typing import Any

import pytest
from sample import PAGES, sample_analysis
from test_page import Reader

from analyses.attention.encoded_maps import unpack_tiles
from reports.analysis.page import render
from reports.shared.notation import percent

SAMPLE = sample_analysis(**PAGES["pooled"])
WEIGHTS = SAMPLE["attention"]["weights"]
SIZE, COUNT = WEIGHTS["size"], WEIGHTS["shape"][-1]


def name(stretch: int) -> str:
    return f"{stretch * SIZE + 1:,}–{min((stretch + 1) * SIZE, 1101):,}"


def test_the_page_says_what_was_pooled_and_what_was_left_out() -> None:
    text = Reader(render(SAMPLE)).text()
    assert (SIZE, COUNT) == (18, 62)
    assert (
        "This text has 1,101 tokens, so each head has 1,212,201 weights: too many for a page. It holds two things in "
        "their place, the largest weights that the decision’s own position gives, and all weights pooled over "
        "stretches of 18 tokens; the last has 3." in text
    )
    assert "Its 16 largest single weights, of 1,101" in text
    assert "A cell is no single weight but up to 324 of them: the share of their attention" in text
    assert "A strong weight between two tokens can hide in it." in text
    assert "A cell is the largest of up to 324 weights" in text
    assert "Weights are pooled, and rounded to steps of 1/255." in text


def test_a_page_of_whole_maps_has_nothing_of_it() -> None:
    html = render(sample_analysis())
    assert "pooled" not in Reader(html).text()
    assert "showDecisionRow" not in html and "pool-said" not in html and "readWeights" not in html


@pytest.fixture
def opened(visit: Any) -> Any:
    page = visit("pooled")
    page.locator("#cells .c").nth(6 * 2 + 3).click()  # layer 3, head 4
    return page


def focused(page: Any) -> str:
    return page.evaluate("document.activeElement.id || document.activeElement.textContent")


def test_the_decisions_row_has_its_largest_weights(opened: Any) -> None:
    positions, weights = (WEIGHTS["strongest"][key][2][3] for key in ("positions", "weights"))
    rows = opened.locator("#row-top tr")
    assert rows.count() == 16
    for rank in range(16):
        token = SAMPLE["tokens"][positions[rank]].strip()
        said = re.sub(r"\s+", " ", rows.nth(rank).inner_text())
        assert said == f"{token} token {positions[rank] + 1:,} {percent(weights[rank])}"
    rest = WEIGHTS["strongest"]["sums"][2][3] - sum(weights)
    assert opened.locator("#row-rest").inner_text() == f"The other 1,085 tokens have {percent(rest)} together."


@pytest.mark.parametrize("pool", ["share", "largest"])
def test_every_stretch_can_be_read_by_keyboard(opened: Any, pool: str) -> None:
    shares = unpack_tiles(WEIGHTS, pool)[2, 3].tolist()
    opened.locator("#pool-share").focus()
    if pool == "largest":
        opened.keyboard.press("ArrowRight")
    assert focused(opened) == f"pool-{pool}"
    assert opened.locator("#pool-said-share").is_visible() == (pool == "share")
    assert opened.locator("#pool-said-largest").is_visible() == (pool == "largest")
    for expected in ("query", "nosink"):
        opened.keyboard.press("Tab")
        assert focused(opened) == expected
    opened.keyboard.press("Tab")
    assert focused(opened) == name(COUNT - 1)  # where the decision is read
    opened.keyboard.press("Home")
    opened.keyboard.press("ArrowRight")
    assert focused(opened) == name(1)
    value = percent(shares[-1][1]) if shares[-1][1] > 0 else "less than 0.2%"
    said = opened.locator("#attention-readout").inner_text()
    if pool == "share":
        assert f"Tokens {name(COUNT - 1)} give all tokens {name(1)} together {value} of their attention" in said
    else:
        assert (
            f"largest single weight from one of tokens {name(COUNT - 1)} to one of tokens {name(1)} is {value}" in said
        )
    opened.keyboard.press("Enter")
    assert opened.locator("#query").input_value() == "1"
    opened.keyboard.press("ArrowRight")
    later = f"Tokens {name(1)} can’t look at tokens {name(2)}: they come later."
    assert opened.locator("#attention-readout").inner_text() == later


def _wait_for_rest(page: Any) -> None:
    """Until the page hasn't moved for some frames."""
    page.evaluate("""() => new Promise(done => {
        let place = null, same = 0;
        const look = () => {
            same = scrollY === place ? same + 1 : 0;
            place = scrollY;
            same < 20 ? requestAnimationFrame(look) : done();
        };
        look();
    })""")


def test_what_is_scrolled_under_a_mouse_at_rest_is_not_pointed_at(opened: Any) -> None:
    tiles, readout = opened.locator("#attention-text [role=option]"), opened.locator("#attention-readout")
    opened.locator("#nosink").focus()
    opened.keyboard.press("Tab")
    opened.keyboard.press("Home")
    opened.evaluate("document.querySelectorAll('#attention-text [role=option]')[20].scrollIntoView({block: 'center'})")
    _wait_for_rest(opened)
    box = tiles.nth(20).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 - 150
    opened.mouse.move(x, y)
    said = readout.inner_text()
    opened.evaluate(
        """window.noticed = new Promise(
        done => document.addEventListener('mouseover', () => done(), {once: true}))"""
        + "; 0"
    )
    opened.evaluate("window.scrollBy({top: 150, behavior: 'instant'})")
    opened.evaluate("() => window.noticed")  # the browser found out what lies under the mouse
    assert tiles.nth(20).bounding_box()["y"] == pytest.approx(box["y"] - 150, abs=1)
    assert readout.inner_text() == said
    opened.mouse.move(x + 1, y + 1)
    assert readout.inner_text() != said


def test_the_picture_has_a_cell_for_each_tile_that_is_dark_enough(opened: Any) -> None:
    opened.locator("#nosink").set_checked(False)
    shares = unpack_tiles(WEIGHTS, "share")[2, 3]
    drawn = opened.evaluate(
        "[...document.querySelectorAll('#pooled-map path')].flatMap(path =>"
        " [...path.getAttribute('d').matchAll(/M(\\d+) (\\d+)/g)].map(found => [+found[2], +found[1],"
        " +path.getAttribute('class').match(/h(\\d+)/)[1]]))"
    )
    expected = {
        (query, key): int(10 * shares[query, key] / shares.max() + 0.5)
        for query in range(COUNT)
        for key in range(COUNT)
    }
    assert {(query, key): level for query, key, level in drawn} == {
        cell: level for cell, level in expected.items() if level
    }


def test_a_click_on_the_picture_looks_from_there(opened: Any) -> None:
    box = opened.locator("#pooled-map").bounding_box()
    assert box["width"] == pytest.approx(box["height"], abs=1)
    opened.locator("#pooled-map").click(position={"x": box["width"] / 2, "y": box["height"] * 20.5 / COUNT})
    assert opened.locator("#query").input_value() == "20"
    assert opened.locator("#pooled-map .cursor").get_attribute("y") == "20"
    shares = unpack_tiles(WEIGHTS, "share")[2, 3, 20].tolist()
    strongest = max(range(COUNT), key=lambda key: shares[key])
    first = opened.locator("#attention-top tr").first.inner_text()
    assert f"Tokens {name(strongest)}" in first and percent(shares[strongest]) in first


def test_on_a_phone_nothing_is_cut_off(visit: Any) -> None:
    page = visit("pooled", viewport={"width": 360, "height": 740}, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.locator("#attention-text .k").nth(4).tap()
    assert page.locator("#query").input_value() == "4"
    assert page.locator("#pooled-map").bounding_box()["width"] > 250


def test_without_a_script_numbers_and_verdict_are_there(visit: Any) -> None:
    page = visit("pooled", ready=False, java_script_enabled=False)
    assert page.locator("#verdict .answer").is_visible() and page.locator("#head").is_hidden()
    assert page.locator("#words table.heat").first.is_visible()
    assert "Scripts are off" in page.locator("#heads").inner_text()


def test_a_browser_that_can_not_unpack_says_so(visit: Any) -> None:
    page = visit("pooled", ready=False, before="delete window.DecompressionStream")
    message = page.locator("#attention-message")
    message.wait_for(state="visible")
    assert message.inner_text().startswith("This browser can’t unpack the attention weights")
    assert page.locator("#pooled-map").is_hidden() and page.locator("#row-name").is_hidden()
    assert page.locator("#attention-text").is_hidden()
