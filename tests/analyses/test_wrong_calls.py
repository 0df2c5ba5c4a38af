"""Calls that would give numbers of something else than was meant: each is refused in one line, with the way out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from subjects_for_tests import SENTENCE, tiny_bert
from tiny_models import tiny_inputs, tiny_model

import interpret
from analyses.attention.entropy import attention_entropy
from analyses.attention.patterns import attention_patterns
from analyses.attention.received import attention_received
from analyses.decision.argument_checks import require_asked
from analyses.decision.attention_statistics import attention_statistics
from analyses.explanations.attention_only.last_layer import last_layer_attention
from analyses.explanations.attention_only.rollout import attention_rollout, rollout_attribution
from analyses.explanations.faithfulness import faithfulness
from analyses.explanations.gradient_based.chefer_relevance import chefer_relevance
from analyses.explanations.gradient_based.saliency import saliency
from analyses.explanations.input_edits.leave_one_out import leave_one_out
from analyses.heads.ablation import HeadImportance, head_importance
from analyses.heads.gradients import head_gradients
from interpret.attention.maps import GivenMaps, RecordedMaps, maps_of
from interpret.attention.recording import Recording, recording
from interpret.errors import CaptureError, InputError
from interpret.indices import OutOfRange, require_index, whole_number
from interpret.interventions.decision_row import read_row
from interpret.subjects.decision import margin

ONE_CALL = (
    "attention must be [layer, head, query, key] of one text, and these are the weights of one layer, "
    "[batch, head, query, key]; give the recording itself, or its stacked(example)"
)
WHICH = (
    "this recording is of 2 inputs; say of which one with example=, or give its maps, RecordedMaps(record, example=0)"
)
READERS: dict[str, Callable[..., Any]] = {
    "rollout": lambda attention, **which: attention_rollout(attention, **which).flow,
    "entropy": lambda attention, **which: attention_entropy(attention, **which).nats,
    "patterns": lambda attention, **which: attention_patterns(attention, separators=[0], **which).previous,
    "received": lambda attention, **which: attention_received(attention, **which).total,
    "statistics": lambda attention, **which: (
        attention_statistics(attention, readouts=torch.eye(9)[-1:], separators=[0], **which).rollout.flow
    ),
}


def recorded(kind: str = "classifier", family: str = "bert") -> Recording:
    """Two texts of nine tokens."""
    model = tiny_model(kind, family)
    with torch.no_grad(), recording(model) as record:
        model(**tiny_inputs(kind))
    return record


def refused(error: type[Exception], message: str, call: Callable[..., Any], *given: Any, **named: Any) -> None:
    with pytest.raises(error) as found:
        call(*given, **named)
    assert str(found.value) == message


@pytest.mark.parametrize("name", READERS)
def test_of_several_texts_one_must_be_named(name: str) -> None:
    record, read = recorded(), READERS[name]
    refused(InputError, WHICH, read, record)
    given = [torch.stack([record.weights(layer)[example] for layer in range(2)]) for example in (0, 1)]
    found = [read(record, example=example) for example in (0, 1)]
    for example in (0, 1):
        assert torch.equal(found[example], read(RecordedMaps(record, example=example)))
        expected = read(GivenMaps(given[example], visible=record.visible(example)))
        torch.testing.assert_close(found[example], expected, atol=1e-6, rtol=1e-5)
    assert not torch.equal(*found)
    for example in (2, -1):
        refused(OutOfRange, f"example must be from 0 to 1, not {example}", read, record, example=example)
    only = "example is for a recording of several inputs; maps and weights are of one"
    refused(InputError, only, read, RecordedMaps(record, example=1), example=1)


def test_what_a_recording_gives_out_is_of_a_named_text_too() -> None:
    record = recorded()
    for ask in (record.stacked, record.visible, lambda: record.row(0, 0, 0), lambda: RecordedMaps(record)):
        refused(InputError, WHICH, ask)
    assert torch.equal(record.stacked(1)[0], record.weights(0)[1])
    for layer in (-1, 3):
        for ask in (record.weights, record.output, lambda layer: record.row(layer, 0, 0, example=0)):
            refused(OutOfRange, f"layer must be from 0 to {len(record) - 1}, not {layer}", ask, layer)
    for example in (-1, 2):
        for ask in (record.stacked, record.visible):
            refused(OutOfRange, f"example must be from 0 to 1, not {example}", ask, example)
    head = "head must be from 0 to 3 in layer 1, not -1"
    refused(IndexError, head, record.row, 1, -1, 0, example=0)


@pytest.mark.parametrize("family", ["bert", "deberta-v2"])
def test_weights_of_one_layer_are_not_taken_for_those_of_all(family: str) -> None:
    """Through the interface and observed; whole, detached or a view. What was stacked is taken."""
    record = recorded("classifier", family)
    weights = record.weights(0)
    for given in (weights, weights.detach(), weights[:], weights[:1], record.calls[1].weights, weights[1][None]):
        for name in READERS.keys() - {"statistics"}:  # those are of recordings and maps only
            refused(InputError, ONE_CALL, READERS[name], given)
    assert attention_rollout(record.stacked(1)).flow.shape == (2, 9, 9)
    with torch.inference_mode():
        refused(InputError, ONE_CALL, attention_rollout, recorded("classifier", family).weights(0)[:])


def test_what_is_no_attention_is_refused() -> None:
    weights = recorded().stacked(0)
    advice = (
        "; of the attentions that a model of transformers gives out, take torch.stack([layer[example] for layer in "
        "attentions])"
    )
    wanted = "attention must be a recording, its maps, or a tensor [layer, head, query, key], not "
    for given in ((weights,), weights.numpy(), None):
        refused(InputError, f"{wanted}{type(given).__name__}{advice}", unwrapped(maps_of), given)
    shares = (
        r"^attention rows must be shares that sum to 1, but the smallest weight is .*pass weights after the softmax"
    )
    for read in (attention_patterns, attention_received):
        more = {"separators": [0]} if read is attention_patterns else {}
        for wrong in (weights.log(), 2 * weights, weights * torch.nan):
            with pytest.raises(ValueError, match=shares):
                read(wrong, **more)
    layers = "visible must be [2, 9, 9] to fit the weights, not [3, 9, 9]"
    refused(InputError, layers, GivenMaps, weights, visible=torch.ones(3, 9, 9, dtype=torch.bool))


def unwrapped(function: Any) -> Any:
    """The function without the checks of types that tests put around it."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def test_a_position_of_a_rollout() -> None:
    rollout = attention_rollout(recorded(), example=0)
    followed = attention_rollout(recorded(), example=0, readouts=torch.eye(9)[[3]])
    assert torch.equal(rollout.from_position(3), rollout.flow[:, 3])
    torch.testing.assert_close(followed.from_position(3), rollout.flow[:, 3])
    for each in (rollout, followed):
        for position in (-1, 9):
            refused(OutOfRange, f"position must be from 0 to 8, not {position}", each.from_position, position)
        refused(
            InputError,
            "position must be one, or a weight for each of 9 tokens, not [8]",
            each.from_position,
            torch.ones(8),
        )


def test_maps_are_told_apart_by_name() -> None:
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision, other = subject.decide(example), subject.encode("the plot drags")
    one = leave_one_out(subject, example, decision, eraser="mask")
    worst = replace(one, scores=-one.scores)
    out = "; dataclasses.replace(attribution, method=...) gives one another name"
    names = "maps must be at least one, each with a name of its own, but "
    refused(
        InputError,
        f"{names}two are called 'leave-one-out'{out}",
        faithfulness,
        subject,
        example,
        decision,
        [one, worst],
    )
    refused(InputError, f"{names}none came{out}", faithfulness, subject, example, decision, [])
    found = faithfulness(subject, example, decision, [one, replace(worst, method="worst")], orders=100)
    assert found.p_value("worst") > 0.9 > 0.1 > found.p_value("leave-one-out")
    for ask in (found.p_value, found.effect, found.curve_of):
        refused(InputError, "method must be one of leave-one-out, worst, not 'x'", ask, "x")
    metrics = "metric must be one of comprehensiveness, sufficiency, not 'x'"
    refused(InputError, metrics, found.p_value, "worst", "x")
    short = leave_one_out(subject, other, subject.decide(other), eraser="mask")
    words = "leave-one-out must score the 11 words of this text, not 3; explain the same example"
    refused(InputError, words, faithfulness, subject, example, decision, [short])


def test_a_decision_on_another_text_is_refused() -> None:
    subject = tiny_bert()
    example, other = subject.encode("the plot drags but"), subject.encode("the plot drags")
    decision, record = subject.decide(example), subject.record(other)[0]
    message = (
        "the decision must be one on this text of 5 tokens, not of 6; give what subject.decide gives for the same "
        "example"
    )
    for method in (saliency, chefer_relevance, head_gradients, head_importance):
        refused(InputError, message, method, subject, other, decision)
    refused(InputError, message, leave_one_out, subject, other, decision, eraser="mask")
    refused(InputError, message, last_layer_attention, record, other, decision)
    refused(InputError, message, rollout_attribution, attention_rollout(record), other, decision)
    shares = "the readout must have a share for each of 5 tokens, not 6"
    refused(
        InputError, shares, unwrapped(read_row), subject, other.ids[None], torch.tensor([0]), readout=decision.readout
    )


@pytest.mark.parametrize("count", [-1, 0, 3, 99])
def test_how_many_heads(count: int) -> None:
    found = HeadImportance(torch.tensor([[1.0, 3.0], [2.0, 0.0]]), "zero", "whole passes")
    if count < 0:
        refused(InputError, "count must be at least 0, not -1", found.top, count)
    else:
        assert found.top(count) == [(0, 1), (1, 0), (0, 0), (1, 1)][:count]


def test_numbers_of_any_library_count_from_0() -> None:
    for given in (2, np.int64(2), torch.tensor(2)):
        assert require_index("layer", given, 3) == whole_number("layer", given) == 2
    for given, kind in ((True, "bool"), (1.0, "float"), ("1", "str"), (None, "NoneType")):
        refused(InputError, f"layer must be a whole number, not {given!r} ({kind})", require_index, "layer", given, 3)
    logits = torch.tensor([[1.0, 3.0]])
    assert margin(logits, 1).tolist() == [2.0]
    refused(OutOfRange, "target must be from 0 to 1, not -1", margin, logits, -1)


@pytest.mark.parametrize("name", ["bert", "llama"])
def test_a_label_by_its_number(name: str, saved: Path) -> None:
    subject = interpret.load(saved / name)
    example = subject.encode("A quiet film, slow at first.")
    for given in (1, np.int64(1), torch.tensor(1)):
        assert subject.decide(example, given).target == 1
    named = "target, where it is not the name of a label, must be a whole number, not "
    for given, kind in ((True, "bool"), (1.0, "float"), (["a"], "list")):
        refused(InputError, f"{named}{given!r} ({kind})", subject.decide, example, given)
    for given in (-1, 10**6):
        with pytest.raises(InputError, match=str(given)):
            subject.decide(example, given)


def test_arguments_that_no_analysis_could_use() -> None:
    subject = tiny_bert()
    require_asked(subject, seed=np.int64(3), effort="quick")
    made = "the model must be a subject, as interpret.load(model, tokenizer=...) makes it, not "
    refused(InputError, f"{made}BertForSequenceClassification", require_asked, subject.model)
    words = (
        "corpus must be a source of words, such as CorpusUnigram([subject.encode(text) for text in texts]), not list"
    )
    refused(InputError, words, require_asked, subject, corpus=["a text"])
    for effort in ("much", None, ["quick"]):
        effort_text = f"effort must be one of quick, standard, thorough, not {effort!r}"
        refused(InputError, effort_text, require_asked, subject, effort=effort)
    given = "alignment must be what analyses.translation.alignment.alignment gives, not str"
    refused(InputError, given, require_asked, subject, alignment="one")
    whole = "max_memory, in bytes, must be a whole number, not '1G' (str)"
    refused(InputError, whole, require_asked, subject, max_memory="1G")
    refused(InputError, "max_memory must be at least 1 byte, not 0", require_asked, subject, max_memory=0)
    for seed in (-1, 2**32):
        refused(InputError, f"seed must be from 0 to {2**32 - 1}, not {seed}", require_asked, subject, seed=seed)
    for seed in (True, "1", None, 0.5):
        refused(
            InputError,
            f"seed must be a whole number, not {seed!r} ({type(seed).__name__})",
            require_asked,
            subject,
            seed=seed,
        )


def test_kernels_that_cannot_be_read_are_refused_with_the_way_out() -> None:
    model = tiny_model("causal", "llama")
    own = model.config._attn_implementation
    for kernel, why in (("flex_attention", "hides keys by blocks, which can't be read"), ("mine", "isn't there")):
        model.config._attn_implementation_internal = kernel
        message = f'the attention kernel "{kernel}" {why}; choose another with model.set_attn_implementation("sdpa")'
        with pytest.raises(CaptureError) as error, recording(model):
            raise AssertionError
        assert str(error.value) == message and model.config._attn_implementation == kernel
    model.set_attn_implementation(own)
    with torch.no_grad(), recording(model) as record:
        model(**tiny_inputs("causal"))
    assert record.weights(0).shape == (2, 4, 9, 9)
