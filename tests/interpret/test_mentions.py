"""Words are found by how they read, and by a number where there are several."""

import pytest
import torch
from saved_models import random_model, save_tokenizer, word_pieces
from subjects_for_tests import tiny_bert

import interpret
from analyses.decision.analyze import analyze
from analyses.heads.word_pairs import word_pairs
from interpret.errors import InputError
from interpret.subjects.inputs.example import Example
from interpret.subjects.inputs.mentions import find_mention, mention_names
from interpret.subjects.inputs.words import find_units

LABELS = {0: "O", 1: "B-LOC", 2: "I-LOC"}


def example_of(text):
    """A text in which every character is a token."""
    spans = [(place, place + 1) for place in range(len(text))]
    units = find_units(text, spans, [False] * len(text))
    return Example(text, torch.arange(len(text)), tuple(text), units, spans=tuple(spans))


@pytest.mark.parametrize(
    ("text", "name", "start"),
    [
        ("paris is not Paris or paris", "paris", 0),
        ("paris is not Paris or paris", "Paris", 13),
        ("paris is not Paris or paris", "paris#2", 22),
        ("paris is not Paris or paris", "PARIS#2", 13),  # no such letters: any case
        ("paris is not Paris or paris", "Paris#1", 13),
        ("paris is not Paris or paris", "paris#3", None),
        ("paris is not Paris or paris", "paris#0", None),
        ("he said C# and c#", "C#", 8),
        ("he said C# and c# and C#", "C#2", 22),
        ("he said C# and c# and C#", "C##2", 22),
        ("at 3:15 or 3:15", "3:15#2", 11),
        ("take paris#2 and paris", "paris#2", 5),  # it stands there as it is
        ("New York and New York", "new york#2", 13),
        ("\ufeffThe end", "The", 0),
        ("Straße", "STRASSE", 0),
        ("the end", "e", None),
        ("the end", "", None),
        ("the end", "#2", None),
    ],
)
def test_which_mention_is_meant(text, name, start):
    found = find_mention(example_of(text), name)
    assert (found and found.unit.start) == start
    if found:
        unit = found.unit
        assert unit.text == text[unit.start : unit.end]
        assert unit.tokens == tuple(place for place in range(unit.start, unit.end) if text[place] != " ")


def test_names_find_their_units_and_several_are_told():
    example = example_of("the cat and the dog and the end")
    for name, unit in zip(mention_names(example), example.units, strict=True):
        assert find_mention(example, name).unit == unit
    assert find_mention(example, "the").remark == (
        "“the” stands in the text 3 times; the first is meant, and the#2 to the#3 would be the others."
    )
    assert find_mention(example, "the#2").remark == "" and find_mention(example, "cat").remark == ""


def test_a_tagger_explains_the_mention_that_is_named(tmp_path):
    plain = random_model("tagging", "bert", word_pieces(), num_labels=3, id2label=LABELS)
    plain.save_pretrained(tmp_path)
    save_tokenizer(tmp_path, word_pieces(), mask_token="[MASK]")
    subject = interpret.load(tmp_path)
    example = subject.encode("the cat sat on the mat at 3:15")
    with torch.no_grad():
        scores = plain(input_ids=example.ids[None]).logits[0]
    for target, place in (("the", 0), ("the#2", 4), ("the#2: I-LOC", 4), ("3:15", 7), ("3:15: I-LOC", 7)):
        one = subject.about(example, target)
        own = scores[example.units[place].tokens[0]]
        decision = one.decide(example, target)
        wanted = "I-LOC" if target.endswith("I-LOC") else LABELS[int(own.argmax())]
        assert decision.label == wanted and decision.place[0] == example.units[place].start
        assert decision.probability == pytest.approx(float(own.softmax(0)[decision.target]), abs=1e-6)
        assert bool(one.remarks) == (target == "the")
    with pytest.raises(InputError, match=r"'the#3' names no word of this text.*'#2' after it is the second$"):
        subject.about(example, "the#3")
    found = analyze(subject, "the cat sat on the mat", target="the", effort="quick").to_dict()
    assert any(
        each.startswith("“the” stands in the text 2 times; the first is meant, and the#2") for each in found["caveats"]
    )


def test_pairs_of_mentions():
    subject = tiny_bert()
    example = subject.encode("the plot is slow but the cast is warm")
    decision = subject.decide(example)
    found = word_pairs(subject, example, decision, word="cast", first="the#2", second="the", draws=3)
    swapped = word_pairs(subject, example, decision, word="cast", first="the", second="the#2", draws=3)
    assert torch.equal(found.first, swapped.second) and not torch.equal(found.first, found.second)
    assert (
        found.remarks
        == swapped.remarks
        == ("“the” stands in the text 2 times; the first is meant, and the#2 would be the others.",)
    )
    with pytest.raises(InputError, match=r"^the text has no word 'is#3'; its words are: the, plot, is, .*is#2"):
        word_pairs(subject, example, decision, word="cast", first="is#3", second="the")
