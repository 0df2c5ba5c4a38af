"""The page's controls in a real browser: each does what it says, shows the right numbers and keeps the focus."""

from typing import Any

from sample import sample_analysis

from analyses.export.encoding import unpack_weights
from reports.shared.notation import number, percent


def background(page: Any, selector: str) -> str:
    return page.eval_on_selector(selector, "element => getComputedStyle(element).backgroundColor")


def focused(page: Any) -> str:
    return page.evaluate("document.activeElement.id || document.activeElement.textContent")


def test_the_map_switch_colours_the_words_and_keeps_the_focus(visit: Any) -> None:
    page = visit()
    seen = set()
    for place, entry in enumerate(sample_analysis()["maps"]):
        page.locator(f"#words-{place}").click()
        assert focused(page) == f"words-{place}"
        strongest = max(range(18), key=lambda unit: abs(entry["scores"][unit]))
        colour = background(page, f"#text [data-unit='{strongest}']")
        expected = "oppose" if entry["scores"][strongest] < 0 else "support" if entry["signed"] else "heat"
        assert colour == background(page, f".{ {'oppose': 's-10', 'support': 's10', 'heat': 'h10'}[expected] }")
        assert f"by {entry['method']}: " in page.locator("#word-readout").inner_text()
        seen.add(colour)
    assert len(seen) == 3
    page.keyboard.press("ArrowLeft")
    assert focused(page) == "words-5"
    assert page.locator("#words-5").is_checked()


def test_every_word_can_be_read_by_keyboard(visit: Any) -> None:
    analysis = sample_analysis()
    page = visit()
    page.locator("#words-5").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Home")
    for index, unit in enumerate(analysis["units"]):
        said = page.locator("#word-readout").inner_text()
        assert said.startswith(f"‘{unit['text']}’")
        assert focused(page) == unit["text"]
        for entry in analysis["maps"]:
            assert number(entry["scores"][index]) in said
        assert page.locator("tr.on th").inner_text() == unit["text"]
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    assert "scroll" in page.evaluate("document.activeElement.className")


def test_every_word_can_be_read_by_touch(visit: Any) -> None:
    page = visit(has_touch=True, viewport={"width": 360, "height": 740})
    page.locator("#text [data-unit='4']").tap()
    assert page.locator("#word-readout").inner_text().startswith("‘until’")


def test_the_pointer_shows_a_value_and_takes_it_back(visit: Any) -> None:
    page = visit()
    page.locator("#text [data-unit='4']").click()
    page.locator("#text [data-unit='9']").hover()
    assert page.locator("#word-readout").inner_text().startswith("‘home’")
    page.mouse.move(0, 0)
    assert page.locator("#word-readout").inner_text().startswith("‘until’")


def test_the_measure_switch_colours_the_heads_and_renames_them(visit: Any) -> None:
    analysis = sample_analysis()
    page = visit()
    cell = "#cells .c:nth-child(3)"
    rows = [analysis["heads"][kind] for kind in ("zero", "mean", "gradient")]
    expected = [number(row[0][2]) for row in rows]
    expected += [percent(analysis["attention"]["entropy"]["share"][0][2])]
    expected += [number(analysis["attention"]["entropy"]["nats"][0][2])]
    for name in ("previous", "next", "first", "separator"):
        expected.append(percent(analysis["attention"]["patterns"][name][0][2]))
    for place, value in enumerate(expected):
        page.locator(f"#grid-{place}").click()
        assert focused(page) == f"grid-{place}"
        assert page.locator(cell).first.get_attribute("aria-label") == f"Layer 1, head 3: {value}"
        assert page.locator(f"#grid .shown-{place}").is_visible()
        assert page.locator("#grid .shown:visible").count() == 1
    colours = set()
    for place in range(len(expected)):
        page.locator(f"#grid-{place}").check()
        colours.add(page.evaluate("getComputedStyle(document.querySelectorAll('#cells .c')[2]).backgroundColor"))
    assert len(colours) > 4


def test_choosing_a_head_shows_its_numbers_and_its_attention(visit: Any) -> None:
    analysis = sample_analysis()
    weights = unpack_weights(analysis["attention"]["weights"])
    page = visit()
    page.locator("[data-layer='2'][data-head='6']").click()
    assert page.locator("#head-name").inner_text() == "Layer 3, head 7"
    assert page.evaluate("document.activeElement.dataset.head") == "6"
    facts = page.locator("#head-facts").inner_text()
    for name in ("zero", "mean", "gradient"):
        assert number(analysis["heads"][name][2][6]) in facts
    assert percent(analysis["attention"]["patterns"]["first"][2][6]) in facts
    assert ranked(page) == strongest(analysis["tokens"], weights[2, 6, 0])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#head-name").inner_text() == "Layer 4, head 6"
    assert ranked(page) == strongest(analysis["tokens"], weights[3, 5, 0])


def shown_head(page: Any) -> tuple[int, int]:
    layer, head = page.locator("#head-name").inner_text().removeprefix("Layer ").split(", head ")
    return int(layer) - 1, int(head) - 1


def ranked(page: Any) -> list[tuple[str, str]]:
    rows = page.locator("#attention-top tr").all()
    return [(row.locator("th").inner_text(), row.locator(".n").inner_text()) for row in rows]


def strongest(tokens: list[str], row: Any) -> list[tuple[str, str]]:
    order = sorted((key for key in range(len(tokens)) if row[key] > 0), key=lambda key: (-row[key], key))
    return [(tokens[key].strip(), percent(float(row[key]))) for key in order]


def test_the_word_to_look_from_can_be_chosen_in_three_ways(visit: Any) -> None:
    analysis = sample_analysis()
    weights = unpack_weights(analysis["attention"]["weights"])
    page = visit(has_touch=True)
    page.locator("[data-layer='0'][data-head='0']").click()
    page.locator("#query").focus()
    page.locator("#query").select_option("5")
    assert focused(page) == "query"
    assert ranked(page) == strongest(analysis["tokens"], weights[0, 0, 5])
    page.locator("#attention-text .k").nth(7).tap()
    assert ranked(page) == strongest(analysis["tokens"], weights[0, 0, 7])
    assert page.locator("#query").input_value() == "7"
    page.locator("#attention-text .k").nth(7).focus()
    page.keyboard.press("ArrowRight")
    said = page.locator("#attention-readout").inner_text()
    weight = float(weights[0, 0, 7, 8])
    assert said == f"‘single’ gives ‘trawler’ {percent(weight) if weight else '< 0.2%'} of its attention."
    page.keyboard.press("Enter")
    assert ranked(page) == strongest(analysis["tokens"], weights[0, 0, 8])
    assert focused(page) == "trawler"


def test_it_starts_at_the_position_that_the_decision_is_read_from(visit: Any) -> None:
    assert visit("classifier").locator("#query").input_value() == "0"
    page = visit("causal")
    assert page.locator("#query").input_value() == "5"
    page.locator("#query").select_option("2")
    page.locator("#attention-text .k").nth(4).hover()
    assert page.locator("#attention-readout").inner_text() == "‘ harbour’ can’t look at ‘ quiet’: it comes later."


def test_colours_can_leave_the_sinks_out(visit: Any) -> None:
    analysis = sample_analysis()
    page = visit()
    box = page.locator("#nosink")
    assert box.is_checked()
    first = "#attention-text .k"
    assert page.locator(first).first.get_attribute("class") == "k tint special"
    page.mouse.move(0, 0)
    row = unpack_weights(analysis["attention"]["weights"])[shown_head(page)][0]
    said = page.locator("#attention-readout").inner_text()
    assert f"The darkest colour is {percent(float(max(row[1:-1])))} of its attention." in said
    assert f"left uncoloured have {percent(float(row[0] + row[-1]))}." in said
    box.uncheck()
    assert focused(page) == "nosink"
    assert "special" not in page.locator(first).first.get_attribute("class")


def test_the_layer_slider_moves_the_rollout_and_keeps_the_focus(visit: Any) -> None:
    analysis = sample_analysis()
    page = visit()
    page.locator("#rollout-text [data-unit='2']").click()
    page.locator("#layer").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    share = percent(analysis["rollout"]["layers"][3][2])
    assert focused(page) == "layer"
    said = page.locator("#rollout-readout").inner_text()
    together = percent(sum(analysis["rollout"]["layers"][3]))
    accounts = f"After layer 4, ‘lay’ accounts for {share} of what the decision is read from"
    assert said == f"{accounts}; all words together, for {together}."
    top = max(analysis["rollout"]["layers"][3])
    unit = analysis["rollout"]["layers"][3].index(top)
    assert background(page, f"#rollout-text [data-unit='{unit}']") == background(page, ".swatch.h10")
    page.locator("#rollout-map").click(position={"x": 3, "y": 3})
    share = percent(analysis["rollout"]["layers"][0][0])
    assert page.locator("#rollout-readout").inner_text().startswith(f"After layer 1, ‘The’ accounts for {share} of")


def test_a_curve_can_be_brought_out(visit: Any) -> None:
    page = visit()
    opacity = "elements => elements.map(element => getComputedStyle(element).opacity)"
    assert set(page.eval_on_selector_all(".lines .curve", opacity)) == {"1"}
    page.locator("#curve-2").check()
    assert focused(page) == "curve-2"
    assert page.eval_on_selector_all(".lines .curve", opacity) == ["0.25", "1", *["0.25"] * 5]
