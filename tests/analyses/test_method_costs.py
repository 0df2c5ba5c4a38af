"""Costs of methods: passes as declared, work in closed form, memory of known tensors, and seconds above 0."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from subjects_for_tests import SENTENCE, LinearSubject
from translators_for_tests import save_translator

import interpret
from analyses.costs import method_costs as measuring
from analyses.costs.counted_passes import counting, heard_layers
from analyses.costs.method_costs import median_text, method_costs
from analyses.explanations.attribution import Attribution
from analyses.explanations.built_in import BUILT_IN
from analyses.explanations.gradient_based.embeddings import embedding_gradient
from analyses.explanations.input_edits.leave_one_out import leave_one_out
from analyses.explanations.methods import register, unregister
from analyses.explanations.shared import USUAL_STEPS, Shared
from interpret.errors import CaptureError, InputError
from interpret.subjects.forward_pass import remembered
from interpret.subjects.models import reading_cost
from interpret.subjects.models.shared_prefix import is_preparing
from interpret.subjects.text import TextSubject

TEXTS = ("a film", "the cast is warm and so is he", "a b c d e f g h i j")  # of the last, not all coalitions


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_methods_run_as_many_passes_as_they_declare(name: str, request: pytest.FixtureRequest) -> None:
    subject: TextSubject = request.getfixturevalue(name)
    for text in TEXTS:
        example = subject.encode(text)
        decision, layers, left_out = subject.decide(example), heard_layers(subject, example), []
        for method in BUILT_IN:
            shared = Shared(subject, example, decision)
            with remembered(subject, example.ids[None]), counting(subject.model, layers) as passes:
                try:
                    method(subject, example, decision, shared)
                except CaptureError:
                    left_out.append(method.name)
                    continue
            declared = method.gradient_passes + method.follows_path * USUAL_STEPS
            wanted = (method.name, method.passes(example), declared)
            assert (method.name, passes.plain, passes.with_gradient) == wanted
        assert left_out == ([] if name == "gpt2" else ["ALTI-Logit"])  # which needs a linear way to the logits


def test_methods_that_read_a_gradient_share_its_pass_and_say_the_same(bert: TextSubject) -> None:
    names = ("saliency", "input x gradient", "Chefer relevance", "attention x gradient", "AttCAT")
    example = bert.encode(TEXTS[1])
    decision, layers = bert.decide(example), heard_layers(bert, example)
    methods = [method for method in BUILT_IN if method.name in names]
    alone = [method(bert, example, decision, Shared(bert, example, decision)).tokens for method in methods]
    shared = Shared(bert, example, decision)
    with counting(bert.model, layers) as passes:
        together = [method(bert, example, decision, shared).tokens for method in methods]
    assert (passes.plain, passes.with_gradient) == (0, 1)
    assert torch.equal(shared.gradient, embedding_gradient(bert, example, decision))
    assert all(torch.equal(*both) for both in zip(alone, together, strict=True))
    with torch.no_grad():  # of the caller's
        unwatched = [method(bert, example, decision, Shared(bert, example, decision)).tokens for method in methods]
    assert all(torch.equal(*both) for both in zip(alone, unwatched, strict=True))


def test_gradients_of_embeddings_need_no_attention() -> None:
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    shared = Shared(subject, example, decision)
    assert torch.equal(shared.gradient, embedding_gradient(subject, example, decision))
    with pytest.raises(CaptureError):
        _ = shared.recorded_gradient


def test_what_inputs_share_and_is_read_beforehand_is_no_pass(
    gpt2: TextSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_cost, "PASS", 0)  # as if a pass took no time beside its tokens
    example = gpt2.encode(" ".join("abcdefghijklmnopqrstuvwxyz"))
    decision, prepared = gpt2.decide(example), []
    handle = gpt2.model.register_forward_hook(lambda *_: prepared.append(is_preparing()))
    with counting(gpt2.model, heard_layers(gpt2, example)) as passes:
        leave_one_out(gpt2, example, decision, eraser="delete")
    handle.remove()
    assert any(prepared) and not is_preparing()
    assert passes.plain == len(example.units)


@pytest.fixture
def own() -> Iterator[None]:
    """Methods of one's own of known cost."""

    @register("three and two", about="Runs five inputs.", gradient_passes=2)
    def three_and_two(subject, example, decision, shared):  # type: ignore[no-untyped-def]
        with torch.no_grad():
            subject.logits(example.ids.expand(3, -1))
        embeddings = subject.embed(example.ids[None]).detach().expand(2, -1, -1).clone().requires_grad_()
        torch.autograd.grad(subject.logits_from(embeddings, example.ids[None]).sum(), embeddings)
        return Attribution.from_scores("three and two", example, [0.0] * len(example.units))

    @register("large", about="Makes large tensors.", gradient_passes=0)
    def large(subject, example, decision, shared):  # type: ignore[no-untyped-def]
        first = torch.ones(250_000)
        second = first + 1  # both live: 2 MB
        del first
        third = second.view(500, 500).T.reshape(-1)[:10]  # another copy
        return Attribution.from_scores("large", example, [float(third[0])] * len(example.units))

    @register("refuses", about="Works on no model.", gradient_passes=0)
    def refuses(subject, example, decision, shared):  # type: ignore[no-untyped-def]
        raise CaptureError("nothing can be read")

    yield
    for name in ("three and two", "large", "refuses"):
        unregister(name)


def test_a_linear_model_takes_what_its_products_take(own: None) -> None:
    subject = LinearSubject()
    found = method_costs(subject, SENTENCE, ["three and two", "large", "refuses"])
    one = 2 * 5 * 2  # hidden and labels of the one layer
    assert found.plain_pass.flops == one
    row = found.row("three and two")
    # Forward passes of three and of two, and what two gradients of sums over positions take: one product each.
    assert (row.passes, row.gradient_passes, row.flops, row.work) == (3, 2, (3 + 2 + 2) * one, 7.0)
    assert set(found.left_out) == {"last-layer attention", "refuses"}
    assert found.left_out["refuses"] == "nothing can be read"


def test_memory_is_that_of_the_tensors_that_a_method_makes(own: None) -> None:
    row = method_costs(LinearSubject(), SENTENCE, ["large"]).row("large")
    assert 2_000_000 <= row.memory < 2_001_000
    assert (row.passes, row.gradient_passes, row.flops) == (0, 0, 0)


def test_work_of_known_methods_is_a_multiple_of_a_plain_pass(bert: TextSubject) -> None:
    found = method_costs(bert, TEXTS[1], ["leave-one-out", "saliency", "baseline: later first"], eraser="mask")
    words = len(bert.encode(TEXTS[1]).units)
    assert found.row("leave-one-out").work == pytest.approx(words, abs=1e-9)  # as many texts of equal length
    assert found.row("last-layer attention").work == pytest.approx(1, rel=0.05)  # and its weights
    config, tokens = bert.model.config, len(bert.encode(TEXTS[1]).ids)
    attention = config.num_hidden_layers * 4 * tokens**2 * config.hidden_size  # two products of all pairs
    maps = found.plain_pass.flops - attention
    # Back through every map once, as weights have no gradient, and by five products where attention had two.
    assert found.row("saliency").flops == 2 * maps + (1 + 5 / 2) * attention
    assert found.row("baseline: later first").work == 0
    assert (found.words, found.tokens) == (words, tokens)
    deleted = method_costs(bert, TEXTS[1], ["leave-one-out"], eraser="delete").row("leave-one-out")
    assert deleted.passes == words and deleted.work < words


def test_counted_costs_are_the_same_in_every_run_and_seconds_are_measured(gpt2: TextSubject) -> None:
    names = ["saliency", "ALTI", "leave-one-out", "value zeroing"]
    first, second = (method_costs(gpt2, TEXTS[1], names, runs=runs).to_dict() for runs in (1, 2))
    for found in (first, second):
        assert all(row.pop("seconds") > 0 for row in [*found["rows"], found["plain_pass"]])
        assert found.pop("runs") in (1, 2)
    assert first == second


def test_a_contrast_costs_what_the_decision_does(bert: TextSubject) -> None:
    other = {"good": "bad", "bad": "good"}[bert.decide(TEXTS[1]).label]
    usual, contrast = (method_costs(bert, TEXTS[1], ["saliency"], runs=1, against=name) for name in (None, other))
    assert [row.passes for row in contrast.rows] == [row.passes for row in usual.rows]


def test_an_encoder_decoder_s_passes_are_those_of_its_layers(tmp_path: Path) -> None:
    save_translator(tmp_path, "marian")
    subject = interpret.load(tmp_path)
    example = subject.encode("the cat sat on the mat", "die Katze")
    layers = heard_layers(subject, example)
    with counting(subject.model, layers) as passes, torch.no_grad():
        subject.logits(example.ids.expand(4, -1))
    assert (passes.plain, passes.with_gradient) == (4, 0)


def test_inputs_are_counted_along_whatever_axis_they_lie_and_in_layers_that_are_called_again() -> None:
    class Swapped(torch.nn.Module):
        """Positions before inputs, and one layer for all depths."""

        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(30, 8)
            self.layers = torch.nn.ModuleList([torch.nn.Linear(8, 8)])

        def get_input_embeddings(self) -> torch.nn.Module:
            return self.embedding

        def forward(self, input_ids: torch.Tensor) -> Any:
            hidden = self.embedding(input_ids).transpose(0, 1)
            for _ in range(3):
                hidden = self.layers[0](hidden)
            return type("Output", (), {"logits": hidden.sum(dim=0)[:, :2]})

    subject = LinearSubject()
    subject.model = Swapped()
    example = subject.encode(SENTENCE)
    heard = heard_layers(subject, example)
    with counting(subject.model, heard) as passes, torch.no_grad():
        subject.logits(example.ids[:5].expand(4, -1))
        subject.model.embedding(example.ids)  # by itself, which is no pass
    assert passes.plain == 4


def test_the_result_says_what_each_takes(bert: TextSubject) -> None:
    found = method_costs(bert, TEXTS[1], ["saliency", "leave-one-out"], runs=1)
    lines = repr(found).split("\n  ")
    assert lines[0] == "MethodCosts of 3 methods on a text of 8 words (20 tokens)"
    assert lines[1].startswith("one plain pass: 0.") and " MFLOP, " in lines[1]
    assert lines[2].startswith("last-layer attention: 1 pass, 1.0") and " x a pass, " in lines[2]
    assert lines[3].startswith("saliency: 1 pass with a gradient, ")
    assert lines[4].startswith("leave-one-out: 8 passes, ")
    assert list(found.to_frame()["method"]) == [row.method for row in found.rows]
    assert list(found.pictures()) == ["work", "memory", "seconds"]
    assert found.plot(of="work").get_xlabel() or found.plot(of="work").get_ylabel()
    assert math.isnan(found.plain_pass.work) and found.to_dict()["plain_pass"]["work"] is None


def test_what_cannot_be_measured_is_refused(bert: TextSubject) -> None:
    with pytest.raises(InputError) as error:
        method_costs(bert, TEXTS[0], runs=0)
    assert str(error.value) == "runs must be at least 1, for a time, not 0"
    with pytest.raises(InputError, match="there is no method 'nonsense'"):
        method_costs(bert, TEXTS[0], ["nonsense"])


@pytest.mark.parametrize(("texts", "wanted"), [(2, 0), (3, 1), (9, 4), (10, 4)])
def test_the_text_of_median_length_is_the_one_in_the_middle(texts: int, wanted: int) -> None:
    assert median_text(texts) == wanted


def test_a_model_whose_work_cannot_be_counted_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Any) -> None:
        raise NotImplementedError("There was no rule registered for flex_attention.\nHint: none")

    monkeypatch.setattr(measuring, "counted_operations", refuse)
    with pytest.raises(CaptureError) as error:
        method_costs(LinearSubject(), SENTENCE)
    assert str(error.value) == (
        "the work of toy can't be counted, as where attention is flexible or the model compiled; load it with another "
        "kernel, such as sdpa (There was no rule registered for flex_attention.)"
    )
