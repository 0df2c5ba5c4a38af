"""Maps of mixing at every depth against the cue and against blank-out, beside loops and ranks written by hand."""

import math
import re
from dataclasses import replace

import pytest
import torch
from subjects_for_tests import tiny_bert, tiny_llama
from translators_for_tests import save_translator

import interpret
from analyses import cue_alignment, explain, marked_units
from analyses.reproductions.cue_alignment import MEASURES, METHODS, SCOPES
from interpret.errors import CaptureError
from interpret.projections.output_projection import find_output_projections

TEXT = "Slow at first, then wonderful."
CUE = (20, 29)


def ranks(values):
    """Mean ranks, from 1."""
    return [sum(other < value for other in values) + (values.count(value) + 1) / 2 for value in values]


def spearman(one, other):
    left, right = ranks(one), ranks(other)
    middle = (len(one) + 1) / 2
    product = sum((a - middle) * (b - middle) for a, b in zip(left, right, strict=True))
    return product / math.sqrt(sum((a - middle) ** 2 for a in left) * sum((b - middle) ** 2 for b in right))


def attention_and_norms(subject, example):
    """Each layer's attention, and the norms of weighted values with rows that sum to 1, by loops."""
    with interpret.recording(subject.model) as record:
        subject.logits(example.ids[None])
    attention, norms = [], []
    for layer, call in enumerate(record.calls):
        weights, values = call.weights[0].detach().double(), call.values_per_head[0].detach().double()
        matrix = find_output_projections(subject.model, {"input_ids": example.ids[None]})[layer].matrix.detach()
        heads, length, width = values.shape
        lengths = torch.zeros(length, length, dtype=torch.float64)
        for query in range(length):
            for key in range(length):
                added = sum(
                    weights[head, query, key]
                    * (matrix[:, head * width : (head + 1) * width].double() @ values[head, key])
                    for head in range(heads)
                )
                lengths[query, key] = added.norm()
        attention.append(weights.mean(dim=0))
        norms.append(lengths / lengths.sum(dim=1, keepdim=True))
    return attention, norms


def test_attention_and_norms_at_every_depth_are_what_loops_give():
    subject = interpret.load()
    example = subject.encode(TEXT)
    decision = subject.decide(example)
    falls = []
    for unit in example.units:
        masked = example.ids.clone()
        masked[list(unit.tokens)] = subject.mask_id
        falls.append(abs(decision.margin - subject.decide(replace(example, ids=masked), decision.label).margin))
    found = cue_alignment(subject, [example], [marked_units(example, [CUE])]).values[0]
    cue = next(at for at, unit in enumerate(example.units) if unit.text == "wonderful")
    for method, maps in zip(METHODS, attention_and_norms(subject, example), strict=False):
        through = torch.eye(len(example.ids), dtype=torch.float64)
        for layer, mixing in enumerate(maps):
            through = (mixing + torch.eye(len(mixing))) / 2 @ through
            for scope, row in (("single layer", mixing[0]), ("rollout", through[0])):
                scores = [float(row[list(unit.tokens)].sum()) for unit in example.units]
                expected = (
                    scores[cue],
                    1 / (1 + sum(score > scores[cue] for score in scores)),
                    spearman(scores, falls),
                )
                of_scope = found[METHODS.index(method), SCOPES.index(scope)]
                for measure, value in zip(MEASURES, expected, strict=True):
                    got = float(of_scope[MEASURES.index(measure), layer])
                    assert got == pytest.approx(value, abs=1e-5), (method, scope, measure, layer)


def test_the_last_layer_has_the_shares_that_the_methods_themselves_give():
    subject = interpret.load()
    example = subject.encode(TEXT)
    marked = marked_units(example, [CUE])
    found = cue_alignment(subject, [example], [marked]).values[0]
    tokens = list(example.units[marked.index(True)].tokens)
    for method, scope, alone in (
        ("raw attention", "single layer", "last-layer attention"),
        ("raw attention", "rollout", "attention rollout"),
        ("weighted value norms", "single layer", "weighted value norms"),
        ("residual norms", "single layer", "residual norms"),
        ("GlobEnc", "rollout", "GlobEnc"),
        ("ALTI", "rollout", "ALTI"),
        ("value zeroing", "single layer", "value zeroing"),
        ("value zeroing", "rollout", "value zeroing rollout"),
    ):
        own = explain(subject, example, alone).tokens[tokens].sum()
        got = found[METHODS.index(method), SCOPES.index(scope), MEASURES.index("dot product"), -1]
        assert float(got) == pytest.approx(float(own), abs=1e-5), (method, scope)


def test_models_of_other_libraries_have_maps_too():
    for subject in (tiny_bert(), tiny_llama()):
        example = subject.encode("the un_like_able cast shines")
        found = cue_alignment(subject, [example], [(False, False, True, False)])
        assert found.values.isfinite().all()
        alone = explain(subject, example, "value zeroing rollout").tokens[example.units[2].tokens[0]]
        assert float(found.values[0, METHODS.index("value zeroing"), 1, 0, -1]) == pytest.approx(float(alone), abs=1e-5)


def test_layers_with_two_attentions_are_refused(tmp_path):
    save_translator(tmp_path, "marian")
    subject = interpret.load(tmp_path)
    example = subject.encode("The cat sat on", "A quiet film", position=1)
    cue = [True, *[False] * (len(example.units) - 1)]
    wanted = (
        f"maps can be held beside each other where each layer has one attention; {subject.name} has 6 in 4 layers; "
        "compare the methods' own scores by evidence_agreement"
    )
    with pytest.raises(CaptureError, match=f"^{re.escape(wanted)}$"):
        cue_alignment(subject, [example], [cue])


def test_the_frame_has_means_over_texts():
    subject = interpret.load()
    examples = [subject.encode(text) for text in (TEXT, "A gripping film.")]
    found = cue_alignment(subject, examples, [marked_units(examples[0], [CUE]), (False, True, False, False)])
    frame = found.to_frame()
    row = frame[
        (frame.measure == "dot product") & (frame.scope == "rollout") & (frame.method == "ALTI") & (frame.layer == 2)
    ].iloc[0]
    assert row["mean"] == pytest.approx(float(found.values[:, METHODS.index("ALTI"), 1, 0, 2].mean()), abs=1e-6)
    assert row["texts"] == 2


def test_a_cue_of_another_text_is_refused():
    subject = interpret.load()
    with pytest.raises(
        ValueError,
        match=re.escape(
            f"cues must say of each of the 7 units of {TEXT!r} whether it is the cue, and 2 came; marked_units makes "
            "them of places in the text"
        ),
    ):
        cue_alignment(subject, [TEXT], [[True, False]])


def test_a_text_without_a_cue_is_refused():
    with pytest.raises(ValueError, match=r"^some words must be marked and others not, but 0 of 7 are$"):
        cue_alignment(interpret.load(), [TEXT], [[False] * 7])


@pytest.mark.parametrize(("texts", "cues"), [([], []), ([TEXT], [])])
def test_texts_and_cues_go_together(texts, cues):
    wanted = f"each of at least one text must have its cue: {len(texts)} texts and {len(cues)} cues came"
    with pytest.raises(ValueError, match=f"^{wanted}$"):
        cue_alignment(interpret.load(), texts, cues)
