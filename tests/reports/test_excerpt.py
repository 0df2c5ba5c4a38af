"""The words of a long text that a page shows: which, how many, and what is said of the others."""

import json
import re

import pytest
from sample import sample_analysis
from test_page import Reader

from reports.analysis.excerpt import excerpt
from reports.analysis.page import render
from reports.analysis.quote import quoted
from reports.analysis.view import sections, seen
from reports.shared.notation import number

LONG = {"causal": True, "layers": 4, "heads": 6, "units": 1100, "pooled": True}


@pytest.fixture(scope="module")
def analysis():
    return sample_analysis(**LONG)


@pytest.fixture(scope="module")
def short(analysis):
    return excerpt(analysis)


@pytest.mark.parametrize("layers, words", [(30, 32_768), (30, 2_048), (12, 8_192)])
def test_the_page_of_a_long_text_stays_under_two_megabytes(layers, words):
    """Its tiles are random, so that they can hardly be compressed; trained models' are mostly empty."""
    found = sample_analysis(layers=layers, heads=9, units=words, causal=True, pooled=True, orders=1000)
    html = render(found)
    assert len(found["tokens"]) == words + 1
    assert len(html.encode()) < 2_000_000
    Reader(html)


def test_a_short_text_keeps_every_word():
    found = sample_analysis(units=126, layers=12)
    kept = excerpt(found)
    assert [{key: part for key, part in unit.items() if key != "skipped"} for unit in kept["units"]] == found["units"]
    assert kept["words"] == 126 and {unit["skipped"] for unit in kept["units"]} == {0}
    assert kept["run"] == found["run"] and kept["shown_tokens"] == list(range(128))
    text = Reader(render(found)).text()
    assert "not shown" not in text and "too many for a page" not in text


def places(analysis, short):
    """Where the words that are kept stand among all, by their place in the text."""
    by_start = {unit["start"]: index for index, unit in enumerate(analysis["units"])}
    return [by_start[unit["start"]] for unit in short["units"]]


def test_what_is_kept_is_what_counts(analysis, short):
    kept = places(analysis, short)
    assert 400 < len(kept) < 700 and kept == sorted(set(kept)) and short["words"] == 1100
    assert {*range(20), *range(1080, 1100)} <= set(kept)
    for entry in analysis["maps"]:
        ranked = sorted(range(1100), key=lambda unit: -entry["scores"][unit])
        assert set(ranked[:10]) <= set(kept)
        if entry["signed"]:
            assert set(ranked[-10:]) <= set(kept)
    for layer in analysis["rollout"]["layers"]:
        assert layer.index(max(layer)) in kept


def test_numbers_and_ranks_are_those_among_all_words(analysis, short):
    kept = places(analysis, short)
    for entry, whole in zip(short["maps"], analysis["maps"], strict=True):
        assert entry["scores"] == [whole["scores"][place] for place in kept]
        for score, rank in zip(entry["scores"], entry["ranks"], strict=True):
            higher = sum(other > score for other in whole["scores"])
            assert higher < rank <= higher + whole["scores"].count(score)
    for layer, whole, total in zip(
        short["rollout"]["layers"], analysis["rollout"]["layers"], short["rollout"]["totals"], strict=True
    ):
        assert layer == [whole[place] for place in kept] and total == pytest.approx(sum(whole))


def test_every_word_is_shown_or_counted_as_left_out(analysis, short):
    ((_, pieces),) = sections(short)
    assert sum(piece.left_out for piece in pieces) + len(short["units"]) == 1100
    for which in (pieces, quoted(seen(short), [("", pieces)])[0][1]):
        counted, total = [], 0
        for piece in which:
            if piece.unit is not None:
                total += 1
            total += piece.left_out
            counted.append(piece.left_out)
        assert total == 1100 and any(counted)
    assert [piece.unit for piece in pieces if piece.unit is not None] == list(range(len(short["units"])))


def test_the_first_screen_quotes_the_marked_words_and_little_else(analysis):
    html = render(analysis)
    quote = re.search(r"<blockquote.*?</blockquote>", html, re.DOTALL)[0]
    assert quote.count("<mark") == 6 and 20 < quote.count("<bdi>") < 80
    assert len(re.findall(r"words? not shown", quote)) > 3


def test_the_page_says_what_was_left_out(analysis, short):
    text = Reader(render(analysis)).text()
    shown = len(short["units"])
    assert f"The text has 1,100 words, too many for a page. Shown are {shown}: those that a map ranks first" in text
    assert f"Only the {shown} words that this page shows have a column; {1100 - shown} others have none." in text
    assert "Ranks are among all words. The JSON (--json) has the numbers of every word." in text
    assert "A long text in the command is shortened here; the JSON has the command as a whole." in text
    command = analysis["run"]["command"]
    assert f"{command[:600]} […{len(command) - 1200} characters left out…] {command[-600:]}" in text


def test_the_strongest_words_of_all_are_in_the_table(analysis):
    html = render(analysis)
    table = re.search(r'<h3 id="side">.*?</table>', html, re.DOTALL)[0]
    for entry in analysis["maps"]:
        assert max(entry["scores"], key=abs) in entry["scores"]
    rows = re.findall(r'<tr data-unit="(\d+)"', table)
    assert len(rows) == len(excerpt(analysis)["units"])


def test_the_analysis_keeps_every_number(analysis):
    before = json.dumps(analysis)
    render(analysis)
    assert json.dumps(analysis) == before


def test_both_texts_keep_their_ends_and_the_answer():
    found = sample_analysis(answers=True, units=1500, layers=2, heads=2, pooled=True)
    found["parts"] = [{"name": "question", "start": 0}, {"name": "context", "start": found["units"][300]["start"]}]
    kept = places(found, excerpt(found))
    assert {*range(20), *range(280, 320), *range(1480, 1500), 750, 751} <= set(kept)
    (question, _), (context, pieces) = sections(excerpt(found))
    assert (question, context) == ("question", "context")
    assert sum(piece.is_answer for piece in pieces) == 2


def test_tokens_in_the_table_are_those_of_the_words_and_special_ones():
    found = sample_analysis(units=1500, layers=2, heads=2, pooled=True)
    kept = excerpt(found)
    wanted = {0, 1501, *(position for unit in kept["units"] for position in unit["tokens"])}
    assert kept["shown_tokens"] == sorted(wanted)
    text = Reader(render(found)).text()
    assert "The same for every token of these words, special ones included" in text
    assert number(found["maps"][0]["tokens"][0]) in text


def test_a_few_words_between_two_places_are_shown_rather_than_counted():
    found = sample_analysis(**LONG)
    for entry in found["maps"]:
        for place in (300, 308, 500, 509, 700, 710):  # one, two and three words lie between what stands around them
            entry["scores"][place] += 100
    kept = set(places(found, excerpt(found)))
    assert {*range(297, 312), *range(497, 513), *range(697, 714)} <= kept
