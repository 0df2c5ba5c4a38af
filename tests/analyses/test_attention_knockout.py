"""Attention knock-out against scores of minus infinity and against edits made one by one."""

import re

import pytest
import torch
from images_for_tests import save_noise, tiny_vision
from own_attention import with_scores
from subjects_for_tests import SENTENCE, LinearSubject, OneLayerSubject, tiny_bert, tiny_llama
from translators_for_tests import save_translator

import interpret
from analyses.explanations.attention_edits.columns import margins_under
from analyses.explanations.attention_edits.knockout import attention_knockout, unseen_by_others
from interpret.errors import CaptureError, InputError


def margin_of(logits, target):
    return float(logits[target] - torch.cat([logits[:target], logits[target + 1 :]]).max())


def hiding(tokens, queries):
    """Scores of minus infinity from all other positions; `queries` are the call's rows by their place in the input."""

    def change(scores, _):
        hidden = torch.tensor([[key in tokens and query not in tokens for key in range(scores.shape[-1])]
                               for query in queries])  # fmt: skip
        return scores.masked_fill(hidden, -torch.inf)

    return change


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_it_is_a_score_of_minus_infinity(build):
    subject = build()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    falls = []
    for unit in example.units:
        model = with_scores(subject.model, hiding(unit.tokens, range(len(example.ids))))
        logits = model(input_ids=example.ids[None]).logits[0].detach()
        falls.append(decision.margin - margin_of(logits[-1] if logits.ndim == 2 else logits, decision.target))
    found = attention_knockout(subject, example, decision)
    assert found.scores.tolist() == pytest.approx(falls, abs=1e-4) and max(map(abs, falls)) > 0.1
    assert (found.method, found.family, found.signed) == ("attention knock-out", "perturbation", True)


@pytest.mark.parametrize("build", [interpret.load, tiny_llama])
def test_it_is_what_blocking_edges_one_by_one_gives(build):
    subject = build()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    found = attention_knockout(subject, example, decision)
    for unit, score in zip(example.units, found.scores.tolist(), strict=True):
        others = [place for place in range(len(example.ids)) if place not in unit.tokens]
        with interpret.editing(subject.model, interpret.block_attention(None, None, others, unit.tokens)):
            left = margin_of(subject.logits(example.ids[None])[0].detach(), decision.target)
        assert score == pytest.approx(decision.margin - left, abs=1e-5)


@pytest.mark.parametrize("family", ["marian", "t5"])
def test_a_source_is_hidden_in_the_encoder_and_from_the_decoder(family, tmp_path):
    save_translator(tmp_path, family)
    subject = interpret.load(tmp_path)
    example = subject.encode("The cat sat on the mat", "A quiet film", position=1)
    decision, n = subject.decide(example), example.parts[0].stop
    found = attention_knockout(subject, example, decision)
    for unit, score in zip(example.units, found.scores.tolist(), strict=True):
        calls = []

        def change(layer, weights, calls=calls, unit=unit):
            kind = subject.layer_kind(layer)
            calls.append(kind)
            if kind == "decoder":
                return weights
            first = 0 if kind == "encoder" else n
            left = weights.clone()
            for row in range(weights.shape[2]):
                if row + first not in unit.tokens:
                    left[:, :, row, list(unit.tokens)] = 0
            return left / left.sum(-1, keepdim=True)

        with interpret.editing(subject.model, interpret.Edit("weights", change)):
            left = margin_of(subject.logits(example.ids[None])[0].detach(), decision.target)
        assert {"encoder", "cross"} <= set(calls)
        assert score == pytest.approx(decision.margin - left, abs=1e-4)


def test_the_tokens_of_a_words_own_still_see_each_other():
    subject = OneLayerSubject()
    example = subject.encode("the plot")
    weights = torch.tensor([[0.5, 0.25, 0.25, 0.0]] * 4)[None, None]
    marks = torch.tensor([[False, True, True, False]])
    found = unseen_by_others(weights, marks, marks, subject.position_span(example.ids[None], 0))
    assert found[0, 0].tolist() == [[1, 0, 0, 0], [0.5, 0.25, 0.25, 0], [0.5, 0.25, 0.25, 0], [1, 0, 0, 0]]


def test_patches_of_an_image(tmp_path):
    subject = tiny_vision()
    example = subject.encode(str(save_noise(tmp_path / "noise.png")))
    found = attention_knockout(subject, example, subject.decide(example))
    assert len(found.scores) == len(example.units) and found.scores.abs().max() > 0


def test_a_few_variants_a_pass_give_the_same():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    at_once = attention_knockout(subject, example, decision)
    with subject.at_most_tokens(3 * len(example.ids)):
        in_parts = attention_knockout(subject, example, decision)
    assert torch.allclose(at_once.scores, in_parts.scores, atol=1e-5)


def test_what_cannot_be_asked_is_refused():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    said = "no attention of toy was reached, so none can be changed; use leave-one-out"
    with pytest.raises(CaptureError, match=f"^{re.escape(said)}$"):
        attention_knockout(subject, example, subject.decide(example))
    empty = subject.encode("")
    with pytest.raises(InputError, match=r"^the text has no words that could be ranked; give a longer one$"):
        attention_knockout(subject, empty, subject.decide(empty))


def test_windows_are_refused():
    class InWindows(OneLayerSubject):
        def position_span(self, ids, layer):
            return interpret.attention.position_spans.PositionSpan((0, 2), (0, 2), ids.shape[1])

    subject = InWindows()
    ids = subject.encode("the plot").ids[None]
    said = (
        "attention of layer 0 must have inputs, queries and keys [1, 2, 2] to be changed by words, not [1, 4, 4], as "
        "where it is computed in windows; use leave-one-out"
    )
    marks = torch.zeros(1, 1, ids.shape[1], dtype=torch.bool)
    with pytest.raises(CaptureError, match=f"^{re.escape(said)}$"):
        margins_under(unseen_by_others, subject, ids, torch.tensor([0]), marks)
