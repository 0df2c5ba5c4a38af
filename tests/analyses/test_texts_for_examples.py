"""A text may stand for its example and the model's own decision; words are looked up; scores become an attribution."""

import re

import numpy as np
import pytest
import torch
from saved_models import random_model, save_tokenizer, word_pieces

import interpret
from analyses import (
    Attribution,
    HeadEntropy,
    analyze,
    attention_entropy,
    classic_tests,
    explain,
    faithfulness,
    head_gradients,
    head_importance,
    read,
    register,
    unregister,
    word_pairs,
)
from interpret.errors import InputError
from interpret.subjects import forward_pass
from interpret.subjects.subject import Subject

TEXT = "Slow at first, then wonderful."


@pytest.fixture(scope="module")
def subject() -> Subject:
    return interpret.load()


def test_a_text_is_asked_about_as_its_example_and_decision_are(subject: Subject) -> None:
    example = subject.encode(TEXT)
    decision = subject.decide(example)
    assert torch.equal(subject.decide(TEXT).logits, decision.logits)
    assert torch.equal(subject.record(TEXT)[0].stacked(), subject.record(example)[0].stacked())
    pairs = [
        (head_importance(subject, TEXT).drop, head_importance(subject, example, decision).drop),
        (head_gradients(subject, TEXT).drop, head_gradients(subject, example, decision).drop),
    ]
    assert all(torch.equal(one, other) for one, other in pairs)
    words = {"word": "wonderful", "first": "first", "second": "Slow"}
    assert word_pairs(subject, TEXT, **words).fall == word_pairs(subject, example, decision, **words).fall
    tests = [classic_tests(subject, *asked, adversary_steps=5) for asked in ((TEXT,), (example, decision))]
    assert tests[0].to_dict() == tests[1].to_dict()
    maps = [explain(subject, TEXT, "saliency")]
    found = [faithfulness(subject, *asked, maps, orders=100) for asked in ((TEXT, None), (example, decision))]
    assert found[0].to_dict() == found[1].to_dict()


def test_a_method_shares_passes_of_the_word_that_a_tagger_is_asked_about(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    random_model("tagging", "bert", word_pieces(), num_labels=2).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, word_pieces(), mask_token="[MASK]")
    tagger, runs, run = interpret.load(tmp_path), [], forward_pass._run
    monkeypatch.setattr(forward_pass, "_run", lambda *asked: runs.append(asked[0]) or run(*asked))

    @register("reads twice", about="Records the text twice.", gradient_passes=0)
    def reads_twice(subject, example, decision, shared):
        for _ in range(2):
            subject.record(example)
        return Attribution.from_scores("reads twice", example, [0.0] * len(example.units))

    try:
        explain(tagger, "The cat sat on the mat", "reads twice", target="mat")
    finally:
        unregister("reads twice")
    assert len(runs) == 1 and runs[0] is not tagger  # of the one word, whose pass is kept


def test_a_target_is_asked_about_by_its_name(subject: Subject) -> None:
    example = subject.encode(TEXT)
    other = subject.decide(example, "negative")
    asked = subject.asked(TEXT, target="negative")
    assert (asked[0], asked[1].text, asked[2].label) == (subject, TEXT, other.label)
    assert subject.asked(example, other) == (subject, example, other)


def test_positions_of_a_word_are_those_of_its_tokens(subject: Subject) -> None:
    example = subject.encode("a fine film , and a film to see")
    first, second = (index for index, token in enumerate(example.tokens) if token == "film")
    assert subject.positions_of(example, "film") == (first,)
    assert subject.positions_of(example, "film#2") == (second,)
    with pytest.raises(InputError, match=re.escape("the text has no word 'cat'; its words are: a, fine, film, ,, and")):
        subject.positions_of(example, "cat")


def test_scores_of_words_are_shared_by_their_tokens(subject: Subject) -> None:
    example = subject.encode("an unbelievably watchable film")
    scores = [float(place) - 1 for place in range(len(example.units))]
    mine = Attribution.from_scores("mine", example, scores)
    assert mine.scores.tolist() == scores and mine.words == example.words
    for unit, score in zip(example.units, scores, strict=True):
        for token in unit.tokens:
            assert mine.tokens[token] == pytest.approx(score / len(unit.tokens))
    assert float(mine.tokens.sum()) == pytest.approx(sum(scores))
    with pytest.raises(ValueError, match=r"^mine needs one score for each of 4 units, not 3$"):
        Attribution.from_scores("mine", example, [1, 2, 3])
    with pytest.raises(ValueError, match=r"^mine is unsigned but gave a score below zero; call it signed$"):
        Attribution.from_scores("mine", example, scores, signed=False)


def test_scores_of_other_tokens_are_refused(subject: Subject) -> None:
    example = subject.encode(TEXT)
    short = Attribution("mine", "perturbation", True, torch.zeros(7), torch.zeros(8))
    with pytest.raises(InputError, match=r"^mine must score the 9 tokens of this text, not 8; Attribution.from_scores"):
        faithfulness(subject, example, None, [short], orders=100)


def test_the_lowest_heads_are_those_of_the_smallest_shares(subject: Subject) -> None:
    entropy = attention_entropy(subject.record(TEXT)[0]).mean()
    order = np.argsort(entropy.share.numpy().ravel(), kind="stable")
    assert entropy.lowest(3) == [(int(index) // 4, int(index) % 4) for index in order[:3]]
    unknown = HeadEntropy(torch.zeros(1, 3), torch.tensor([[float("nan"), 0.5, 0.25]]))
    assert unknown.lowest(3) == [(0, 2), (0, 1), (0, 0)]
    with pytest.raises(InputError, match=r"^count must be at least 0, not -1$"):
        entropy.lowest(-1)
    with pytest.raises(InputError, match=r"^the lowest heads are those of one text; give the entropy of a single "):
        HeadEntropy(torch.zeros(2, 1, 3), torch.zeros(2, 1, 3)).lowest(1)


def test_an_analysis_is_saved_as_its_report(subject: Subject, tmp_path) -> None:
    from reports.analysis.page import render

    found = analyze(subject, TEXT, effort="quick", methods=["saliency"])
    for name in ("report.html", "found.json"):
        found.save(tmp_path / name)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page == render(found.to_dict())
    read(tmp_path / "found.json").save(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text("utf-8") == page
    with pytest.raises(InputError, match=r"^a result is saved as .json, .safetensors, .parquet, not as 'film.html'"):
        found.verdict.save(tmp_path / "film.html")
