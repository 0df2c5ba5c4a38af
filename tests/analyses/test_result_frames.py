"""Tables of results against rows written down by hand."""

import math

import pytest
import torch
from subjects_for_tests import tiny_bert

import analyses
import interpret
from analyses.results.plain_data import equal_tensors
from interpret.attention.labels import Labels

LABELS = Labels(("layer 1", "layer 2"), ("[CLS]", "film"))


def rows(frame):
    return list(frame.itertuples(index=False, name=None))


def test_entropy_of_two_layers():
    even, first = [[0.5, 0.5], [0.5, 0.5]], [[1.0, 0.0], [1.0, 0.0]]
    found = analyses.attention_entropy(torch.tensor([[even], [first]]))
    frame = found.to_frame()
    assert list(frame.columns) == ["layer", "head", "query", "nats", "share"]
    half = pytest.approx(math.log(2))
    assert rows(frame) == [(0, 0, 0, half, 1), (0, 0, 1, half, 1), (1, 0, 0, 0, 0), (1, 0, 1, 0, 0)]


def test_names_stand_beside_numbers():
    found = analyses.Received(torch.tensor([[[0.25, 1.75]], [[1.0, 1.0]]]), torch.zeros(2, 1, 2), labels=LABELS)
    frame = found.to_frame()
    assert list(frame.columns) == ["layer", "layer_name", "head", "key", "key_token", "total", "own"]
    assert rows(frame) == [
        (0, "layer 1", 0, 0, "[CLS]", 0.25, 0),
        (0, "layer 1", 0, 1, "film", 1.75, 0),
        (1, "layer 2", 0, 0, "[CLS]", 1, 0),
        (1, "layer 2", 0, 1, "film", 1, 0),
    ]


def test_names_of_another_number_are_left_out():
    found = analyses.HeadGradients(torch.zeros(3, 1), labels=LABELS)
    assert list(found.to_frame().columns) == ["layer", "head", "drop"]


def test_rollout_of_positions_and_of_a_readout():
    flow = torch.tensor([[[1.0, 0.0], [0.25, 0.75]]])
    every = analyses.Rollout(flow, 0.5, labels=Labels(("layer 1",), LABELS.tokens)).to_frame()
    assert rows(every)[2:] == [
        (0, "layer 1", 1, "film", 0, "[CLS]", 0.25),
        (0, "layer 1", 1, "film", 1, "film", 0.75),
    ]
    followed = analyses.Rollout(flow[:, 1:], 0.5, torch.tensor([[0.0, 1.0]])).to_frame()
    assert list(followed.columns) == ["layer", "readout", "key", "flow"]
    assert rows(followed) == [(0, 0, 0, 0.25), (0, 0, 1, 0.75)]


def test_attribution_and_agreement():
    one = analyses.Attribution("a", "gradient", True, torch.tensor([0.5, -1.0]), torch.zeros(3), words=("good", "film"))
    assert rows(one.to_frame()) == [("a", 0, "good", 0.5), ("a", 1, "film", -1)]
    assert repr(one) == "Attribution by a (gradient) of 2 units\n  for it: good 0.500\n  against it: film -1.00"
    other = analyses.Attribution("b", "gradient", True, torch.tensor([-0.5, 2.0]), torch.zeros(3))
    agreement = analyses.rank_agreement([one, other]).to_frame()
    assert rows(agreement) == [("a", "a", 1), ("a", "b", -1), ("b", "a", -1), ("b", "b", 1)]
    assert rows(other.to_frame()) == [("b", 0, "0", -0.5), ("b", 1, "1", 2)]


def test_alignment_is_the_mean_over_heads_and_tokens():
    weights = torch.tensor([[[[0.25, 0.5], [0.0, 1.0]], [[0.75, 0.0], [0.5, 0.5]]]])
    found = analyses.Alignment(("the", "cat"), ("Katze",), ((0, 1),), ("cross 1",), weights, None)
    assert rows(found.to_frame()) == [
        (0, "cross 1", 0, "Katze", 0, "the", 0.375),
        (0, "cross 1", 0, "Katze", 1, "cat", 0.5),
    ]


def test_classic_tests_have_a_row_for_each_number():
    subject = tiny_bert()
    example = subject.encode("the film is warm but not clever")
    found = analyses.classic_tests(subject, example, subject.decide(example), eraser="mask", adversary_steps=2)
    frame = found.to_frame().set_index(["test", "of"])["value"]
    assert frame["words", ""] == 7
    assert frame["conicity", ""] == found.conicity
    assert frame["uniform_flips", ""] == float(found.uniform_flips)
    assert found.violated and all(frame["violated", name] == float(value) for name, value in found.violated.items())
    assert equal_tensors(
        torch.tensor(frame["removed", "attention"]).double(), torch.tensor(found.removed["attention"]).double()
    )
    assert [frame["identifiability", str(head)] for head in range(2)] == list(found.identifiability)[:2]


def test_labels_travel_from_a_recording_to_all_results():
    subject = interpret.load()
    example = subject.encode("A gripping film.")
    record, _ = subject.record(example)
    maps = subject.maps(record, example)
    decision = subject.decide(example)
    layers = tuple(subject.layer_name(layer) for layer in range(len(record)))
    for found in (
        analyses.attention_entropy(maps),
        analyses.attention_entropy(record).mean(),
        analyses.attention_patterns(maps, separators=example.separators),
        analyses.attention_received(maps),
        analyses.attention_rollout(maps),
        analyses.attention_rollout(maps, readouts=decision.readout[None]),
        analyses.head_importance(subject, example, decision),
        analyses.head_gradients(subject, example, decision),
    ):
        assert found.labels == Labels(layers, example.tokens), type(found)
    for name in ("last-layer attention", "attention rollout", "Chefer relevance", "saliency", "integrated gradients",
                 "leave-one-out"):  # fmt: skip
        assert analyses.explain(subject, example, name, integration_steps=2).words == ("A", "gripping", "film", ".")


def test_a_bare_recording_has_no_labels():
    subject = tiny_bert()
    example = subject.encode("the film is warm")
    with interpret.recording(subject.model) as record:
        subject.logits(example.ids[None])
    assert analyses.attention_entropy(record).labels is None


def test_the_beginning_of_maps_has_the_first_tokens():
    from interpret.attention.maps import Beginning

    subject = tiny_bert()
    example = subject.encode("the film is warm")
    record, _ = subject.record(example)
    assert Beginning(subject.maps(record, example), 3).labels.tokens == example.tokens[:3]


def test_words_must_be_as_many_as_scores():
    with pytest.raises(ValueError, match=r"^saliency has 2 scores and 1 words; give one for each$"):
        analyses.Attribution("saliency", "gradient", True, torch.zeros(2), torch.zeros(3), words=("film",))


def test_decisions_and_examples_say_what_they_are():
    subject = interpret.load()
    example = subject.encode("A gripping film.")
    assert repr(example).splitlines() == [
        "Example of 'A gripping film.'",
        "  4 words to rank, 6 tokens",
        "  [CLS] | A | gripping | film | . | [SEP]",
    ]
    decision = subject.decide(example, "negative")
    assert repr(decision).splitlines() == [
        f"Decision: 'negative', probability {decision.probability:.3g}, margin {decision.margin:.3g} logits",
        "  chosen by the user; the model predicts 'positive'",
        f"  others: 'positive' {1 - decision.probability:.3g}",
        "  read from position 0 of 6, counted from 0",
    ]
