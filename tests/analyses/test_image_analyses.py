"""Every method on images: against an image whose decision is planted in one patch, and against slow oracles."""

from itertools import product

import pytest
import torch
from images_for_tests import save_noise, save_red_patch, sees_red, tiny_vision

from analyses.classic.battery import classic_tests
from analyses.explanations.attention_only.last_layer import last_layer_attention
from analyses.explanations.attention_only.rollout import attention_rollout, rollout_attribution
from analyses.explanations.faithfulness import faithfulness
from analyses.explanations.gradient_based.input_x_gradient import input_x_gradient
from analyses.explanations.gradient_based.integrated_gradients import integrated_gradients
from analyses.explanations.gradient_based.saliency import saliency
from analyses.explanations.input_edits.leave_one_out import leave_one_out
from analyses.heads.ablation import head_importance
from analyses.heads.gradients import head_gradients
from analyses.verdicts.measure import measure
from analyses.verdicts.measurement import Draws
from analyses.verdicts.one_text import one_text_verdict
from analyses.verdicts.patch_resampling import PatchesOfImages, PatchesOfTheImage
from analyses.verdicts.thresholds import BARS
from interpret.subjects.decision import margin

FEW = Draws(permutations=4, replacements=4, orders=19)


@pytest.fixture
def noise(tmp_path):
    return str(save_noise(tmp_path / "noise.png"))


@pytest.fixture
def red(tmp_path):
    """A subject, an image whose red patch is in the third row and second column, and the decision on it."""
    subject = sees_red()
    example = subject.encode(str(save_red_patch(tmp_path / "red.png", 2, 1)))
    return subject, example, subject.decide(example)


def maps_of(subject, example, decision):
    weights = subject.record(example)[0].stacked()
    return [
        last_layer_attention(weights, example, decision),
        rollout_attribution(attention_rollout(weights), example, decision),
        saliency(subject, example, decision),
        input_x_gradient(subject, example, decision),
        integrated_gradients(subject, example, decision),
        leave_one_out(subject, example, decision, eraser="mean"),
    ]


def test_every_map_finds_the_patch_that_decides(red):
    for attribution in maps_of(*red):
        assert len(attribution.scores) == 16 and len(attribution.tokens) == 17
        assert int(attribution.scores.argmax()) == 4 * 2 + 1, attribution.method


def test_rollout_sums_over_every_path(noise):
    subject = tiny_vision()
    weights = subject.record(subject.encode(noise))[0].stacked().double()
    mixed = [(0.5 * layer.mean(dim=0) + 0.5 * torch.eye(17, dtype=torch.float64)).tolist() for layer in weights]
    flow = attention_rollout(weights.float()).flow[-1]
    for query, key in product((0, 1, 16), (0, 7, 16)):
        paths = sum(mixed[1][query][between] * mixed[0][between][key] for between in range(17))
        assert float(flow[query, key]) == pytest.approx(paths, abs=1e-6)
    assert torch.allclose(flow.sum(dim=1), torch.ones(17), atol=1e-5)


@pytest.mark.parametrize("eraser", ["mean", "blur", "noisy linear"])
def test_deletion_curves_with_every_filling(eraser, red):
    subject, example, decision = red
    maps = maps_of(*red)[:2]
    found = faithfulness(subject, example, decision, maps, eraser=eraser, orders=100)
    curve = found.curve_of("last-layer attention")
    assert float(curve[0].margin[0]) == pytest.approx(decision.margin, abs=1e-5)
    order, target = maps[0].order(), decision.target
    for point, count in zip(curve, found.measured.removed, strict=True):
        gone = torch.zeros(17, dtype=torch.bool)
        gone[[1 + unit for unit in list(order)[:count]]] = True
        logits = subject.logits(subject.without(example.ids, gone, eraser)[None]).detach()
        assert float(point.margin[0]) == pytest.approx(float(margin(logits, target)[0]), abs=1e-5)
    best = float(found.random.comprehensiveness.margin.max())
    assert float(found.measured.comprehensiveness.margin[0]) > best - 0.01


def test_integrated_gradients_start_from_grey(noise):
    subject = tiny_vision()
    example = subject.encode(noise)
    decision = subject.decide(example)
    found = integrated_gradients(subject, example, decision, steps=200)
    with torch.no_grad():
        start = float(margin(subject.logits(torch.zeros_like(example.ids)[None]), decision.target)[0])
    assert found.notes["mask baseline"] == 0 and not found.tokens[0]
    assert float(found.scores.sum()) == pytest.approx(decision.margin - start, rel=0.02, abs=0.02)


def test_input_x_gradient_is_linear_in_pixels(noise):
    subject = tiny_vision("beit")
    example = subject.encode(noise)
    decision = subject.decide(example)
    found = input_x_gradient(subject, example, decision)
    step = 1e-3
    for unit in (0, 9):
        less = example.ids.clone()
        less[1 + unit] *= 1 - step
        fall = decision.margin - float(margin(subject.logits(less[None]).detach(), decision.target)[0])
        assert float(found.scores[unit]) == pytest.approx(fall / step, rel=0.05, abs=0.02)


def test_heads_of_an_image(noise):
    subject = tiny_vision()
    example = subject.encode(noise)
    decision = subject.decide(example)
    for importance in (
        head_importance(subject, example, decision),
        head_importance(subject, example, decision, ablation="mean"),
        head_gradients(subject, example, decision),
    ):
        assert importance.drop.shape == (2, 4) and bool(importance.drop.isfinite().all())
        assert bool(importance.drop[1].any())


@pytest.mark.parametrize(("family", "corpus"), [("vit", True), ("ijepa", False), ("beit", False)])
def test_all_components_can_be_measured(family, corpus, noise, tmp_path):
    subject = tiny_vision(family)
    example = subject.encode(noise)
    decision = subject.decide(example)
    others = [subject.encode(str(save_noise(tmp_path / f"{seed}.png", seed=seed))) for seed in (1, 2)]
    resampler = PatchesOfImages(others) if corpus else PatchesOfTheImage()
    found = measure(subject, [example], [decision], resampler, draws=FEW)[0]
    assert found.words == 16 and found.spread > 0 and 0 <= found.share <= 1
    verdict = one_text_verdict(found)
    assert verdict.answer in ("supported", "not supported", "inconclusive")


def test_a_batch_of_images_is_measured_as_single_ones(noise, tmp_path):
    subject = tiny_vision()
    examples = [subject.encode(noise), subject.encode(str(save_noise(tmp_path / "other.png", seed=1)))]
    decisions = [subject.decide(example) for example in examples]
    source = PatchesOfTheImage()
    both = measure(subject, examples, decisions, source, draws=FEW)
    alone = measure(subject, examples[1:], decisions[1:], source, draws=FEW)[0]
    assert both[1].margin == pytest.approx(alone.margin, abs=1e-5)
    assert both[1].uniform == pytest.approx(alone.uniform, abs=1e-4)
    assert both[1].rank == pytest.approx(alone.rank, abs=1e-3)


def test_attention_that_explains_is_supported(red):
    subject, example, decision = red
    resampler = PatchesOfTheImage()
    found = measure(subject, [example], [decision], resampler, draws=Draws(permutations=30, replacements=16))[0]
    verdict = one_text_verdict(found)
    sides = {finding.name: finding.side for finding in verdict.findings}
    assert found.share == pytest.approx(1) and sides["use"] == sides["share"] == "holds"
    assert found.rank > 0.9 and found.input_rank > BARS["input rank"].bar


@pytest.mark.parametrize("eraser", ["mean", "blur", "noisy linear"])
def test_classic_tests_of_an_image(eraser, red):
    found = classic_tests(*red, eraser=eraser, adversary_steps=5)
    assert found.words == 16 and found.eraser == eraser
    assert found.max_attention > 0.9 and found.violated["attention"] is False
