"""Labels of single words, as transformers gives them."""

import pytest
import torch
from saved_models import byte_pairs, random_model, save_tokenizer, word_pieces

import interpret
from analyses.decision.analyze import analyze
from interpret.errors import InputError
from reports.analysis.page import render

TEXT = "The cat sat on the old mat"
LABELS = {0: "O", 1: "B-LOC", 2: "I-LOC"}


@pytest.fixture
def plain(tmp_path):
    model = random_model("tagging", "bert", word_pieces(), num_labels=3, id2label=LABELS)
    model.save_pretrained(tmp_path)
    save_tokenizer(tmp_path, word_pieces(), mask_token="[MASK]")
    return model


def logits_of(plain, example):
    with torch.no_grad():
        return plain(input_ids=example.ids[None]).logits[0]


def test_the_label_of_a_word_is_that_of_its_first_token(plain, tmp_path):
    subject = interpret.load(tmp_path)
    example = subject.encode(TEXT)
    logits = logits_of(plain, example)
    for unit in example.units[1:]:
        one = subject.about(example, unit.text)
        decision = one.decide(example, unit.text)
        own = logits[unit.tokens[0]]
        assert decision.target == int(own.argmax()) and decision.label == LABELS[decision.target]
        best, second = sorted(own.tolist(), reverse=True)[:2]
        assert decision.margin == pytest.approx(best - second, abs=1e-5)
        assert decision.place == (unit.start, unit.end)
        ids = example.ids[None]
        assert torch.allclose(one.logits_from(one.embed(ids), ids), one.logits(ids), atol=1e-5)
        asked = f"{unit.text}: I-LOC"
        other = subject.about(example, asked).decide(example, asked)
        assert other.label == "I-LOC" and other.probability == pytest.approx(float(own.softmax(0)[2]), abs=1e-6)


def test_by_default_it_is_the_word_that_is_surest_not_to_be_outside(plain, tmp_path):
    subject = interpret.load(tmp_path)
    example = subject.encode(TEXT)
    shares = logits_of(plain, example).softmax(-1)
    best = max(example.units, key=lambda unit: float(shares[unit.tokens[0], 1:].max()))
    assert subject.about(example, None).unit == best


def test_a_masked_word_elsewhere_leaves_the_word_where_it_is(plain, tmp_path):
    subject = interpret.load(tmp_path)
    example = subject.encode(TEXT)
    one = subject.about(example, "mat")
    removed = torch.zeros(1, len(example.units), dtype=torch.bool)
    removed[0, 1] = True
    ids = example.ids.clone()
    ids[list(example.units[1].tokens)] = subject.mask_id
    with torch.no_grad():
        own = plain(input_ids=ids[None]).logits[0, one.unit.tokens[0]]
    found = one.erase(example, removed, target=1, eraser="mask")
    assert found.probability.item() == pytest.approx(float(own.softmax(0)[1]), abs=1e-6)
    assert subject.erasers == ("mask",)


def test_the_report_boxes_the_word(plain, tmp_path):
    html = render(analyze(interpret.load(tmp_path), TEXT, target="mat", effort="quick").to_dict())
    assert html.count(' next"><bdi>mat</bdi></mark>') == 1 and "The model labels the boxed word" in html


@pytest.mark.parametrize("target", ["dog", "dog: O", ""])
def test_a_word_that_is_not_there_is_refused(plain, tmp_path, target):
    subject = interpret.load(tmp_path)
    with pytest.raises(InputError, match=r"names no word of this text; give one, such as 'The', or one with a label"):
        subject.about(subject.encode(TEXT), target)


def test_an_unknown_label_is_refused(plain, tmp_path):
    subject = interpret.load(tmp_path)
    example = subject.encode(TEXT)
    with pytest.raises(InputError, match="has no label 'PER'; its labels are O, B-LOC, I-LOC"):
        subject.about(example, "mat: PER").decide(example, "mat: PER")


def test_without_a_mask_words_can_not_be_taken_out(tmp_path):
    random_model("tagging", "gpt2", byte_pairs()).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, byte_pairs())
    with pytest.raises(InputError, match="has no mask token, by which words are taken out without moving others"):
        interpret.load(tmp_path)
