"""The views of the heads in a real browser: small maps, a whole map and lines, of one choice and with right numbers."""

import re
from typing import Any

import numpy as np
import pytest
from sample import PAGES, sample_analysis
from test_page_access import CONTRAST

from analyses.attention.encoded_maps import unpack_tiles
from analyses.export.encoding import pack_weights, unpack_weights
from reports.analysis.page import render
from reports.analysis.view import part_tokens
from reports.shared.notation import percent

ANALYSIS = sample_analysis()
WEIGHTS = unpack_weights(ANALYSIS["attention"]["weights"])

CELLS = """[...document.querySelectorAll("#map-box path")].flatMap(path =>
    [...path.getAttribute("d").matchAll(/M(\\d+) (\\d+)/g)].map(found => [+found[2], +found[1],
    +path.getAttribute("class").match(/h(\\d+)/)[1]]))"""

LINES = """[...document.querySelectorAll(".arc")].map(line =>
    [+line.dataset.query, +line.dataset.key, +line.getAttribute("stroke-width"), line.classList.contains("on")])"""


def choose(page: Any, layer: int, head: int) -> None:
    page.locator(f"[data-layer='{layer}'][data-head='{head}']").click()


def steps(weights: Any) -> dict[tuple[int, int], int]:
    """Steps of colour of the cells that have any."""
    found = {(q, k): int(10 * weights[q, k] / weights.max() + 0.5) for q, k in np.ndindex(weights.shape)}
    return {cell: step for cell, step in found.items() if step}


def drawn(page: Any) -> dict[tuple[int, int], int]:
    return {(query, key): step for query, key, step in page.evaluate(CELLS)}


def ranked(page: Any) -> list[tuple[str, str]]:
    rows = page.locator("#attention-top tr").evaluate_all(
        "rows => rows.map(row => [row.querySelector('th').innerText, row.querySelector('.n').innerText])"
    )
    return [tuple(row) for row in rows]


def strongest(tokens: list[str], weights: Any) -> list[tuple[str, str]]:
    order = sorted(np.flatnonzero(weights), key=lambda index: (-weights[index], index))
    return [(tokens[index].strip(), percent(float(weights[index]))) for index in order]


def written(weight: float) -> str:
    return percent(float(weight)) if weight else "< 0.2%"


def at(page: Any, query: int, key: int) -> dict[str, float]:
    """The middle of a cell, in pixels from the corner of the map."""
    box = page.locator("#map-box svg").bounding_box()
    _, _, columns, rows = map(int, page.locator("#map-box svg").get_attribute("viewBox").split())
    return {"x": box["width"] * (key + 0.5) / columns, "y": box["height"] * (query + 0.5) / rows}


def test_the_map_has_the_weights_of_the_head(visit: Any) -> None:
    page = visit()
    page.locator("#nosink").uncheck()
    for layer, head in ((2, 6), (5, 11)):
        choose(page, layer, head)
        assert page.locator("#map-name").inner_text() == f"The whole map of layer {layer + 1}, head {head + 1}"
        assert drawn(page) == steps(WEIGHTS[layer, head])
        assert page.locator("#map-key-top").inner_text() == percent(float(WEIGHTS[layer, head].max()))
    tokens, svg = ANALYSIS["tokens"], page.locator("#map-box svg")
    svg.hover(position=at(page, 4, 9))
    told = f"‘{tokens[4]}’ gives ‘{tokens[9]}’ {written(WEIGHTS[5, 11, 4, 9])} of its attention."
    assert page.locator("#map-readout").inner_text() == told
    assert page.locator("#query").input_value() == "0"
    page.mouse.move(0, 0)
    most = WEIGHTS[5, 11, 0].argmax()
    assert page.locator("#map-readout").inner_text().startswith(f"‘[CLS]’ gives ‘{tokens[most]}’ ")


def test_a_touch_reads_a_cell_and_follows_its_word(visit: Any) -> None:
    page = visit(has_touch=True, viewport={"width": 320, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    page.locator("#map-box svg").scroll_into_view_if_needed()
    page.locator("#map-box svg").tap(position=at(page, 3, 5))
    assert page.locator("#query").input_value() == "3"
    assert page.locator("#map-readout").inner_text().startswith("‘lay’ gives ‘until’ ")


def test_what_cannot_be_seen_is_no_zero(visit: Any) -> None:
    page = visit("causal")
    count = page.locator("#attention-text .k").count()
    seen = page.locator("#map-box .seen").evaluate_all(
        "parts => parts.map(part => ['y', 'width'].map(name => +part.getAttribute(name)))"
    )
    assert seen == [[query, query + 1] for query in range(count)]
    assert page.locator("#map-key-unseen").is_visible()
    page.locator("#map-box svg").hover(position=at(page, 2, 4))
    assert page.locator("#map-readout").inner_text() == "‘ harbour’ can’t look at ‘ quiet’: it comes later."
    assert visit("classifier").locator("#map-key-unseen").is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_small_map_is_the_head_in_the_same_order_of_shades(visit: Any, scheme: str) -> None:
    analysis = sample_analysis(**PAGES["causal"])
    weights = unpack_weights(analysis["attention"]["weights"])
    page = visit("causal", color_scheme=scheme)
    page.locator("#cells .c").nth(12).scroll_into_view_if_needed()
    pixels = page.evaluate("""() => new Promise(done => {
        const picture = document.querySelectorAll("#cells canvas")[12];
        picture.width = 1;
        document.getElementById("nosink").click();
        const look = () => picture.width === 1 ? requestAnimationFrame(look)
            : done([...picture.getContext("2d").getImageData(0, 0, 6, 6).data]);
        look();
    })""")
    image = np.array(pixels).reshape(6, 6, 4)
    assert np.array_equal(image[..., 3] == 0, np.triu(np.ones((6, 6), bool), 1))
    paper, most = page.evaluate("""["--paper", "--attention"].map(name => {
        const colour = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
        return [1, 3, 5].map(start => parseInt(colour.slice(start, start + 2), 16)); })""")
    share = weights[1, 3] / weights[1, 3].max()  # the 13th head, of 9 in a layer
    below = np.tri(6, dtype=bool)
    for channel in range(3):
        expected = paper[channel] + (most[channel] - paper[channel]) * share
        assert np.abs(image[..., channel] - expected)[below].max() <= 1


def test_heads_are_put_in_order_by_what_colours_them(visit: Any) -> None:
    page = visit()
    places = "cells => cells.map(cell => [+cell.dataset.layer, +cell.dataset.head])"
    by_place = page.locator("#cells .c").evaluate_all(places)
    page.locator("#order-largest").check()
    falls = np.abs(np.array(ANALYSIS["heads"]["zero"]))
    order = page.locator("#cells .c").evaluate_all(places)
    assert sorted(order) == by_place
    assert [falls[tuple(place)] for place in order] == sorted(falls.ravel(), reverse=True)
    assert page.locator("#cells .c .place").first.inner_text() == f"{order[0][0] + 1}.{order[0][1] + 1}"
    page.locator("#cells [aria-selected=true]").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("[+document.activeElement.dataset.layer, +document.activeElement.dataset.head]") == order[1]
    page.locator("#grid-3").check()
    page.locator("#order-smallest").check()
    spread = np.array(ANALYSIS["attention"]["entropy"]["share"])
    order = page.locator("#cells .c").evaluate_all(places)
    assert [spread[tuple(place)] for place in order] == sorted(spread.ravel())
    count, poor = page.evaluate(CONTRAST)
    assert count > 300 and poor == []
    page.locator("#order-place").check()
    assert page.locator("#cells .c").evaluate_all(places) == by_place


def test_lines_are_as_thick_as_weights(visit: Any) -> None:
    page = visit()
    choose(page, 1, 4)
    weights = WEIGHTS[1, 4]
    page.locator("#query").select_option("6")
    lines = page.evaluate(LINES)
    assert page.locator("#arcs-top").inner_text() == percent(float(weights.max()))
    assert {(query, key) for query, key, *_ in lines} == {tuple(cell) for cell in np.argwhere(weights > 0)}
    for query, key, width, is_on in lines:
        assert width == pytest.approx(8 * weights[query, key] / weights.max(), abs=0.006)
        assert is_on == (query == 6)
    page.locator(".arcs-side").first.locator(".k").nth(2).hover()
    assert {query for query, _, _, is_on in page.evaluate(LINES) if is_on} == {2}
    first, second, third = strongest(ANALYSIS["tokens"], weights[2])[:3]
    said = ", ".join(f"‘{token}’ {weight}" for token, weight in (first, second, third))
    assert page.locator("#arcs-readout").inner_text() == f"Looked at most by ‘{ANALYSIS['tokens'][2]}’: {said}."
    page.mouse.move(0, 0)
    assert {query for query, _, _, is_on in page.evaluate(LINES) if is_on} == {6}


def test_a_word_can_be_followed_in_both_directions(visit: Any) -> None:
    page = visit()
    choose(page, 3, 2)
    page.locator(".arcs-side").last.locator(".k").nth(7).click()
    assert page.locator("#direction-to").is_checked() and page.locator("#query").input_value() == "7"
    assert ranked(page) == strongest(ANALYSIS["tokens"], WEIGHTS[3, 2, :, 7])
    assert {key for _, key, _, is_on in page.evaluate(LINES) if is_on} == {7}
    cursor = page.locator("#map-box .cursor")
    assert [cursor.get_attribute(name) for name in ("x", "y", "width", "height")] == ["7", "0", "1", "20"]
    page.locator("#attention-text .k").nth(3).hover()
    assert page.locator("#attention-readout").inner_text().startswith(f"‘lay’ gives ‘{ANALYSIS['tokens'][7]}’ ")
    page.locator("#direction-from").check()
    assert ranked(page) == strongest(ANALYSIS["tokens"], WEIGHTS[3, 2, 7])


def test_keys_lead_from_the_heads_to_a_cell_to_a_word_and_back(visit: Any) -> None:
    page = visit()
    page.locator("#cells [aria-selected=true]").focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('#map-box') !== null")
    for key in ("Home", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    told = f"‘harbour’ gives ‘The’ {written(WEIGHTS[0, 0, 2, 1])} of its attention."
    assert page.locator("#map-readout").inner_text() == told
    page.keyboard.press("Enter")
    assert page.locator("#query").input_value() == "2"
    assert ranked(page) == strongest(ANALYSIS["tokens"], WEIGHTS[0, 0, 2])
    size = page.locator("#map-box svg").bounding_box()["width"]
    page.keyboard.press("+")
    assert page.locator("#map-box svg").bounding_box()["width"] > 1.2 * size
    page.keyboard.press("-")
    assert page.locator("#map-box svg").bounding_box()["width"] == size
    page.locator("#map-larger").focus()
    for _ in range(4):
        page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "map-larger"
    assert page.locator("#map-box svg").bounding_box()["width"] == 20 * 40  # pixels of a cell, at most
    page.locator("#map-box svg").focus()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.dataset.head") == "0"


def test_the_mean_over_heads_and_one_text_to_another(visit: Any) -> None:
    analysis = sample_analysis(**PAGES["two texts"])
    parts = part_tokens(analysis)
    assert parts == [{"name": "question", "first": 0, "end": 6}, {"name": "context", "first": 6, "end": 20}]
    page = visit("two texts")
    choose(page, 4, 1)
    page.locator("#nosink").uncheck()
    page.locator("#mean").check()
    mean = unpack_weights(analysis["attention"]["weights"])[4].mean(axis=0)
    assert page.locator("#map-name").inner_text() == "The whole map: mean over the heads of layer 5"
    assert drawn(page) == steps(mean)
    page.locator("#between").select_option(label="question → context")
    assert drawn(page) == steps(mean[:6, 6:])
    assert page.locator("#map-rows span").all_inner_texts() == analysis["tokens"][:6]
    assert page.locator("#map-columns span").all_inner_texts() == analysis["tokens"][6:]
    assert {key for _, key, *_ in page.evaluate(LINES)} == set(range(6, 20))
    assert [token for token, _ in ranked(page)] == [
        token for token, _ in strongest(analysis["tokens"], np.where(np.arange(20) < 6, 0, mean[0]))
    ]


def stacked() -> dict[str, Any]:
    """Three kinds of attention in one frame: 4 positions of a source, 6 of a target; others look at themselves."""
    analysis = sample_analysis(layers=3, heads=2, units=8)
    rng = np.random.default_rng(1)
    weights = np.broadcast_to(np.eye(10), (3, 2, 10, 10)).copy()
    weights[0, :, :4, :4] = rng.dirichlet(np.ones(4), (2, 4))
    weights[1, :, 4:, 4:] = np.tril(rng.uniform(0.1, 1, (2, 6, 6)))
    weights[2, :, 4:] = 0
    weights[2, :, 4:, :4] = rng.dirichlet(np.ones(4), (2, 6))
    weights /= weights.sum(-1, keepdims=True)
    analysis["model"]["layer_names"] = ["encoder 1", "decoder 1", "cross 1"]
    analysis["attention"]["weights"] = pack_weights(weights)
    return analysis


def test_an_encoder_decoder_has_three_kinds_of_maps(browser: Any, tmp_path: Any) -> None:
    analysis = stacked()
    weights = unpack_weights(analysis["attention"]["weights"])
    (tmp_path / "stacked.html").write_text(render(analysis), encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "stacked.html").as_uri())
    page.wait_for_selector("#head[data-ready]", state="attached")
    page.locator("#nosink").uncheck()
    queries = {0: (0, 4), 1: (4, 10), 2: (4, 10)}
    keys = {0: (0, 4), 1: (4, 10), 2: (0, 4)}
    for layer in (2, 0, 1):
        choose(page, layer, 1)
        (start, end), (first, last) = queries[layer], keys[layer]
        assert drawn(page) == steps(weights[layer, 1, start:end, first:last])
        assert page.locator("#map-rows span").all_inner_texts() == analysis["tokens"][start:end]
        assert page.locator("#map-columns span").all_inner_texts() == analysis["tokens"][first:last]
        assert page.locator("#map-key-unseen").is_visible() == (layer == 1)
        assert start <= int(page.locator("#query").input_value()) < end
    page.locator("#query").select_option("2")
    said = page.locator("#attention-readout").inner_text()
    assert said == f"‘{analysis['tokens'][2]}’ looks at nothing in this layer."
    assert ranked(page) == [] and page.locator("#between-label").is_hidden()
    page.close()


def test_stretches_of_a_long_text_have_lines_and_both_directions(visit: Any) -> None:
    packed = sample_analysis(**PAGES["pooled"])["attention"]["weights"]
    page = visit("pooled", viewport={"width": 320, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    choose(page, 2, 3)
    page.locator("#direction-to").check()
    page.locator("#query").select_option("9")
    column = unpack_tiles(packed, "share")[2, 3, :, 9]
    assert [weight for _, weight in ranked(page)] == [weight for _, weight in strongest([""] * len(column), column)]
    lines = page.evaluate(LINES)
    assert {key for _, key, *_ in lines} == {9} and len(lines) == 12
    assert min(column[[query for query, *_ in lines]]) >= np.sort(column)[-12]


def test_without_heads_of_their_own_there_are_no_small_maps(browser: Any, tmp_path: Any) -> None:
    analysis = sample_analysis(layers=2, heads=3, units=4)
    weights = unpack_weights(analysis["attention"]["weights"]).mean(axis=1, keepdims=True)
    analysis["attention"]["weights"] = {**pack_weights(weights), "kept": "the mean over the heads of each layer"}
    (tmp_path / "means.html").write_text(render(analysis), encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "means.html").as_uri())
    page.wait_for_selector("#head[data-ready]", state="attached")
    assert page.locator("#cells canvas").count() == 0 and page.locator("#maps-said").is_hidden()
    assert page.locator("#map-name").inner_text() == "The whole map" and page.locator("#mean-label").is_hidden()
    assert re.match("Not this head’s own", page.locator("#head .message").first.inner_text())
    page.close()
