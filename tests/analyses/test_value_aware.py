"""Value-aware explanations, against layers written out in loops, and what must hold of their maps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from images_for_tests import processor, save_noise, tiny_vision_model
from layers_by_loops import TEXT, LayerByLoops, Names, cases, each_row, layers_by_loops, tiny_gpt2
from subjects_for_tests import ToySubject, tiny_bert
from tiny_models import tiny_model

import interpret
from analyses import (
    alti,
    alti_logit,
    explain,
    globenc,
    information_flow_routes,
    mixing_ratios,
    residual_norms,
    weighted_value_norms,
)
from analyses.explanations.methods import chosen_methods
from analyses.explanations.shared import Shared
from analyses.explanations.value_aware.alti import alti_contributions
from analyses.explanations.value_aware.globenc import globenc_contributions
from analyses.explanations.value_aware.information_flow import edge_importance
from analyses.explanations.value_aware.mixing import mixing_maps, traced_to_input
from analyses.explanations.value_aware.residual_norms import norms_of_all
from analyses.explanations.value_aware.weighted_value_norms import norms_of_attention
from interpret.decomposition import attention_parts
from interpret.errors import CaptureError, InputError
from interpret.subjects.tasks.image_classification import ImageClassification

FAMILIES = ("bert", "gpt2", "llama", "vit", "marian")
Rule = Callable[[LayerByLoops, int, int], float]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory):
    return cases(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def loops(known):
    return {family: layers_by_loops(*case) for family, case in known.items()}


def length_of_values(layer: LayerByLoops, i: int, position: int) -> float:
    fetched = position in layer.keys
    return float(np.linalg.norm(layer.added(i, layer.keys.index(position)))) if fetched else 0.0


def length_of_all(layer: LayerByLoops, i: int, position: int) -> float:
    return float(np.linalg.norm(layer.transformed(i, position)))


def length_after_layer(layer: LayerByLoops, i: int, position: int) -> float:
    return float(np.linalg.norm(layer.next_norm(layer.transformed(i, position), i)))


def closeness(layer: LayerByLoops, i: int, part: np.ndarray) -> float:
    size = sum(abs(number) for number in layer.output[i])
    return max(0.0, size - sum(abs(a - b) for a, b in zip(layer.output[i], part, strict=True)))


def closeness_of_all(layer: LayerByLoops, i: int, position: int) -> float:
    return closeness(layer, i, layer.transformed(i, position))


def closeness_of_edges(layer: LayerByLoops, i: int, position: int) -> float:
    total = 0.0
    if position in layer.keys:
        for head in layer.heads:
            total += closeness(layer, i, layer.norm(head[i][layer.keys.index(position)], i))
    if position == layer.rows[i]:
        total += closeness(layer, i, layer.norm(layer.residual[i], i))
    return total


RULES: dict[str, tuple[Any, Any, Rule, bool]] = {  # whether all layers are multiplied
    "weighted value norms": (weighted_value_norms, norms_of_attention, length_of_values, False),
    "residual norms": (residual_norms, norms_of_all, length_of_all, False),
    "ALTI": (alti, alti_contributions, closeness_of_all, True),
    "GlobEnc": (globenc, globenc_contributions, length_after_layer, True),
    "information flow routes": (information_flow_routes, edge_importance, closeness_of_edges, True),
}


def maps_by_loops(layers: list[LayerByLoops], length: int, rule: Rule) -> np.ndarray:
    maps = np.stack([np.eye(length)] * len(layers))
    for number, layer, i, position in each_row(layers):
        row = [rule(layer, i, j) for j in range(length)]
        maps[number, position] = np.array(row) / sum(row)
    return maps


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", RULES)
def test_maps_and_scores_are_those_of_loops(method: str, family: str, known, loops) -> None:
    subject, example, _ = known[family]
    function, contributions, rule, multiplies = RULES[method]
    found, decision = interpret.decompose(subject, example), subject.decide(example)
    maps = maps_by_loops(loops[family], len(example.ids), rule)
    np.testing.assert_allclose(mixing_maps(found, contributions).numpy(), maps, atol=1e-5)
    row = decision.readout.double().numpy()
    for layer in reversed(maps) if multiplies else maps[-1:]:
        row = row @ layer
    attribution = function(found, example, decision)
    np.testing.assert_allclose(attribution.tokens.numpy(), row, atol=1e-5)
    pooled = example.pool(torch.tensor(row))
    np.testing.assert_allclose(attribution.scores.numpy(), (pooled / pooled.sum()).numpy(), atol=1e-5)
    assert attribution.method == method and attribution.family == "attention" and not attribution.signed
    assert attribution.notes["sink mass"] == pytest.approx(1 - float(pooled.sum()), abs=1e-5)


@pytest.mark.parametrize("family", ["bert", "gpt2", "marian"])
def test_mixing_ratios_are_those_of_loops(family: str, known, loops) -> None:
    subject, example, _ = known[family]
    layers = loops[family]
    ratios = mixing_ratios(interpret.decompose(subject, example)).numpy()
    expected = np.full_like(ratios, np.nan)
    for number, layer, i, position in each_row(layers):
        others = sum(layer.transformed(i, j) for j in range(layer.length) if j != position)
        mixed, kept = np.linalg.norm(others), np.linalg.norm(layer.transformed(i, position))
        expected[number, position] = mixed / (mixed + kept)
    np.testing.assert_allclose(ratios, expected, atol=1e-5)


@pytest.mark.parametrize("family", ["gpt2", "llama", "vit"])
def test_logits_of_positions_are_those_of_loops(family: str, known, loops) -> None:
    subject, example, _ = known[family]
    norm_name, head_name = {
        "gpt2": ("transformer.ln_f", "lm_head"),
        "llama": ("model.norm", "lm_head"),
        "vit": ("vit.layernorm", "classifier"),
    }[family]
    decision, stream = subject.decide(example), []
    norm = subject.model.get_submodule(norm_name)
    hook = norm.register_forward_pre_hook(lambda _, args: stream.append(args[0][0].detach().double().numpy()))
    logits = subject.logits(example.ids[None])[0]
    hook.remove()
    rival = max((label for label in range(len(logits)) if label != decision.target), key=lambda label: logits[label])
    row = int(decision.readout.argmax())
    head = subject.model.get_submodule(head_name)
    weights = (head.weight[decision.target] - head.weight[rival]).detach().double().numpy()
    final, gamma = stream[0][row], norm.weight.detach().double().numpy()

    def logit(vector: np.ndarray) -> float:
        if family == "llama":
            return float(weights @ (gamma * vector / np.sqrt((final**2).mean() + norm.variance_epsilon)))
        deviation = np.sqrt(((final - final.mean()) ** 2).mean() + norm.eps)
        return float(weights @ (gamma * (vector - vector.mean()) / deviation))

    layers = loops[family]
    maps = maps_by_loops(layers, len(example.ids), closeness_of_all)
    expected, before = np.zeros(len(example.ids)), np.eye(len(example.ids))
    for number, layer in enumerate(layers):
        fetched = np.array([logit(layer.added(row, j)) for j in range(len(example.ids))])
        expected += fetched @ before
        before = maps[number] @ before
    found = alti_logit(interpret.decompose(subject, example), example, decision)
    np.testing.assert_allclose(found.tokens.numpy(), expected, atol=1e-4)
    np.testing.assert_allclose(found.scores.numpy(), example.pool(torch.tensor(expected)).numpy(), atol=1e-4)
    assert found.signed
    assert found.notes["own vector"] == pytest.approx(logit(layers[0].residual[row]), abs=1e-4)
    assert float(found.tokens.sum()) + sum(found.notes.values()) == pytest.approx(decision.margin, abs=1e-4)
    written = sum(layer.output[row] - layer.residual[row] for layer in layers)  # by attention, biases included
    networks = logit(final - written - layers[0].residual[row])
    assert found.notes["networks"] == pytest.approx(networks, abs=1e-4)


# Name of the last norm, whether it reads the mean rather than each row, and the rows whose means the head reads
POOLED = {
    "beit": ("beit.pooler.layernorm", True, [slice(1, None)]),
    "dinov2": ("dinov2.layernorm", False, [slice(0, 1), slice(1, None)]),
    "ijepa": ("ijepa.layernorm", False, [slice(None)]),
}
LAYERS = {
    "beit": Names("beit.layers.{}", "attention.v_proj", "attention.o_proj"),
    "dinov2": Names("dinov2.encoder.layer.{}", "attention.v_proj", "attention.o_proj"),
    "ijepa": Names("ijepa.layers.{}", "attention.v_proj", "attention.o_proj"),
}


@pytest.mark.parametrize("family", POOLED)
def test_logits_of_a_pooled_mean_are_those_of_loops(family: str, tmp_path: Path) -> None:
    unscaled = {"beit": {"layer_scale_init_value": 0.0}, "dinov2": {"layerscale_value": 1.0}}.get(family, {})
    model = tiny_vision_model(family, **unscaled)
    subject = ImageClassification.from_transformers(family, model, processor())
    example = subject.encode(save_noise(tmp_path / "noise.png"))
    norm_name, reads_mean, slices = POOLED[family]
    norm, given = model.get_submodule(norm_name), []
    hook = norm.register_forward_pre_hook(lambda _, args: given.append(args[0].detach().double().numpy()))
    decision = subject.decide(example)
    del given[1:]
    hook.remove()
    statistics = np.atleast_2d(given[0].squeeze(0))  # of the mean, or of each row
    logits, gamma = decision.logits, norm.weight.detach().double().numpy()
    rival = max((label for label in range(len(logits)) if label != decision.target), key=lambda label: logits[label])
    weights = (model.classifier.weight[decision.target] - model.classifier.weight[rival]).detach().double().numpy()

    def normed(vector: np.ndarray, row: int) -> np.ndarray:
        deviation = np.sqrt(((statistics[row] - statistics[row].mean()) ** 2).mean() + norm.eps)
        return gamma * (vector - vector.mean()) / deviation

    def logit(rows: np.ndarray) -> float:
        """What these vectors at all rows give to the margin, biases aside."""
        if reads_mean:
            return float(weights @ normed(rows[slices[0]].mean(axis=0), 0))
        after = np.stack([normed(vector, row) for row, vector in enumerate(rows)])
        return float(weights @ np.concatenate([after[each].mean(axis=0) for each in slices]))

    layers = layers_by_loops(subject, example, [(LAYERS[family], 0), (LAYERS[family], 1)])
    maps = maps_by_loops(layers, len(example.ids), closeness_of_all)
    expected, before = np.zeros(len(example.ids)), np.eye(len(example.ids))
    for number, layer in enumerate(layers):
        each = range(len(example.ids))
        expected += np.array([logit(np.stack([layer.added(i, j) for i in each])) for j in each]) @ before
        before = maps[number] @ before
    found = alti_logit(interpret.decompose(subject, example), example, decision)
    np.testing.assert_allclose(found.tokens.numpy(), expected, atol=1e-4)
    assert found.notes["own vector"] == pytest.approx(logit(layers[0].residual), abs=1e-4)
    assert float(found.tokens.sum()) + sum(found.notes.values()) == pytest.approx(decision.margin, abs=1e-4)


def test_the_native_model_is_traced() -> None:
    subject = interpret.load()
    example = subject.encode("Slow at first, then wonderful.")
    decision = subject.decide(example)
    found = interpret.decompose(subject, example)
    assert alti(found, example, decision).order()[0] == 5  # wonderful
    logits = alti_logit(found, example, decision)
    assert float(logits.tokens.sum()) + sum(logits.notes.values()) == pytest.approx(decision.margin, abs=1e-4)


def test_logits_follow_the_label_that_is_held_against(known) -> None:
    subject, _, _ = known["gpt2"]
    one = explain(subject, TEXT, "ALTI-Logit", target="label 3", against="label 7")
    other = explain(subject, TEXT, "ALTI-Logit", target="label 7", against="label 3")
    torch.testing.assert_close(one.scores, -other.scores, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", RULES)
def test_rows_of_maps_are_shares(method: str, family: str, known) -> None:
    subject, example, _ = known[family]
    maps = mixing_maps(interpret.decompose(subject, example), RULES[method][1])
    assert bool((maps >= 0).all())
    torch.testing.assert_close(maps.sum(dim=-1), torch.ones(maps.shape[:2]))


@pytest.mark.parametrize("method", ["residual norms", "ALTI", "GlobEnc", "information flow routes"])
def test_a_layer_that_writes_nothing_keeps_every_position(method: str) -> None:
    subject = tiny_gpt2()
    for block in subject.model.transformer.h:
        torch.nn.init.zeros_(block.attn.c_proj.weight)
        torch.nn.init.zeros_(block.attn.c_proj.bias)
    example = subject.encode(TEXT)
    found = interpret.decompose(subject, example)
    torch.testing.assert_close(mixing_maps(found, RULES[method][1]), torch.eye(found.length).expand(2, -1, -1))
    readout = subject.decide(example).readout
    torch.testing.assert_close(traced_to_input(found, RULES[method][1], readout), readout)


def test_one_head_weighs_the_length_of_each_value() -> None:
    """With a single head, ||a_j f(x_j)|| is a_j ||f(x_j)||."""
    subject = ToySubject(tiny_model("classifier", "bert"))
    layer = subject.model.bert.encoder.layer
    for each in layer:
        each.attention.self.num_attention_heads, each.attention.self.attention_head_size = 1, 64
    example = subject.encode(TEXT)
    values: list[torch.Tensor] = []
    hook = layer[-1].attention.self.value.register_forward_hook(lambda _, __, answer: values.append(answer[0]))
    with interpret.recording(subject.model) as record:
        subject.logits(example.ids[None])
    hook.remove()
    lengths = (values[0] @ layer[-1].attention.output.dense.weight.T).norm(dim=-1)
    row = record.weights(1)[0, 0, 0] * lengths
    found = weighted_value_norms(interpret.decompose(subject, example), example, subject.decide(example))
    torch.testing.assert_close(found.tokens, (row / row.sum()).detach(), rtol=1e-4, atol=1e-6)


def test_rows_to_which_nothing_contributes_keep_themselves(known) -> None:
    subject, example, _ = known["bert"]
    found = interpret.decompose(subject, example)
    maps = mixing_maps(found, lambda block: torch.zeros(block.attention.shape[:2]))
    torch.testing.assert_close(maps, torch.eye(found.length).expand_as(maps))


@pytest.mark.parametrize("method", [*RULES, "ALTI-Logit"])
def test_few_rows_at_a_time_give_the_same(method: str, known, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = known["llama"][0]
    whole = explain(subject, TEXT, method)
    monkeypatch.setattr(attention_parts, "NUMBERS_AT_ONCE", 700)
    torch.testing.assert_close(explain(subject, TEXT, method).scores, whole.scores, rtol=1e-4, atol=1e-6)


def test_all_start_from_one_pass(known, monkeypatch: pytest.MonkeyPatch) -> None:
    subject, example, _ = known["gpt2"]
    decision, passes = subject.decide(example), []
    shared = Shared(subject, example, decision)
    hook = subject.model.register_forward_hook(lambda *_: passes.append(1))
    for method in chosen_methods([*RULES, "ALTI-Logit"])[1:]:
        method(subject, example, decision, shared)
    hook.remove()
    assert len(passes) == 1


def test_logits_that_a_model_scales_are_read_with_their_scale() -> None:
    """As in Cohere and Granite; multiples of the logits are multiples of every part of the margin."""
    model = tiny_model("causal", "cohere2")
    subject = ToySubject(model, before=("<s>",), after=(), mask=False, is_causal=True)
    model.logit_scale = 1.0
    plain = explain(subject, TEXT, "ALTI-Logit")
    model.logit_scale = 0.3
    scaled = explain(subject, TEXT, "ALTI-Logit")
    assert plain.scores.any()
    torch.testing.assert_close(scaled.tokens, 0.3 * plain.tokens, rtol=1e-4, atol=1e-7)
    for name, note in plain.notes.items():
        assert scaled.notes[name] == pytest.approx(0.3 * note, rel=1e-4, abs=1e-7)
    against = explain(subject, TEXT, "ALTI-Logit", target="label 3", against="label 7")
    torch.testing.assert_close(
        against.scores, -explain(subject, TEXT, "ALTI-Logit", target="label 7", against="label 3").scores
    )


def test_logits_of_a_model_that_norms_its_sums_are_refused() -> None:
    subject = tiny_bert()
    with pytest.raises(CaptureError) as error:
        explain(subject, TEXT, "ALTI-Logit")
    assert str(error.value) == (
        "logits can be traced to positions only where the residual stream is a sum of all layers, and this model norms "
        "it after each; ALTI and GlobEnc work"
    )


def test_logits_behind_a_nonlinear_head_are_refused() -> None:
    subject = ToySubject(tiny_model("classifier", "roberta-prelayernorm"))
    with pytest.raises(CaptureError) as error:
        explain(subject, TEXT, "ALTI-Logit")
    assert str(error.value) == (
        "logits can be traced to positions only where they are a linear read of the residual stream, with at most one "
        "norm before, and this model computes them in another way (a pooling layer with a nonlinearity, or squashed "
        "logits); ALTI works"
    )


def test_another_text_is_refused(known) -> None:
    subject, example, _ = known["bert"]
    found, other = interpret.decompose(subject, example), subject.encode("the plot drags")
    with pytest.raises(InputError) as error:
        alti(found, other, subject.decide(other))
    assert str(error.value) == (
        f"the decomposition must be of this text's 5 tokens, not of {len(example.ids)}; decompose the same example"
    )
