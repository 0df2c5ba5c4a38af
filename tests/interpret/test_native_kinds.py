"""Native models of each kind of attention: padding, storing, and every way of looking at them."""

import json
from math import isfinite
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import interpret
from analyses.attention.entropy import attention_entropy
from analyses.explanations.attention_only.last_layer import last_layer_attention
from analyses.explanations.attention_only.rollout import attention_rollout, rollout_attribution
from analyses.heads.ablation import head_importance
from analyses.heads.gradients import head_gradients
from interpret import native
from interpret.attention.editing import editing
from interpret.attention.edits import uniform_row, zero_head
from interpret.attention.recording import recording
from interpret.interventions.decision_row import read_row
from interpret.native.config import ClassifierConfig, LanguageModelConfig
from interpret.native.linear import LinearAttention
from interpret.native.vocabulary import SPECIAL, word_pieces
from interpret.native.window import WindowAttention
from interpret.subjects.subject import Subject
from interpret.subjects.text import TextSubject

PIECES = (*SPECIAL, "a", "fine", "poor", "film", "and", "the", "plot", "drags", ".")
SIZES = {"vocabulary": len(PIECES), "hidden": 12, "layers": 3, "heads": 4, "inner": 20, "positions": 24}
KINDS = {
    "full": {},
    "window": {"attention": "window", "window": 3},
    "window with global tokens": {"attention": "window", "window": 2, "global_positions": (0, 4)},
    "linear": {"attention": "linear"},
}
TEXT = "A fine film and the plot drags and a poor film."


def build(kind: str, model: str = "classifier") -> native.TransformerClassifier | native.TransformerLanguageModel:
    torch.manual_seed(1)
    if model == "classifier":
        built: nn.Module = native.TransformerClassifier(ClassifierConfig(**SIZES, **KINDS[kind]))
    else:
        built = native.TransformerLanguageModel(LanguageModelConfig(**SIZES, **KINDS[kind], key_heads=2))
    for parameter in built.parameters():
        if parameter.ndim == 2:
            nn.init.normal_(parameter, std=0.5)
    return built.eval()


def subject_of(kind: str, folder: Path) -> TextSubject:
    native.save(folder, build(kind), word_pieces(PIECES))
    return interpret.load(folder)


IDS = torch.randint(0, len(PIECES), (2, 9), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("model", ["classifier", "language model"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side_changes_nothing(side, kind, model):
    built = build(kind, model)
    alone = built(input_ids=IDS[:1, :6]).logits
    place = slice(3, 9) if side == "left" else slice(0, 6)
    ids, mask = IDS.clone(), torch.ones(2, 9, dtype=torch.long)
    ids[0], mask[0] = 5, 0
    ids[0, place], mask[0, place] = IDS[0, :6], 1
    with recording(built) as record:
        padded = built(input_ids=ids, attention_mask=mask).logits
    assert all(check.passed for check in record.checks()), record.checks()
    shown = padded[:1] if padded.ndim == 2 else padded[:1, place]
    torch.testing.assert_close(shown, alone, rtol=0, atol=1e-5)
    torch.testing.assert_close(padded[1:], built(input_ids=IDS[1:]).logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_language_model_is_blind_to_what_follows(kind):
    built, changed = build(kind, "language model"), IDS.clone()
    changed[:, 5:] = 8 - changed[:, 5:] % 4
    before, after = built(input_ids=IDS).logits, built(input_ids=changed).logits
    torch.testing.assert_close(before[:, :5], after[:, :5], rtol=0, atol=1e-5)
    assert not torch.allclose(before[:, 5:], after[:, 5:], atol=1e-2)


def test_how_far_windows_reach_is_layers_times_window():
    """What the first token knows: 3 layers of windows of 3 carry it from 6 positions on, and not from 7."""
    ids, changed = torch.full((1, 9), 5), torch.full((2, 9), 5)
    changed[0, 6], changed[1, 7] = 6, 6
    near, far = build("window")(input_ids=changed).logits - build("window")(input_ids=ids).logits
    assert near.abs().max() > 1e-4 > 1e-6 > far.abs().max()


@pytest.mark.parametrize("model", ["classifier", "language model"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stored_model_comes_back_as_it_was(kind, model, tmp_path):
    built = build(kind, model)
    native.save(tmp_path, built, word_pieces(PIECES))
    loaded = native.load(tmp_path).model
    assert loaded.config == built.config == type(built.config)(**SIZES, **KINDS[kind], key_heads=built.config.key_heads)
    assert torch.equal(loaded(input_ids=IDS).logits, built(input_ids=IDS).logits)
    attention = loaded.blocks[2].attention
    assert type(attention) is type(built.blocks[2].attention)
    assert isinstance(attention, LinearAttention) == (kind == "linear")
    assert isinstance(attention, WindowAttention) == kind.startswith("window")


def test_a_model_stored_before_there_was_a_choice_has_full_attention(tmp_path):
    built = build("full")
    native.save(tmp_path, built, word_pieces(PIECES))
    config = json.loads((tmp_path / "config.json").read_text())
    for later in ("attention", "window", "global_positions"):
        del config["sizes"][later]
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded = native.load(tmp_path).model
    assert loaded.config == built.config
    assert torch.equal(loaded(input_ids=IDS).logits, built(input_ids=IDS).logits)


def test_the_kind_changes_the_answer_and_no_weight(tmp_path):
    built = {kind: build(kind) for kind in KINDS}
    answers = torch.stack([model(input_ids=IDS).logits for model in built.values()])
    assert torch.pdist(answers.flatten(1)).min() > 1e-3
    for kind, model in built.items():
        native.save(tmp_path / kind, model, word_pieces(PIECES))
    weights = [load_file(tmp_path / kind / "model.safetensors") for kind in KINDS]
    assert all(one.keys() == weights[0].keys() for one in weights)


@pytest.mark.parametrize("kind", KINDS)
def test_analyses_work_and_say_what_loops_say(kind, tmp_path):
    subject = subject_of(kind, tmp_path)
    assert not subject.is_causal
    example = subject.encode(TEXT)
    decision = subject.decide(example)
    record, checks = subject.record(example)
    assert all(check.passed for check in checks), checks
    weights = record.stacked()
    tokens = len(example.ids)

    row = last_layer_attention(weights, example, decision)
    assert decision.readout.argmax() == 0 and float(decision.readout.max()) > 0.999
    torch.testing.assert_close(row.tokens, weights[-1, :, 0].mean(0), rtol=0, atol=1e-5)

    flow = torch.eye(tokens)
    for layer in range(3):
        flow = (0.5 * weights[layer].mean(0) + 0.5 * torch.eye(tokens)) @ flow
    rollout = attention_rollout(weights)
    torch.testing.assert_close(rollout.flow[-1], flow, rtol=0, atol=1e-5)
    assert isfinite(sum(rollout_attribution(rollout, example, decision).scores.tolist()))

    entropy = attention_entropy(weights, visible=record.visible())
    assert float(entropy.share.nan_to_num().max()) <= 1
    visible = record.visible().sum(dim=-1)
    expected = {"window": 5, "window with global tokens": 5}.get(kind, tokens)  # for a token amidst, not near a global
    assert visible[:, 8].tolist() == [expected] * 3

    drops = head_importance(subject, example, decision).drop
    torch.testing.assert_close(drops, drops_by_cut_projections(subject, example.ids, decision), rtol=0, atol=1e-4)
    assert torch.isfinite(head_gradients(subject, example, decision).drop).all()


def drops_by_cut_projections(subject: Subject, ids: torch.Tensor, decision: interpret.Decision) -> torch.Tensor:
    """Head importance with the head's columns of the output projection set to 0, one whole pass a head."""
    drops = torch.zeros(3, 4)
    for layer in range(3):
        projection = subject.model.blocks[layer].attention.output.weight
        for head in range(4):
            kept = projection.detach().clone()
            with torch.no_grad():
                clean = subject.logits(ids[None])[0]
                projection[:, 3 * head : 3 * head + 3] = 0
                cut = subject.logits(ids[None])[0]
                projection.copy_(kept)
            one, other = (logits[decision.target] - logits[1 - decision.target] for logits in (clean, cut))
            drops[layer, head] = one - other
    return drops


@pytest.mark.parametrize("kind", KINDS)
def test_edited_rows_give_the_same_answer_the_short_way_and_by_whole_passes(kind, tmp_path):
    subject = subject_of(kind, tmp_path)
    example = subject.encode(TEXT)
    decision = subject.decide(example)
    row = read_row(subject, example.ids[None], torch.tensor([decision.target]), readout=decision.readout, layer=-1)
    assert row.states is not None
    visible = (row.weights > 0).float()
    even = visible / visible.sum(-1, keepdim=True)
    with torch.no_grad(), editing(subject.model, uniform_row(2, query=0)):
        expected = subject.logits(example.ids[None])
    with torch.no_grad():
        torch.testing.assert_close(row.logits(row.write(even[:, None]))[0], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_edits_leave_nothing_behind_and_recording_no_trace(kind):
    built = build(kind)
    alone = built(input_ids=IDS).logits
    with editing(built, zero_head(1, 1), uniform_row(0, head=2)):
        assert not torch.allclose(built(input_ids=IDS).logits, alone, atol=1e-3)
    with recording(built):
        assert torch.equal(built(input_ids=IDS).logits, alone)
    assert torch.equal(built(input_ids=IDS).logits, alone)


@pytest.mark.parametrize("kind", KINDS)
def test_models_of_each_kind_learn(kind):
    """A few steps on one batch lower the loss: gradients reach every weight through each kernel."""
    built = build(kind).train()
    optimizer = torch.optim.Adam(built.parameters(), lr=0.01)
    labels, losses = torch.tensor([0, 1]), []
    for _ in range(15):
        loss = nn.functional.cross_entropy(built(input_ids=IDS).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        assert all(
            parameter.grad is not None and torch.isfinite(parameter.grad).all() for parameter in built.parameters()
        )
        assert all(parameter.grad.any() for parameter in built.parameters() if parameter.ndim == 2)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
