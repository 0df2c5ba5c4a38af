"""Leave-one-out against the closed form of a linear model and texts that really lack the word."""

import pytest
import torch
from subjects_for_tests import SENTENCE, LinearSubject, tiny_bert, tiny_llama

from analyses.explanations.input_edits.leave_one_out import leave_one_out
from interpret.errors import InputError


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("eraser", ["mask", "delete"])
def test_a_linear_model_loses_what_the_word_added(eraser, target):
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    instead = subject.token_margin("[MASK]", target) if eraser == "mask" else 0
    expected = [
        sum(subject.token_margin(example.tokens[token], target) - instead for token in unit.tokens)
        for unit in example.units
    ]
    found = leave_one_out(subject, example, subject.decide(example, f"label {target}"), eraser=eraser)
    assert found.scores.tolist() == pytest.approx(expected, abs=1e-5)
    assert (found.method, found.family, found.signed, found.notes) == ("leave-one-out", "perturbation", True, {})


def margin_of(logits, target):
    values = logits[0].tolist()
    return values[target] - max(value for index, value in enumerate(values) if index != target)


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama, lambda: tiny_bert(labels=3)])
def test_deleting_is_reading_the_text_without_the_word(build):
    subject = build()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    found = leave_one_out(subject, example, decision, eraser="delete").scores
    words = SENTENCE.split()
    for index in range(len(words)):
        shorter = subject.encode(" ".join(words[:index] + words[index + 1 :]))
        without = margin_of(subject.logits(shorter.ids[None]), decision.target)
        assert found[index].item() == pytest.approx(decision.margin - without, abs=1e-4)


def test_masking_keeps_the_length():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    found = leave_one_out(subject, example, decision, eraser="mask").scores
    words = SENTENCE.split()
    for index, word in enumerate(words):
        masks = "_".join(["[MASK]"] * len(word.split("_")))
        masked = subject.encode(" ".join([*words[:index], masks, *words[index + 1 :]]))
        without = margin_of(subject.logits(masked.ids[None]), decision.target)
        assert found[index].item() == pytest.approx(decision.margin - without, abs=1e-4)


def test_tokens_share_their_units_score():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    found = leave_one_out(subject, example, subject.decide(example), eraser="mask")
    assert torch.allclose(example.pool(found.tokens), found.scores, atol=1e-6)
    three = next(index for index, unit in enumerate(example.units) if len(unit.tokens) == 3)
    shares = found.tokens[list(example.units[three].tokens)].tolist()
    assert shares == pytest.approx([found.scores[three].item() / 3] * 3)
    assert found.tokens[list(example.separators)].tolist() == [0, 0]


def test_an_eraser_that_the_model_lacks_is_refused():
    subject = LinearSubject(mask=False)
    example = subject.encode(SENTENCE)
    with pytest.raises(InputError, match=r"^toy can remove words by delete, not by 'mask'$"):
        leave_one_out(subject, example, subject.decide(example), eraser="mask")
