"""What is ranked: words, or tokens where a text has no words to speak of; and names that say what is measured."""

import json
import re

import pytest
from click.testing import CliRunner
from saved_models import byte_pairs, random_model, save_gpt2
from transformers import PreTrainedTokenizerFast

import interpret
from analyses.data_sets.matching import encoded
from analyses.data_sets.rows import Rows
from analyses.decision.analyze import analyze
from analyses.generation.steps import analyze_steps
from interpret.cli import main
from interpret.errors import InputError
from interpret.subjects.inputs.units import grouped, require_unit_kind
from reports.analysis.page import render
from reports.generation.page import render_steps

DNA = "ACGTTGCAACGTGGCATTACGATCGATCGGATCAACGTTGACGTAC"
LONG = "d41d8cd98f00b204e9800998ecf8427e" * 2
BY_TOKEN = "Each token is ranked by itself, for the text has no words to speak of; where words are spoken of here"


def kind_of(text, size):
    """What units are under a tokenizer that cuts every `size` characters of what stands between spaces."""
    spans = [
        (start, min(start + size, word.end()))
        for word in re.finditer(r"\S+", text)
        for start in range(word.start(), word.end(), size)
    ]
    return grouped("word", text, spans, [False] * len(spans))[0]


@pytest.mark.parametrize(
    ("text", "size", "kind"),
    [
        (DNA, 3, "token"),
        ("MKTVRQERLK", 1, "token"),  # a peptide
        ("c1ccccc1CCO", 1, "token"),  # SMILES
        ("aGVsbG8gd29ybGQhIEhvdyBhcmUgeW91/VGhpcyBpcyBhIGxvbmc+c3RyaW5nIG9m", 2, "token"),  # base64
        ("returnsomething(withoutanyspaces)", 4, "token"),
        (f"sequence: {DNA}", 3, "token"),
        (f">sp|P1|NAME\n{DNA}\n{DNA}", 3, "token"),  # FASTA
        ("unhappy people", 1, "word"),
        ("Donaudampfschifffahrt? Gesellschaftskapitän!", 2, "word"),
        ("ACG", 1, "word"),  # of three tokens no order can be told either
        ("The file has the checksum " + LONG, 2, "word"),
        ("see https://example.org/a/very/long/address?with=many&parts=1 for all of it", 3, "word"),
        ("https://example.org/a/b", 1, "word"),
        ("我爱北京天安门", 1, "word"),  # each character is a unit
        ("ACGTTG CGTTGC GTTGCA TTGCAA TGCAAC", 2, "word"),  # k-mers
    ],
)
def test_texts_without_words_are_ranked_by_tokens(text, size, kind):
    assert kind_of(text, size) == kind


def test_parts_of_characters_are_no_reason_to_rank_tokens(gpt2):
    gpt2.sink = "keep"
    example = gpt2.encode("我爱北京")
    assert example.unit_kind == "word" and [unit.text for unit in example.units] == [*"我爱北京"]
    gpt2.units = "token"
    names = [unit.text for unit in gpt2.encode("我爱北京").units]
    assert names[:3] == ["我 (1 of 3)", "我 (2 of 3)", "我 (3 of 3)"] and len(names) == len(set(names)) == 12


def test_the_first_word_of_a_causal_model_is_left_out_as_a_whole(gpt2, llama):
    text = "Zürich is cold"
    pieces = gpt2.encode(text).spans
    assert sum(stop <= len("Zürich") for _, stop in pieces) > 1
    assert [unit.text for unit in gpt2.encode(text).units] == ["is", "cold"]
    assert any("The first word, “Zürich”, isn't ranked as a whole" in each for each in gpt2.encode(text).remarks)
    assert [unit.text for unit in llama.encode(text).units] == ["Zürich", "is", "cold"]  # <s> stands first
    gpt2.units = "token"
    assert [unit.tokens for unit in gpt2.encode(text).units] == [(place,) for place in range(1, len(pieces))]


def test_a_word_is_called_by_what_is_left_of_it(llama):
    whole = llama.continuation("The cat", "Zürich 🦮 forgetful")
    seen = set()
    for example in whole.examples:
        last = example.units[-1]
        decoded = llama.tokenizer.decode([int(example.ids[token]) for token in last.tokens]).strip()
        name, _, number = last.text.partition(" (")
        assert decoded.startswith("�") or decoded.rstrip("�") in (name, name[:-1]), last
        assert bool(number) == ("�" in decoded)
        seen.add(last.text)
    assert {"Z", "Zü (1 of 2)", "Zü", "🦮 (1-2 of 4)", "🦮"} <= seen, seen


@pytest.mark.parametrize("units", ["word", "token"])
def test_a_text_that_is_cut_through_a_character_says_so(gpt2, units):
    gpt2.units, gpt2.longest = units, 0
    text = "The cat 🦮 sat"
    ids = gpt2.tokenizer.encode(text).ids
    cuts = {}
    for gpt2.longest in range(2, len(ids)):
        gpt2.__dict__.pop("_cutting_tokenizer", None)
        example = gpt2.encode(text, truncate=True)
        assert example.ids.tolist() == ids[: gpt2.longest]
        cuts[gpt2.longest] = [unit.text for unit in example.units][-1:]
    parts = [name for names in cuts.values() for name in names if "🦮" in name]
    of = {"word": ["🦮 (1 of 4)", "🦮 (1-2 of 4)", "🦮 (1-3 of 4)", "🦮"]}
    assert parts[:4] == of.get(units, [f"🦮 ({part} of 4)" for part in range(1, 5)])


def test_continuations_that_begin_inside_a_word_are_told(llama):
    def said(text, continuation):
        return " ".join(llama.continuation(text, continuation).examples[0].remarks)

    told = "What follows was taken to begin with a word of its own, “ing”, and a space was put before it"
    assert told in said("The cat was runn", "ing now")
    assert not said("The cat was", " running now") and not said("The cat was", ", it said")
    found = analyze_steps(llama, "The cat was runn", "ing", verdicts=False).to_dict()
    assert any(each.startswith(told) for each in found["caveats"])


def test_reports_say_that_tokens_are_ranked_and_why(bert, llama):
    found = analyze(bert, DNA, effort="quick").to_dict()
    assert found["unit_kind"] == "token" and found["model"]["units_policy"] == "word"
    assert len(found["units"]) == len(found["tokens"]) - 2
    assert any(each.startswith(BY_TOKEN) for each in found["caveats"]) and BY_TOKEN in render(found)
    llama.units = "token"
    steps = analyze_steps(llama, "The naïve cat", "sat 🦮", verdicts=False).to_dict()
    assert steps["unit_kind"] == "token" and any("as was asked for" in each for each in steps["caveats"])
    assert "🦮 (1 of 4)" in render_steps(steps)


def test_studies_say_how_texts_are_read(bert):
    texts = ("The cat sat on the mat", DNA, "\ufeffThe film was slow at first")
    examples, _, notes = encoded(Rows(texts, (None,) * 3, (1, 2, 3), ()), bert)
    assert [example.unit_kind for example in examples] == ["word", "token", "word"]
    (note,) = [note for note in notes if note.kind == "remarks"]
    assert (note.count, note.which) == (2, (2, 3))
    assert note.text.startswith(f"2 rows with something to know of. The first: {BY_TOKEN}")


def test_the_option(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_gpt2(tmp_path / "gpt2")
    model = ("--model", str(tmp_path / "gpt2"))
    (tmp_path / "text.txt").write_text("The unhappy cat", encoding="utf-8-sig")
    arguments = ["analyze", "--file", "text.txt", *model, "--units", "token", "--quick", "--json", "-"]
    found = json.loads(CliRunner().invoke(main, arguments).stdout)
    assert found["text"] == "The unhappy cat" and found["model"]["units_policy"] == "token"
    assert [unit["tokens"] for unit in found["units"]] == [[place] for place in range(1, len(found["tokens"]))]
    assert "--units token" in found["run"]["command"]
    planned = CliRunner().invoke(main, [*arguments[:-3], "--plan"])
    assert planned.exit_code == 0 and planned.stdout.startswith("planned")
    with pytest.raises(InputError, match=r"^units must be word or token, not 'letter'$"):
        require_unit_kind("letter")


def test_special_tokens_of_the_text_itself_are_told_and_not_ranked():
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_pairs(start=True), eos_token="<end>", bos_token="<s>")
    subject = interpret.load(random_model("causal", "llama", byte_pairs(start=True)), tokenizer=tokenizer)
    text = "<s>user\nThe cat sat<end>"
    example = subject.encode(text)
    assert example.ids.tolist() == tokenizer(text).input_ids
    assert [unit.text for unit in example.units] == ["user", "The", "cat", "sat"] and example.has_marks
    assert example.remarks[:2] == (
        "The text has special tokens in it (<s>, <end>): the model reads them as such, and they aren't ranked.",
        "The text begins with <s>, and the tokenizer adds another one: the model reads two, as it does wherever its "
        "tokenizer is called on this text.",
    )
    assert not subject.encode("The cat sat").has_marks
