"""Shares of attention by weight and by norm, beside sums written by hand."""

import pytest
import torch

import interpret
from analyses import weights_and_norms
from analyses.reproductions.weights_and_norms import KINDS
from interpret.projections.output_projection import find_output_projections

TEXT = "Slow at first, then wonderful."


def test_shares_are_those_of_a_loop():
    subject = interpret.load()
    example = subject.encode(TEXT)
    with interpret.recording(subject.model) as record:
        subject.logits(example.ids[None])
    kinds = ["special tokens", "words", "words", "words", "punctuation", "words", "words", "punctuation"]
    kinds = {token: kind for token, kind in enumerate(kinds)} | {8: "special tokens"}
    assert example.tokens[4] == "," and example.tokens[7] == "."
    found = weights_and_norms(subject, [TEXT]).shares[0]
    for layer in range(3):
        call = record.calls[layer]
        weights, values = call.weights[0].detach().double(), call.values_per_head[0].detach().double()
        projection = (
            find_output_projections(subject.model, {"input_ids": example.ids[None]})[layer].matrix.detach().double()
        )
        heads, length, width = values.shape
        sums = {(measure, kind): 0.0 for measure in (0, 1) for kind in KINDS}
        for query in range(length):
            shares = [float(weights[:, query, key].mean()) for key in range(length)]
            norms = []
            for key in range(length):
                added = torch.zeros(projection.shape[0], dtype=torch.float64)
                for head in range(heads):
                    own = projection[:, head * width : (head + 1) * width]
                    added += weights[head, query, key] * (own @ values[head, key])
                norms.append(float(added.norm()))
            for key in range(length):
                sums[0, kinds[key]] += shares[key] / sum(shares) / length
                sums[1, kinds[key]] += norms[key] / sum(norms) / length
        for (measure, kind), share in sums.items():
            assert float(found[measure, KINDS.index(kind), layer]) == pytest.approx(share, abs=1e-5), (layer, kind)


def test_shares_sum_to_one():
    found = weights_and_norms(interpret.load(), [TEXT, "A gripping film."])
    assert torch.allclose(found.shares.sum(dim=2), torch.ones(2, 2, 3), atol=1e-5)


def test_no_texts_are_refused():
    with pytest.raises(ValueError, match=r"^at least one text is needed, and none came$"):
        weights_and_norms(interpret.load(), [])
