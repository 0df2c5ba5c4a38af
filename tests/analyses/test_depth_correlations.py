"""Correlations of attention at each depth with what words do, beside sums and ranks written by hand."""

import math
from dataclasses import replace

import pytest
import torch

import interpret
from analyses import attention_flow, depth_correlations
from analyses.reproductions.depth_correlations import METHODS, REFERENCES

TEXT = "The slow first part ends with a wonderful last scene."


def ranks(values):
    """Mean ranks, from 1."""
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2 for value in values
    ]


def spearman(one, other):
    left, right = ranks(one), ranks(other)
    middle = (len(one) + 1) / 2
    product = sum((a - middle) * (b - middle) for a, b in zip(left, right, strict=True))
    return product / math.sqrt(sum((a - middle) ** 2 for a in left) * sum((b - middle) ** 2 for b in right))


def test_every_depth_is_what_a_loop_gives():
    subject = interpret.load()
    example = subject.encode(TEXT)
    decision = subject.decide(example)
    with interpret.recording(subject.model) as record:
        subject.logits(example.ids[None])
    weights = record.stacked().detach()
    embeddings = subject.embed(example.ids[None]).detach().requires_grad_()
    logits = subject.logits_from(embeddings, example.ids[None])[0]
    (slope,) = torch.autograd.grad(logits[decision.target] - logits[1 - decision.target], embeddings)
    falls = []
    for unit in example.units:
        masked = example.ids.clone()
        masked[list(unit.tokens)] = subject.mask_id
        falls.append(abs(decision.margin - subject.decide(replace(example, ids=masked), decision.label).margin))
    measures = {
        "blank-out": falls,
        "input gradient": [float(slope[0, list(unit.tokens)].sum().abs()) for unit in example.units],
    }
    flow = torch.eye(len(example.ids))
    found = depth_correlations(subject, [TEXT]).values[0]
    for layer, heads in enumerate(weights):
        mean = heads.mean(dim=0)
        flow = (0.5 * mean + 0.5 * torch.eye(len(mean))) @ flow
        deep = attention_flow(weights[: layer + 1], example, decision).scores.tolist()
        rows = {"raw attention": mean[0], "attention rollout": flow[0]}
        scores = {name: [float(row[list(unit.tokens)].sum()) for unit in example.units] for name, row in rows.items()}
        for method, own in {**scores, "attention flow": deep}.items():
            for reference, measured in measures.items():
                value = found[METHODS.index(method), REFERENCES.index(reference), layer]
                assert float(value) == pytest.approx(spearman(own, measured), abs=1e-5), (method, reference, layer)


def test_the_frame_has_means_over_texts():
    found = depth_correlations(interpret.load(), [TEXT, "A gripping film."])
    frame = found.to_frame()
    row = frame[(frame.method == "attention rollout") & (frame.reference == "blank-out") & (frame.layer == 2)].iloc[0]
    values = found.values[:, 1, 0, 2].double()
    assert row["mean"] == pytest.approx(float(values.mean()), abs=1e-6)
    assert row["sd"] == pytest.approx(float(values.std()), abs=1e-6)
    assert (row["texts"], row["undefined"]) == (2, 0)


def test_a_text_of_one_word_has_no_correlation():
    found = depth_correlations(interpret.load(), ["Wonderful", TEXT])
    assert found.values[0].isnan().all()
    assert found.to_frame().undefined.eq(1).all()
    assert found.mean.isfinite().all()


def test_no_texts_are_refused():
    with pytest.raises(ValueError, match=r"^at least one text is needed, and none came$"):
        depth_correlations(interpret.load(), [])
