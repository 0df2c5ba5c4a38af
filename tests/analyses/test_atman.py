"""AtMan against attention written out by hand, with scores changed before the softmax, one word at a time."""

import re

import pytest
import torch
from images_for_tests import save_noise, tiny_vision
from own_attention import with_scores
from subjects_for_tests import SENTENCE, LinearSubject, tiny_bert, tiny_llama
from translators_for_tests import save_translator

import interpret
from analyses.explanations.attention_edits.atman import _suppressed, atman
from interpret.attention.position_spans import PositionSpan
from interpret.errors import CaptureError


def margin_of(logits, target):
    return float(logits[target] - torch.cat([logits[:target], logits[target + 1 :]]).max())


def suppressing(factors):
    """Scores less the row's smallest visible one, times a factor for each key."""

    def change(scores, seen):
        lowest = torch.where(seen, scores, torch.inf).min(dim=-1, keepdim=True).values
        return (scores - lowest) * torch.tensor(factors)

    return change


def factors_by_hand(embeddings, tokens, suppression, similarity):
    factors = []
    for key in range(len(embeddings)):
        cosines = [float(torch.cosine_similarity(embeddings[token], embeddings[key], dim=0)) for token in tokens]
        near = 1.0 if key in tokens else max(cosines)
        factors.append(1 - suppression * near if near >= similarity or key in tokens else 1.0)
    return factors


@pytest.mark.parametrize("similarity", [0.1, 2])
@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_each_word_is_suppressed_as_in_the_paper(build, similarity):
    subject = build()
    example = subject.encode(SENTENCE.replace("cast", "plot"))
    decision = subject.decide(example)
    embeddings = subject.embed(example.ids[None])[0].detach()
    falls = []
    for unit in example.units:
        factors = factors_by_hand(embeddings, unit.tokens, 0.9, similarity)
        output = with_scores(subject.model, suppressing(factors))(input_ids=example.ids[None]).logits[0].detach()
        falls.append(decision.margin - margin_of(output[-1] if output.ndim == 2 else output, decision.target))
    found = atman(subject, example, decision, similarity=similarity)
    assert found.scores.tolist() == pytest.approx(falls, abs=2e-4) and max(map(abs, falls)) > 0.1
    assert (found.method, found.family, found.signed) == ("AtMan", "perturbation", True)


@pytest.mark.parametrize("build", [interpret.load, tiny_bert, tiny_llama])
def test_without_suppression_nothing_changes(build):
    subject = build()
    example = subject.encode(SENTENCE)
    found = atman(subject, example, subject.decide(example), suppression=0)
    assert found.scores.abs().max() < 1e-5


def test_a_word_said_twice_is_suppressed_in_both_places():
    """Embeddings of the same word are alike, so each of its mentions gets the score of both."""
    subject = tiny_bert()
    example = subject.encode("warm plot and warm cast")
    scores = atman(subject, example, subject.decide(example)).scores
    assert scores[0] == pytest.approx(float(scores[3]), abs=1e-5)
    alone = atman(subject, example, subject.decide(example), similarity=2).scores
    assert abs(float(alone[0] - alone[3])) > 1e-4


def test_a_source_is_suppressed_in_the_encoder_and_where_it_is_read(tmp_path):
    save_translator(tmp_path, "marian")
    subject = interpret.load(tmp_path)
    example = subject.encode("The cat sat on the mat", "A quiet film", position=1)
    decision, n = subject.decide(example), example.parts[0].stop
    ids = {"input_ids": example.ids[None, :n], "decoder_input_ids": ~example.ids[None, n:]}
    for unit, score in zip(example.units, atman(subject, example, decision, similarity=2).scores, strict=True):
        factors = [0.1 if key in unit.tokens else 1.0 for key in range(n)]

        def change(scores, seen, factors=factors):
            return suppressing(factors if scores.shape[-1] == n else [1.0] * scores.shape[-1])(scores, seen)

        logits = with_scores(subject.model, change)(**ids).logits[0, -1].detach()
        assert float(score) == pytest.approx(decision.margin - margin_of(logits, decision.target), abs=1e-4)


def test_the_share_of_a_learned_sink_grows():
    """Scores 3, 1 and 0, and a sink of score 2; the first key's score falls to 0.3."""
    weights = torch.tensor([3.0, 1.0, 0.0, 2.0]).softmax(0)[None, None, None, :3]
    marks = torch.tensor([[0.9, 0.0, 0.0]])
    expected = torch.tensor([0.3, 1.0, 0.0, 2.0]).softmax(0)[:3]
    found = _suppressed(weights, marks[:, :1], marks, PositionSpan((0, 1), (0, 3), 3))
    assert torch.allclose(found[0, 0, 0], expected, atol=1e-6)


def test_patches_of_an_image(tmp_path):
    subject = tiny_vision()
    example = subject.encode(str(save_noise(tmp_path / "noise.png")))
    found = atman(subject, example, subject.decide(example))
    assert len(found.scores) == len(example.units) and found.scores.abs().max() > 0


def test_what_cannot_be_asked_is_refused():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    said = "no attention of toy was reached, so none can be changed; use leave-one-out"
    with pytest.raises(CaptureError, match=f"^{re.escape(said)}$"):
        atman(subject, example, subject.decide(example))
    with pytest.raises(ValueError, match=r"^suppression must be from 0 to 1, not 1.5$"):
        atman(subject, example, subject.decide(example), suppression=1.5)
