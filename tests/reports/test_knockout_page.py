"""The page of a knockout as a file: closed to the outside, its finding in words, and true to the numbers."""

import copy
import re
from typing import Any

import pytest
import torch
from sample import HOSTILE
from test_page import Reader

import interpret
from analyses import KnockoutDocument, knockout_report
from analyses.long_range.schema import KnockoutDict
from reports.long_range.page import render_knockout
from reports.long_range.view import MOST_NUMBERS, chance, grids
from reports.long_range.wording import changes, finding, limits
from reports.shared.notation import visible


@pytest.fixture(scope="module")
def document() -> KnockoutDict:
    text = "Slow at first, then wonderful."
    return knockout_report(interpret.load(), text, draws=99).to_dict("interpret knockout 'a text'")


def changed(document: KnockoutDict, **look: Any) -> KnockoutDict:
    other: Any = copy.deepcopy(document)
    other["look_back"] |= look
    return other


def test_it_is_well_formed_and_nothing_points_outside_or_runs(document: KnockoutDict) -> None:
    html = render_knockout(document)
    reader = Reader(html)
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert html.startswith("<!doctype html>") and len(ids) == len(set(ids))
    assert not {tag for tag, _ in reader.elements} & {"script", "link", "img", "iframe", "object", "form", "base"}
    for _, attributes in reader.elements:
        assert not {"src", "srcset", "style", "action"} & set(attributes)
        assert attributes.get("href", f"#{ids[0]}").removeprefix("#") in ids
        assert not [name for name in attributes if name.startswith("on")]
    policy = next(a["content"] for _, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]+=*'; base-uri 'none'; form-action 'none'", policy
    )
    assert not re.search(r"url\(|@import", "".join(reader.raw["style"]))


def test_the_first_screen_says_what_was_found(document: KnockoutDict) -> None:
    first = Reader(render_knockout(document)).text().split("In which layers, and over what distance")[0]
    assert (
        "This decision looks 7 tokens far, in any direction: cutting every link longer than that changes nothing."
        in first
    )
    assert "7 of 8 tokens" in first and "interpret knockout" not in first
    for said in (limits(document), *changes(document)):
        assert said in first
    assert changes(document)[2].startswith("Words: most depends on ‘[CLS]’ looking at ‘wonderful’.")
    assert limits(document).startswith(
        "Nothing means: the answer stays, and its margin of 2.41 logits moves by at most"
    )


@pytest.mark.parametrize(
    ("distance", "longest", "causal", "said"),
    [
        (3, 9, True, "This decision looks back 3 tokens: cutting every link longer than that changes nothing."),
        (1, 9, True, "This decision looks back 1 token: cutting every link longer than that changes nothing."),
        (9, 9, True, "This decision looks back 9 tokens, as far as this input goes: cutting only its longest links "
         "already changes it."),
        (0, 9, True, "This decision needs no link between different tokens: cutting all of them at once changes "
         "nothing."),
        (0, 0, True, "That can’t be said: this input has no links whose length could be measured."),
    ],
)  # fmt: skip
def test_the_finding_in_a_sentence(
    document: KnockoutDict, distance: int, longest: int, causal: bool, said: str
) -> None:
    other = changed(document, distance=distance, longest=longest)
    other["model"]["causal"] = causal
    assert finding(other) == said


def test_random_links_that_do_as_little_are_said(document: KnockoutDict) -> None:
    tolerance = document["look_back"]["tolerance"]
    little = limits(changed(document, random=tolerance / 2, p_value=0.5))
    assert little.endswith("on average, so far ones need not matter less than others.")
    crossing = changed(document)
    crossing["model"]["layer_kinds"] = ["encoder", "decoder", "cross"]
    assert "Links from one text to the other have no distance, and stay." in limits(crossing)
    assert limits(changed(document, random=3 * tolerance, p_value=0.02)).endswith("and as little in 2.0% of the draws.")
    assert "random" not in limits(changed(document, random=None, p_value=None))


def test_every_cell_is_there_with_its_numbers(document: KnockoutDict) -> None:
    text, shown = Reader(render_knockout(document)).text(), grids(document)
    for name, grid in shown.items():
        wanted = torch.tensor([[0.0 if v is None else v for v in row] for row in document[f"by_{name}"]["fall"]])
        found = [[cell.fall for cell in cells] for _, cells in grid.rows]
        assert [[bool(each) for each in row] for row in found] == [
            [value is not None for value in row] for row in document[f"by_{name}"]["fall"]
        ]
        given = torch.tensor([[float(each.replace("−", "-") or 0) for each in row] for row in found])
        assert (given - wanted).abs().max() < 0.006
        assert "".join(grid.numbers[0]) in text
        assert len(grid.numbers) == min(MOST_NUMBERS, int((wanted != 0).sum()))
    colours = [cell.classes for _, cells in shown["word"].rows for cell in cells]
    assert colours.count("s10") == 1 and "" in colours
    for row in document["mean_distance"]:
        assert all(f"{value:.2f}" in text for value in row)
    assert "Layers1 to" not in text and "layer 1" in text.lower()


@pytest.mark.parametrize(
    ("p", "draws", "said"),
    [(0.01, 99, "≤ 0.010"), (0.02, 99, "0.020"), (0.002, 499, "≤ 0.002"), (1e-5, 99_999, "< 0.001"),
     (None, 0, "–"), (0.5, 0, "0.500")],
)  # fmt: skip
def test_the_smallest_p_value_that_draws_can_give_is_an_upper_limit(p: float | None, draws: int, said: str) -> None:
    assert chance(p, draws) == said


def test_hostile_names_are_shown_and_do_nothing(document: KnockoutDict) -> None:
    other: Any = copy.deepcopy(document)
    other["text"], other["model"]["name"], other["command"] = HOSTILE[0], HOSTILE[0], HOSTILE[0]
    other["by_word"]["rows"] = (HOSTILE * 9)[: len(other["by_word"]["rows"])]
    reader = Reader(render_knockout(other))
    assert "script" not in {tag for tag, _ in reader.elements}
    shown = " ".join(reader.text().split())
    assert all(" ".join(visible(name).split()) in shown for name in (HOSTILE[0], *other["by_word"]["rows"]))


def test_what_is_missing_is_left_out(document: KnockoutDict) -> None:
    other: Any = copy.deepcopy(document)
    other |= {"by_distance": None, "by_word": None, "checks": [], "command": ""}
    other["mean_distance"] = [[None] * len(row) for row in other["mean_distance"]]
    other["look_back"] |= {"distance": 0, "longest": 0, "fall": [0.0], "flips": [False], "random": None}
    text = Reader(render_knockout(other)).text()
    assert "That can’t be said" in text and "From which word" not in text and "Heads look" not in text


def test_a_page_is_made_from_a_knockout_only(document: KnockoutDict) -> None:
    other: Any = {**document, "schema": "interpret-attention/knockout/9"}
    with pytest.raises(
        ValueError, match='schema "interpret-attention/knockout/1", not \'interpret-attention/knockout/9'
    ):
        render_knockout(other)


def test_notebooks_show_the_page_in_a_frame(document: KnockoutDict) -> None:
    found = KnockoutDocument(dict(document))
    assert found._repr_html_().startswith("<iframe") and "Attention knockout" in found._repr_html_()
