"""Can everyone use the page? Keyboard, small screens, sizes of text and targets, contrast in light and dark."""

from typing import Any

import pytest
from sample import PAGES


@pytest.mark.parametrize("name", PAGES)
def test_every_control_has_a_name_and_can_be_reached_by_keyboard(visit: Any, name: str) -> None:
    page = visit(name)
    reached: list[str] = []
    for _ in range(120):
        page.keyboard.press("Tab")
        tag = page.evaluate("""() => {
            const element = document.activeElement;
            if (element === document.body) return "end";
            const style = getComputedStyle(element.matches(".switch input") ? element.nextElementSibling : element);
            if (style.outlineStyle === "none") return "no focus ring on " + element.outerHTML;
            return element.name || element.id || element.closest("[role=listbox]")?.id || element.textContent.trim();
        }""")
        assert not tag.startswith("no focus ring")
        reached.append(tag)
        if tag == "end":
            break
    assert {"words", "text", "grid", "cells", "query", "nosink", "attention-text", "layer", "rollout-text"} <= {
        *reached
    }
    assert {"curve", "attention", "logit margin", "p-value", "end"} <= {*reached}


LAYOUT = """() => {
    const shown = element => element.checkVisibility({ checkVisibilityCSS: true }) && !element.closest(".unseen");
    const found = { width: document.documentElement.scrollWidth, small: [], narrow: [], outside: [] };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !shown(element) || element.closest("script, style")) continue;
        if (parseFloat(getComputedStyle(element).fontSize) < 12) found.small.push(element.outerHTML);
        const scaled = element instanceof SVGElement && element.ownerSVGElement.hasAttribute("viewBox");
        if (scaled) found.small.push(`scaled ${element.outerHTML}`);
        const range = document.createRange();
        range.selectNodeContents(texts.currentNode);
        const box = range.getBoundingClientRect();
        const inside = element.closest(".scroll, .unseen, .skip");
        if (!inside && (box.right > innerWidth + 1 || box.left < -1)) found.outside.push(texts.currentNode.data);
    }
    for (const element of document.querySelectorAll("a, summary, select, input, [role=option], [role=slider]")) {
        if (!shown(element) || element.matches(".skip")) continue;
        const box = element.getBoundingClientRect();
        if (box.width < 24 || box.height < 24) found.narrow.push(`${box.width} x ${box.height} ${element.outerHTML}`);
    }
    return found;
}"""


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_it_fits_the_screen_with_legible_text_and_large_targets(visit: Any, name: str, width: int) -> None:
    page = visit(name, viewport={"width": width, "height": 800})
    for opened in (False, True):
        if opened:
            page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert page.evaluate(LAYOUT) == {"width": width, "small": [], "narrow": [], "outside": []}


CONTRAST = """() => {
    const canvas = new OffscreenCanvas(1, 1);
    const brush = canvas.getContext("2d", { willReadFrequently: true });
    const paint = colours => {
        brush.clearRect(0, 0, 1, 1);
        for (const colour of colours) { brush.fillStyle = colour; brush.fillRect(0, 0, 1, 1); }
        return brush.getImageData(0, 0, 1, 1).data;
    };
    const linear = v => v <= .04045 * 255 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => .2126 * linear(r) + .7152 * linear(g) + .0722 * linear(b);
    const ratio = (a, b) => (Math.max(light(a), light(b)) + .05) / (Math.min(light(a), light(b)) + .05);
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const poor = new Set();
    let count = 0;
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || element.closest("script, style, noscript, .unseen, option")) continue;
        if (!element.checkVisibility({ checkVisibilityCSS: true })) continue;
        const behind = [];
        for (let part = element; part; part = part.parentElement) {
            behind.unshift(getComputedStyle(part).backgroundColor);
        }
        const style = getComputedStyle(element);
        const ink = element instanceof SVGElement ? style.fill : style.color;
        const value = ratio(paint(behind), paint([...behind, ink]));
        count += 1;
        if (value < 4.5) poor.add(`${value.toFixed(2)} ${element.outerHTML.slice(0, 120)}`);
    }
    return [count, [...poor]];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_text_stands_out_in_light_and_dark(visit: Any, name: str, scheme: str) -> None:
    page = visit(name, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    for place in range(6):
        page.locator(f"#words-{place}").check()
        count, poor = page.evaluate(CONTRAST)
        assert count > 300
        assert poor == []
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(23, 22, 20)") == (scheme == "dark")
