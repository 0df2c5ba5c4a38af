"""Agreement of explanations with marked words: of one text, of columns in every form, and over a study."""

import copy
import json
import re
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from saved_models import save_bert, save_gpt2

import interpret
from analyses import Attribution, evidence_agreement, explain, marked_units, read_rows
from analyses.data_sets.evidence_column import places_of
from analyses.evidence.over_texts import evidence_over_texts
from analyses.evidence.overlap import Overlap, overlap
from analyses.explanations.built_in import TRIVIAL_ORDERS
from analyses.explanations.every_method import explained
from analyses.studies.evidence.columns import evidence_columns
from analyses.studies.fingerprint import fingerprint_of
from analyses.studies.first_words import ranking_first_words
from analyses.studies.prepared import prepare
from interpret.cli import main
from interpret.cli.study import _single_command, study
from interpret.errors import InputError

TEXT = "The waiter was rude, but the food was wonderful."


def one_line(text):
    return f"^{re.escape(text)}$"


@pytest.fixture(scope="module")
def subject():
    return interpret.load()


def test_each_map_is_measured_against_the_marked_words(subject):
    example = subject.encode(TEXT)
    place = TEXT.index("wonderful")
    marked = marked_units(example, [(place, place + 3)])  # a part of a word marks it
    assert [unit.text for unit, mark in zip(example.units, marked, strict=True) if mark] == ["wonderful"]
    maps = [explain(subject, example, method) for method in ("saliency", "leave-one-out")]
    found = evidence_agreement(maps, marked, selected=2)
    for each in maps:
        wanted = overlap(each.scores.double().numpy(), np.array(marked), selected=2)
        assert found.of(each.method) == wanted
    assert found.chance.precision == pytest.approx(1 / 11) and found.chance.mass == pytest.approx(1 / 11)
    assert found.to_frame()["method"].tolist() == ["saliency", "leave-one-out", "random orders"]


def test_what_is_marked_wrongly_is_refused(subject):
    example = subject.encode(TEXT)
    scores = Attribution.from_scores("mine", example, range(11))
    message = "marked must say of each unit whether it is evidence: mine has 11 units, and 2 marks came"
    with pytest.raises(InputError, match=one_line(message)):
        evidence_agreement([scores], [True, False])
    message = "some units must be marked and others not, so that there is something to find; 0 of 11 are"
    with pytest.raises(InputError, match=one_line(message)):
        evidence_agreement([scores], [False] * 11)
    message = "maps must be at least one, each with a name of its own, not ['mine', 'mine']"
    with pytest.raises(InputError, match=one_line(message)):
        evidence_agreement([scores, scores], [True] + [False] * 10)
    found = evidence_agreement([scores], [True] + [False] * 10)
    with pytest.raises(InputError, match=one_line("there is no explanation 'yours'; there are mine")):
        found.of("yours")


FORMS = [
    ([0, 1, 0, 1], ["A", "good", ",", "film"], "A good , film", ["good", "film"]),
    ("[0, 1, 0, 1]", '["A", "good", ",", "film"]', "A good , film", ["good", "film"]),
    ("0 1 1", "  A good, film", "A good, film", ["good,", "film"]),
    ([True, False], "A film", "A film", ["A"]),
    ([[4, 8]], "  A good, film ", "A good, film", ["good"]),
    ("[[0, 1], [2, 6]]", "A good, film", "A good, film", ["A", "good"]),
    ("good", "A good, goodly film", "A good, goodly film", ["good"]),
    ("good, goodly", "A good, goodly film", "A good, goodly film", ["good, goodly"]),
    ('["A", "film"]', "A good film", "A good film", ["A", "film"]),
    ("(", ["A", "(", "good", ")", "film"], "A ( good ) film", ["("]),
    ("", "A film", "A film", []),
    (None, "A film", "A film", []),
    ([0, 0], "A film", "A film", []),
    (float("nan"), "A film", "A film", []),
    ("[0 1 0 1]", "['A', 'good', ',', 'film']", "A good , film", ["good", "film"]),  # as NumPy and Python write them
    ("['good', 'film']", "A good film", "A good film", ["good", "film"]),
    ("Good", "A good film", "A good film", ["good"]),
    ("Good", "Good, a good film", "Good, a good film", ["Good"]),
]


@pytest.mark.parametrize(("evidence", "given", "text", "words"), FORMS)
def test_every_form_of_evidence_is_found_by_characters(evidence, given, text, words):
    places = places_of(evidence, given, text, "here")
    assert [text[first:last] for first, last in places] == words


def test_a_word_that_is_missing_or_there_twice_has_no_place():
    assert places_of("bad", "A good film", "A good film", "here") is None
    assert places_of("good", "A good, good film", "A good, good film", "here") is None
    assert places_of("oo", "A good film", "A good film", "here") is None
    assert places_of("Good", "A good, gOOd film", "A good, gOOd film", "here") is None


FORMS_WANTED = (
    "give a list of 0 and 1, one for each word; places as [[first character, one past the last], ...]; or the words "
    "themselves"
)


@pytest.mark.parametrize(
    ("evidence", "message"),
    [
        (
            [0, 1],
            "row 3 marks 2 words, and its text has 3; give one 0 or 1 for each word between spaces, or the text as a "
            "list of words",
        ),
        (
            [[2, 40]],
            "row 3 marks the characters 2 to 40, which are no part of its text of 11 characters; count from 0, and "
            "give one past the last",
        ),
        ([[2, 6], 3], f"row 3 has 3 for evidence; {FORMS_WANTED}"),
        (7, f"row 3 has int for evidence; {FORMS_WANTED}"),
        ([0, 2, 0], "row 3 marks a word with 2; give 1 for each word that must decide, and 0 for others"),
        ([0, 1, 0.5], "row 3 marks a word with 0.5; give 1 for each word that must decide, and 0 for others"),
    ],
)
def test_evidence_that_does_not_fit_its_text_is_refused_with_its_row(evidence, message):
    with pytest.raises(InputError, match=one_line(message)):
        places_of(evidence, "A good film", "A good film", "row 3")


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_rows_keep_their_evidence_and_their_choices(tmp_path):
    data = lines(
        tmp_path / "data.jsonl",
        {"text": ["A", "good", "film"], "marks": [0, 1, 0], "target": "one", "other": "two"},
        {"text": ["A", "bad", "film"], "marks": "bad", "target": "two", "other": "one"},
        {"text": ["A", "bad", "film"], "marks": "worse", "target": "one", "other": "two"},
    )
    rows = read_rows(data, evidence_column="marks", choice_columns=("target", "other"))
    assert rows.texts == ("A good film", "A bad film", "A bad film")
    assert rows.evidence == (((2, 6),), ((2, 5),), None)
    assert rows.choices == (("one", "two"), ("two", "one"), ("one", "two"))
    assert rows.labels == (None, None, None)  # the column "target" has another use
    (note,) = (note for note in rows.notes if note.kind == "unknown evidence")
    assert note.which == (3,)
    assert note.text == "1 row whose evidence isn't in the text, or is there several times: not compared with it."
    assert rows.chosen([1]).evidence == (((2, 5),),) and rows.chosen([1]).choices == (("two", "one"),)
    assert rows.sha256() != read_rows(data, evidence_column="marks").sha256()
    message = (
        f"the evidence in column 'other' of {data} stands in none of the texts exactly once; give a column of words "
        "that do, of 0 and 1 for each word, or of places"
    )
    with pytest.raises(InputError, match=one_line(message)):
        read_rows(data, evidence_column="other")


def test_means_and_differences_are_of_texts():
    values = np.array([[[0.2], [0.8]], [[0.4], [0.6]], [[0.3], [np.nan]]])
    found = evidence_over_texts(
        values, np.full((3, 1), 0.1), methods=["a", "b"], measures=["f1"], left_out=[None, "why"], marked=0.2, main="f1"
    )
    assert [each.method for each in found.methods] == ["b", "a"] and found.reference == "a"
    found = replace(found, methods=found.methods[::-1])
    assert found.methods[0].means["f1"].mean == pytest.approx(0.3)
    assert found.methods[0].above_chance["f1"].mean == pytest.approx(0.2)
    assert found.methods[1].above_reference["f1"].mean == pytest.approx(0.4)  # of the texts that have both
    assert (found.methods[1].means["f1"].count, found.methods[1].left_out) == (2, "why")
    assert found.chance["f1"].mean == pytest.approx(0.1)


def test_each_map_is_held_against_the_best_order_that_knows_nothing_of_the_model():
    choose = np.random.default_rng(0)
    a, b, early, late = choose.random((4, 9)) + np.array([[0.9], [0.0], [-0.5], [0.2]])
    chance = choose.random(9)

    def summarised(*floors):
        values = np.stack([a, b, early, late], axis=1)[:, :, None]
        return evidence_over_texts(
            values,
            chance[:, None],
            methods=["a", "b", "early", "late"],
            measures=["average_precision"],
            left_out=[None] * 4,
            marked=0.2,
            floors=frozenset(floors),
        )

    found = summarised("early", "late")
    by_name = {each.method: each for each in found.methods}
    assert found.floor == "late" and [each.method for each in found.methods] == ["a", "late", "b", "early"]
    assert [name for name, each in by_name.items() if each.is_floor] == ["late", "early"]
    assert by_name["late"].above_floor is None
    signs = np.array(list(product((-1, 1), repeat=9)))  # every way to turn the signs
    p_values = {}
    for name, values in (("a", a), ("b", b)):
        lead = values - late
        assert by_name[name].above_floor.interval.mean == pytest.approx(lead.mean())
        p_values[name] = np.mean(np.abs(signs @ lead) >= abs(lead.sum()) - 1e-12)
        assert by_name[name].above_floor.p_value == pytest.approx(p_values[name], abs=0.03)
    assert by_name["a"].above_floor.adjusted == pytest.approx(min(1.0, 2 * by_name["a"].above_floor.p_value))
    assert by_name["a"].above_floor.is_clear(0.05) and not by_name["b"].above_floor.is_clear(0.05)
    alone = summarised("early")
    assert chance.mean() > early.mean() and alone.floor == "random orders"
    lead = next(each.above_floor.interval.mean for each in alone.methods if each.method == "late")
    assert lead == pytest.approx((late - chance).mean())


def test_a_study_compares_every_map_with_the_marked_words(tmp_path, subject):
    data = lines(
        tmp_path / "data.jsonl",
        {"text": TEXT, "label": "positive", "marks": "wonderful"},
        {"text": "A gripping, funny and moving film.", "label": "positive", "marks": ["gripping", "funny"]},
        {"text": "It is what it is.", "label": "negative", "marks": ""},
    )
    folder = tmp_path / "study"
    arguments = ["study", str(data), "--evidence", "marks", "--methods", "usual", "--out", str(folder), "--no-texts"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads((folder / "summary.json").read_text())
    evidence = found["evidence"]
    assert evidence["texts"] == 2 and evidence["reference"] == "last-layer attention"
    assert evidence["marked"] == pytest.approx((1 / 11 + 2 / 8) / 2)
    own = next(each for each in evidence["methods"] if each["method"] == "leave-one-out")
    wanted = []
    for text, words in ((TEXT, ["wonderful"]), ("A gripping, funny and moving film.", ["gripping", "funny"])):
        example = subject.encode(text)
        marked = [unit.text in words for unit in example.units]
        scores = explain(subject, example, "leave-one-out", eraser="delete").scores.double().numpy()
        wanted.append(overlap(scores, np.array(marked), selected=max(1, round(evidence["marked"] * len(marked)))))
    for measure in Overlap.names():
        mean = np.mean([getattr(each, measure) for each in wanted])
        assert own["means"][measure]["mean"] == pytest.approx(mean, abs=1e-5)
    assert "2 texts with marked words, 17% of their words on average" in result.stdout
    assert "1 row without a marked word: not compared with evidence." in result.stdout
    page = (folder / "report.html").read_text()
    assert "Which map finds the words that must decide?" in page
    assert "Finding these words says nothing about faithfulness, and it is no part of the answer." in page


def test_a_study_of_choices_follows_the_first_token_by_which_two_words_differ(tmp_path):
    save_gpt2(tmp_path / "gpt2")
    writer = interpret.load(tmp_path / "gpt2")
    data = lines(
        tmp_path / "data.jsonl",
        {"text": "The cat sat on the", "good": "mat", "bad": "boat", "marks": "cat"},
        {"text": "Nobody at the harbour knew", "good": "why", "bad": "what", "marks": "Nobody"},
    )
    rows = read_rows(data, evidence_column="marks", choice_columns=("good", "bad"))
    prepared = prepare(writer, rows, methods=["input x gradient"], sink="drop")
    for row, text in enumerate(prepared.rows.texts):
        example = prepared.examples[row]
        good, bad = (
            writer.tokenizer.encode(f"{text} {word}", add_special_tokens=False).ids
            for word in prepared.rows.choices[row]
        )
        first = next(place for place, pair in enumerate(zip(good, bad, strict=False)) if pair[0] != pair[1])
        assert example.ids.tolist() == good[:first]
        with torch.no_grad():
            logits = writer.model(input_ids=torch.tensor([good[:first]])).logits[0, -1]
        chooser = prepared.subject_of(row)
        assert chooser.decide(example).margin == pytest.approx(
            float(logits[good[first]] - logits[bad[first]]), abs=1e-4
        )
    cat = prepared.rows.texts.index("The cat sat on the")
    decision = prepared.subject_of(cat).decide(prepared.examples[cat])
    names = [method.name for method in prepared.evidence.methods]
    found = explained(prepared.subject_of(cat), prepared.examples[cat], decision, names)
    columns = evidence_columns(prepared.evidence, cat, found)
    assert columns["evidence_methods"] == ["last-layer attention", "input x gradient", *TRIVIAL_ORDERS]
    assert columns["evidence_families"] == ["attention", "gradient", *["baseline"] * 4]
    assert columns["evidence_left_out"] == [None] * 6 and None not in columns["evidence_mass"]
    (note,) = (note for note in prepared.notes if note.kind == "unranked evidence")
    assert note.which == (2,) and note.text == (
        "1 row whose marked words aren't ranked: not compared with evidence. A causal model's first word is ranked "
        "with --sink keep (sink='keep' in Python)."
    )


FIRST_SAID = (
    "1 row whose first word is marked: the first word of every text is ranked, as with --sink keep. A causal model "
    "parks attention there, so a map must find more than “earlier first” does. With --sink drop first words are left "
    "out."
)


def test_first_words_that_are_marked_are_ranked_in_every_text(gpt2, tmp_path):
    data = lines(
        tmp_path / "data.jsonl",
        {"text": "The cat sat on the", "good": "mat", "bad": "boat", "marks": "cat"},
        {"text": "Nobody at the harbour knew", "good": "why", "bad": "what", "marks": "Nobody"},
    )
    rows = read_rows(data, evidence_column="marks", choice_columns=("good", "bad"))
    found = prepare(gpt2, rows)
    assert (found.subject.sink, gpt2.sink) == ("keep", "drop")  # the caller's model isn't changed
    assert [example.units[0].text for example in found.examples] == [text.split()[0] for text in found.rows.texts] and {
        text.split()[0] for text in found.rows.texts
    } == {"The", "Nobody"}
    assert None not in found.evidence.marks and found.evidence.marks[found.rows.numbers.index(2)][0]
    (note,) = (note for note in found.notes if "evidence" in note.kind or note.kind == "first word")
    assert (note.kind, note.which, note.text) == ("first word", (2,), FIRST_SAID)
    assert fingerprint_of(found)["model"]["sink"] == "keep"
    for others in (rows.chosen([0]), replace(rows, evidence=())):  # no first word is marked
        assert all(note.kind != "first word" for note in _notes(gpt2, others))


def _notes(subject, rows):
    chosen, notes = ranking_first_words(subject, rows, None)
    assert chosen is subject
    return notes


def test_first_words_are_as_was_said_where_it_was_said(gpt2, subject, tmp_path):
    data = lines(
        tmp_path / "data.jsonl",
        {"text": "Nobody at the harbour knew", "good": "why", "bad": "what", "marks": "Nobody"},
        {"text": "Someone at the harbour knew", "good": "why", "bad": "what", "marks": "Someone"},
    )
    rows = read_rows(data, evidence_column="marks", choice_columns=("good", "bad"))
    assert ranking_first_words(gpt2, rows, "keep")[0].sink == "keep"
    assert ranking_first_words(gpt2, rows, "drop") == (gpt2, ())
    assert ranking_first_words(subject, rows, None) == (subject, ())  # reads both ways, and has a special token first
    both_ways = copy.copy(gpt2)
    both_ways.is_causal = False
    assert ranking_first_words(both_ways, rows, None) == (both_ways, ())  # nothing was left out
    with pytest.raises(InputError, match=one_line('sink must be "drop" or "keep", not \'hold\'')):
        ranking_first_words(gpt2, rows, "hold")
    message = (
        "none of the 2 texts can be compared with evidence (unranked evidence: 2); mark some of the words that are "
        "ranked, not all of them, and rank a causal model's first words with --sink keep (sink='keep' in Python)"
    )
    with pytest.raises(InputError, match=one_line(message)):
        prepare(gpt2, rows, sink="drop")


def test_a_study_of_marked_first_words_says_so_and_what_it_means(tmp_path):
    save_gpt2(tmp_path / "gpt2")
    rows = ({"text": text, "marks": text.split()[0]} for text in ("Nobody at the harbour", "Someone near the door"))
    data, out = lines(tmp_path / "data.jsonl", *rows), tmp_path / "out"
    arguments = ["study", str(data), "--model", str(tmp_path / "gpt2"), "--evidence", "marks", "--methods", "none"]
    result = CliRunner().invoke(main, [*arguments, "--out", str(out), "--no-texts"])
    assert result.exit_code == 0, result.output
    assert FIRST_SAID.replace("1 row", "2 rows") in result.stdout
    summary = json.loads((out / "summary.json").read_text())
    assert summary["study"]["model"]["sink"] == "keep" and summary["ranking"] is None
    assert {each["method"] for each in summary["evidence"]["methods"] if each["is_floor"]} == set(TRIVIAL_ORDERS)
    first = "an order that knows nothing of the model (1.00"
    assert f"No map is clearly better than “earlier first”, {first}" in result.stdout
    assert f"No map is clearly better than “earlier first”, {first}" in (out / "report.html").read_text()


@pytest.mark.parametrize(
    ("asked", "ranked", "command"),
    [([], "drop", []), ([], "keep", ["--sink", "keep"]), (["--sink=keep"], "keep", ["--sink", "keep"])],
)
def test_the_command_on_one_text_of_a_study_ranks_the_same_words(asked, ranked, command):
    with study.make_context("study", ["data.csv", "--out", "out", *asked]) as context:
        assert _single_command(context, ranked) == ["interpret", "analyze", *command, "--"]


def test_a_study_of_two_labels_counts_only_texts_that_have_one_of_them(tmp_path):
    names = dict(enumerate("abc"))
    save_bert(tmp_path / "bert", num_labels=3, id2label=names, label2id={})
    data = lines(
        tmp_path / "data.jsonl",
        {"text": "The cat sat on the mat", "label": "a"},
        {"text": "Nobody at the harbour knew why", "label": "b"},
        {"text": "The bread was dry", "label": "c"},
    )
    rows = read_rows(data).with_choice("c", "a")
    prepared = prepare(interpret.load(tmp_path / "bert"), rows)
    labels = dict(zip(prepared.rows.texts, prepared.rows.labels, strict=True))
    assert labels == {
        "The cat sat on the mat": "a",
        "Nobody at the harbour knew why": None,
        "The bread was dry": "c",
    }
    assert len({id(prepared.subject_of(row)) for row in range(3)}) == 1  # measured together


def test_words_that_part_nowhere_are_refused(gpt2):
    message = (
        f"{gpt2.name} reads 'mat' and 'mat.' with no token at which they part; give them with the word or mark that "
        "follows"
    )
    with pytest.raises(InputError, match=one_line(message)):
        gpt2.choice("The cat sat on the", "mat", "mat.")


def test_a_study_that_is_left_without_rows_says_why_the_first_was_refused(gpt2, tmp_path):
    data = lines(tmp_path / "data.jsonl", *({"text": f"The {word} sat on the", "a": "mat"} for word in ("cat", "dog")))
    message = (
        f"the data set has no rows that can be used (refused: 2; the first was refused because {gpt2.name} reads 'mat' "
        "and 'mat' with no token at which they part; give them with the word or mark that follows); a study needs at "
        "least 2, and a verdict 50"
    )
    with pytest.raises(InputError, match=one_line(message)):
        prepare(gpt2, read_rows(data, choice_columns=("a", "a")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "good"], "--target and --against go together; give both, or none of them"),
        (["--target-column", "good"], "--target-column and --against-column go together; give both, or none of them"),
        (
            ["--target", "a", "--against", "b", "--target-column", "a", "--against-column", "b"],
            "--target is about all texts and --target-column about each; give one of them",
        ),
    ],
)
def test_half_a_choice_is_refused(arguments, message, tmp_path):
    result = CliRunner().invoke(main, ["study", "data.csv", "--out", str(tmp_path / "out"), *arguments])
    assert result.stderr == f"Error: {message}\n"
