"""The tests that train: frozen attention, the retrained adversary and seeds, on sentences made up here."""

import math
import re
from dataclasses import replace
from functools import cache
from random import Random

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy
from torch import Tensor
from torch.nn import functional

import interpret
from analyses.classic.distances import kl_divergence, total_variation
from analyses.classic.frozen import FrozenAttention, _guided, _logits, frozen_attention
from analyses.classic.model_comparison import compare_models, seed_variance
from analyses.classic.native_answers import even_shares, native_answers
from analyses.classic.retrained_adversary import RetrainedAdversary, _loss, adversarial_loss, retrained_adversary
from interpret.native import ClassifierConfig, TransformerClassifier
from interpret.native.learning import Texts, TrainingRecipe, encoded, padded
from interpret.native.vocabulary import SPECIAL, word_pieces

GOOD, BAD = ("lovely", "bright", "witty"), ("dreary", "clumsy", "stale")
FILLERS = ("the", "film", "plot", "cast", "is", "a", "song", "and", "scene", "was")
PIECES = (*SPECIAL, *GOOD, *BAD, *FILLERS)
CUES = range(len(SPECIAL), len(SPECIAL) + len(GOOD) + len(BAD))
RECIPE = TrainingRecipe(epochs=8, batch=25, rate=2e-2, weight_decay=0.0, smoothing=0.0)


def sentences(count: int, seed: int) -> Texts:
    """Each has one word that decides its label, among words that say nothing."""
    random, texts, labels = Random(seed), [], []
    for _ in range(count):
        label = random.randrange(2)
        words = random.choices(FILLERS, k=random.randint(3, 7))
        words.insert(random.randint(0, len(words)), random.choice((BAD, GOOD)[label]))
        texts.append(" ".join(words))
        labels.append(label)
    return encoded(word_pieces(PIECES), texts, labels, longest=12)


TRAIN, TEST = sentences(200, 1), sentences(60, 2)


def config(layers: int = 1, heads: int = 2) -> ClassifierConfig:
    return ClassifierConfig(
        vocabulary=len(PIECES), hidden=16, layers=layers, heads=heads, inner=16, positions=12, norm="pre"
    )


def looks_at(cues: bool, *, layers: int = 1) -> TransformerClassifier:
    """A classifier, otherwise random, whose last heads look at the words that decide, or at all words but those."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = TransformerClassifier(config(layers)).eval()
    with torch.no_grad():
        model.embedding.token.weight[:, 0] = -1.0
        model.embedding.token.weight[list(CUES), 0] = 1.0
        attention = model.blocks[-1].attention
        attention.query.weight.zero_()
        attention.query.bias.fill_(0.5)
        attention.key.weight.zero_()
        attention.key.weight[:, 0] = 1.0 if cues else -1.0
    return model


@cache
def frozen() -> FrozenAttention:
    guides = {"cues": looks_at(True), "fillers": looks_at(False)}
    return frozen_attention(config(), TRAIN, TEST, recipe=RECIPE, seeds=(0, 1), guides=guides)


@cache
def adversaries(layers: int) -> tuple[TransformerClassifier, RetrainedAdversary]:
    """A classifier that is right because it looks at the deciding word, and its adversaries."""
    base = looks_at(True, layers=layers)
    learning = [base.embedding.token.weight, *base.readout.parameters(), *base.blocks[-1].attention.value.parameters()]
    optimizer = torch.optim.Adam([*learning, *base.blocks[-1].attention.output.parameters()], lr=2e-2)
    ids, _, real = padded(TRAIN, list(range(len(TRAIN))))
    for _ in range(60):
        base.zero_grad()
        functional.cross_entropy(base(input_ids=ids, attention_mask=real).logits, TRAIN.labels).backward()
        optimizer.step()
    base.zero_grad()
    recipe = TrainingRecipe(epochs=14, batch=40, rate=1e-2, weight_decay=0.0)
    return base, retrained_adversary(base, TRAIN, TEST, recipe=recipe, penalties=(0.0, 0.01))


def test_only_a_map_that_shows_the_deciding_word_can_guide_another_model() -> None:
    found = frozen()
    learned, even, cues, fillers = found.accuracy.mean(axis=1)
    assert found.arms == ("learned", "uniform", "cues", "fillers")
    # One word among a few decides: its mean with the others still tells, so nobody need learn where to look.
    assert learned > 0.9 and even > 0.9 and cues > 0.9
    assert fillers < 0.75
    assert found.cost("fillers").mean == pytest.approx(learned - fillers)
    assert found.cost("learned").mean == 0


def by_hand(model: TransformerClassifier, ids: Tensor, shares: list[float]) -> list[float]:
    """Logits of a one-layer, pre-norm classifier whose heads all weigh tokens by `shares`, in double precision."""
    weight = {name: parameter.detach().double() for name, parameter in model.named_parameters()}

    def linear(name: str, x: Tensor) -> Tensor:
        return weight[f"{name}.weight"] @ x + weight[f"{name}.bias"]

    def norm(name: str, x: Tensor) -> Tensor:
        return functional.layer_norm(x, x.shape, weight[f"{name}.weight"], weight[f"{name}.bias"])

    tokens = [weight["embedding.token.weight"][token] for token in ids.tolist()]
    states = [token + weight["embedding.position.weight"][place] for place, token in enumerate(tokens)]
    block = "blocks.0"
    values = [linear(f"{block}.attention.value", norm(f"{block}.attention_residual.norm", state)) for state in states]
    written = sum((share * value for share, value in zip(shares, values, strict=True)), torch.zeros(16).double())
    after = states[0] + linear(f"{block}.attention.output", written)
    inner = functional.gelu(linear(f"{block}.feed_forward.widen", norm(f"{block}.feed_forward_residual.norm", after)))
    after = after + linear(f"{block}.feed_forward.narrow", inner)
    return linear("readout", norm("norm", after)).tolist()


def test_each_text_of_a_batch_gets_its_own_guidance() -> None:
    model, guide = frozen().models["cues"][0], looks_at(True)
    shares = native_answers(guide, TEST).shares.double()
    rows = [41, 3, 17]
    with torch.no_grad():
        logits = _logits(model, TEST, rows, _guided(guide, TEST))
    for row, found in zip(rows, logits.tolist(), strict=True):
        ids = TEST.ids[row]
        assert found == pytest.approx(by_hand(model, ids, shares[row, : len(ids)].tolist()), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("arm", ["uniform", "cues"])
def test_predictions_of_frozen_arms_are_those_of_the_imposed_weights(arm: str) -> None:
    found = frozen()
    for seed in (0, 1):
        for row in range(20):
            ids = TEST.ids[row]
            words = len(ids) - 2  # all but [CLS] and [SEP]; every word is one token here
            shares = [0.0, *[1 / words] * words, 0.0]
            if arm == "cues":  # what a softmax over +-1 of one number gives, from the recording of another pass
                with interpret.recording(guide := looks_at(True)) as record:
                    guide(input_ids=ids[None])
                own = record.weights(0)[0, :, 0].mean(dim=0).tolist()
                shares = [0.0, *[each / sum(own[1:-1]) for each in own[1:-1]], 0.0]
            logits = by_hand(found.models[arm][seed], ids, shares)
            assert found.predicted[found.arms.index(arm), seed, row] == logits.index(max(logits))


def test_only_the_last_layers_attention_is_frozen() -> None:
    found = frozen_attention(config(2), TRAIN, TEST, recipe=TrainingRecipe(epochs=1, batch=50, rate=1e-2), seeds=(3,))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        start = TransformerClassifier(config(2))
    same = {
        arm: [
            torch.equal(block.attention.query.weight, first.attention.query.weight)
            for block, first in zip(found.models[arm][0].blocks, start.blocks, strict=True)
        ]
        for arm in found.arms
    }
    # A query that nobody reads isn't learned; all arms start from the same weights.
    assert same == {"learned": [False, False], "uniform": [False, True]}
    values = [arm[0].blocks[1].attention.value.weight for arm in found.models.values()]
    assert not any(torch.equal(value, start.blocks[1].attention.value.weight) for value in values)


def test_f1_counts_hits() -> None:
    labels = np.array([0, 1, 1, 2])
    found = FrozenAttention(("learned",), (0,), np.array([[[0, 1, 0, 0]]]), labels, {})
    assert found.f1(0)[0, 0] == pytest.approx(2 * 1 / (3 + 1))
    assert found.f1(1)[0, 0] == pytest.approx(2 * 1 / (1 + 2))
    assert found.f1(2)[0, 0] == 0
    assert math.isnan(found.f1(3)[0, 0])
    assert found.accuracy[0, 0] == 0.5


def test_shares_are_the_read_row_on_words_whatever_the_padding() -> None:
    model = looks_at(True)
    found = native_answers(model, TEST)
    for row, ids in enumerate(TEST.ids):
        with torch.no_grad(), interpret.recording(model) as record:
            logits = model(input_ids=ids[None]).logits[0]
        own = record.weights(0)[0, :, 0, 1:-1].mean(dim=0)
        torch.testing.assert_close(found.shares[row, 1 : len(ids) - 1], own / own.sum(), rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(found.probabilities[row], logits.softmax(-1), rtol=1e-4, atol=1e-6)
        assert not found.shares[row, 0] and not found.shares[row, len(ids) - 1 :].any()
    assert even_shares(torch.tensor([[-1, 0, 0, 1, -1]])).tolist() == [pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 0])]


def test_answers_are_those_without_dropout_and_training_mode_stays() -> None:
    model = looks_at(True)
    noisy = TransformerClassifier(replace(model.config, dropout=0.5)).train()
    noisy.load_state_dict(model.state_dict())
    found = native_answers(noisy, TEST)
    torch.testing.assert_close(found.probabilities, native_answers(model, TEST).probabilities)
    assert noisy.training


def test_total_variation_is_half_the_sum_and_kl_is_scipys() -> None:
    p = torch.tensor([[0.7, 0.3], [0.2, 0.8]], dtype=torch.float64)
    q = torch.tensor([[0.6, 0.4], [0.9, 0.1]], dtype=torch.float64)
    # Of two labels it is the change of one's probability: neither twice nor half of that.
    assert total_variation(p, q).tolist() == pytest.approx([0.1, 0.7])
    assert kl_divergence(p, q).tolist() == pytest.approx([entropy(a, b) for a, b in zip(p, q, strict=True)])
    # 0 log 0 is 0, also in the gradient; where only the second is 0 the answer is large and finite.
    sparse = torch.tensor([0.0, 0.5, 0.5, 0.0], dtype=torch.float64, requires_grad=True)
    full = torch.tensor([0.25, 0.25, 0.5, 0.0], dtype=torch.float64)
    found = kl_divergence(sparse, full)
    assert float(found.detach()) == pytest.approx(0.5 * math.log(2))
    (slope,) = torch.autograd.grad(found, sparse)
    assert torch.isfinite(slope).all()
    missing = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    assert 5 < float(kl_divergence(full, missing)) < 24


def test_the_loss_is_a_mean_over_texts_of_variation_minus_divergence() -> None:
    generator = torch.Generator().manual_seed(0)
    p, q, a, b = (torch.rand(3, size, generator=generator).add(0.1) for size in (4, 4, 6, 6))
    p, q, a, b = (each / each.sum(dim=-1, keepdim=True) for each in (p, q, a, b))
    expected = np.mean(
        [
            0.5 * np.abs(p[i].numpy() - q[i].numpy()).sum() - 0.3 * entropy(a[i].double(), b[i].double())
            for i in range(3)  # KL(adversary || base), not the other way round
        ]
    )
    assert float(adversarial_loss((p, a), (q, b), penalty=0.3)) == pytest.approx(expected, abs=1e-6)
    twice = adversarial_loss((p.repeat(2, 1), a.repeat(2, 1)), (q.repeat(2, 1), b.repeat(2, 1)), penalty=0.3)
    assert float(twice) == pytest.approx(expected, abs=1e-6)  # whatever the batch, lambda weighs the same


def test_texts_of_a_batch_do_not_change_each_others_loss() -> None:
    model, base = looks_at(False, layers=2), native_answers(looks_at(True, layers=2), TEST)
    rows = [41, 3, 17, 8]
    assert len({len(TEST.ids[row]) for row in rows}) > 1
    with torch.no_grad():
        alone = [float(_loss(TEST, base, 0.1, model, [row])) for row in rows]
        together = float(_loss(TEST, base, 0.1, model, rows))
    assert together == pytest.approx(np.mean(alone), abs=1e-5) and np.std(alone) > 1e-3


def test_without_a_penalty_the_answers_come_back() -> None:
    for layers in (1, 2):
        _, found = adversaries(layers)
        assert found.agreement[0] > 0.95 and found.curve[0, 0] < 0.05
        assert found.accuracy[0] == pytest.approx(found.base_accuracy, abs=0.05)


def test_attention_is_free_only_where_another_layer_carries_words_past_it() -> None:
    (_, one), (_, two) = adversaries(1), adversaries(2)
    assert (one.base_accuracy, two.base_accuracy) == (1, 1)
    assert min(one.curve[1, 1], two.curve[1, 1]) > 0.5  # both look elsewhere
    # With one layer an answer can't be known without looking at the deciding word ...
    assert one.curve[1, 0] > 0.3 and one.agreement[1] < 0.7
    # ... and with a layer below, other words know it too.
    assert two.curve[1, 0] < 0.2 and two.agreement[1] > 0.8


def test_the_curve_is_of_whole_passes() -> None:
    base, found = adversaries(2)
    for which, model in enumerate(found.models):
        variations, divergences = [], []
        for ids in TEST.ids:
            rows, answers = [], []
            for each in (base, model):
                with torch.no_grad(), interpret.recording(each) as record:
                    answers.append(each(input_ids=ids[None]).logits[0].double().softmax(-1))
                row = record.weights(1)[0, :, 0].double().mean(dim=0)[1:-1]
                rows.append((row / row.sum()).numpy())
            variations.append(float((answers[0] - answers[1]).abs().sum() / 2))
            divergences.append(jensenshannon(*rows) ** 2)
        np.testing.assert_allclose(found.curve[which], [np.mean(variations), np.mean(divergences)], atol=1e-4)
        looked = native_answers(model, TEST).shares.double().numpy()
        np.testing.assert_allclose(found.comparisons[which].entropy, entropy(looked, axis=1), atol=1e-6)


def test_accuracy_is_over_the_texts_that_have_a_label() -> None:
    base, _ = adversaries(1)
    answers = native_answers(base, TEST).probabilities.argmax(dim=-1)
    some = replace(TEST, labels=answers.where(torch.arange(len(TEST)) < 50, torch.tensor(-1)))
    none = replace(TEST, labels=torch.full_like(answers, -1))
    quick = TrainingRecipe(epochs=1, batch=100)
    for texts, expected in ((some, 1.0), (none, math.nan)):
        found = retrained_adversary(base, TRAIN, texts, recipe=quick, penalties=(0.0,))
        assert found.base_accuracy == pytest.approx(expected, nan_ok=True)


def test_training_repeats_and_leaves_the_base_and_the_random_state_alone() -> None:
    base, _ = adversaries(1)
    before = [parameter.clone() for parameter in base.parameters()]
    state = torch.get_rng_state()
    quick = TrainingRecipe(epochs=1, batch=32, rate=1e-2)
    runs = [
        retrained_adversary(base, TRAIN, TEST, recipe=quick, penalties=(0.1,), seed=seed).curve for seed in (0, 0, 1)
    ]
    assert (runs[0] == runs[1]).all() and (runs[0] != runs[2]).any()
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(before, base.parameters(), strict=True))
    trained = (base, *adversaries(1)[1].models)
    assert all(parameter.grad is None for model in trained for parameter in model.parameters())
    assert not any(model.training for model in trained)


def test_seed_variance_is_the_median_over_seeds() -> None:
    base, (first, second) = looks_at(True), frozen().models["learned"]
    others = (first, second, looks_at(False))
    found = seed_variance(base, others, TEST)
    own = native_answers(base, TEST)
    each = [compare_models(own, native_answers(other, TEST)) for other in others]
    for row in range(len(TEST)):
        assert found.divergence[row] == sorted(one.divergence[row] for one in each)[1]
        assert found.variation[row] == sorted(one.variation[row] for one in each)[1]
        assert found.max_attention[row] == pytest.approx(float(own.shares[row].max()))
    itself = seed_variance(base, [base], TEST)
    assert itself.divergence.max() < 1e-6 and itself.variation.max() == 0


def test_errors() -> None:
    model, unknown = looks_at(True), encoded(word_pieces(PIECES), ["film"], [None], longest=12)
    nothing = Texts([torch.tensor([2, 3])], [torch.tensor([-1, -1])], torch.tensor([0]))
    message = (
        "frozen attention needs seeds, labelled test texts and guides that aren't called 'learned' or 'uniform'; "
        "it got seeds [], 1 unlabelled texts and guides ['uniform']"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        frozen_attention(config(), TRAIN, unknown, recipe=RECIPE, seeds=(), guides={"uniform": model})
    empty = "every text must have a word; of 1 texts, these have none: [0]"
    with pytest.raises(ValueError, match=re.escape(empty)):
        frozen_attention(config(), nothing, TEST, recipe=RECIPE)
    with pytest.raises(ValueError, match=re.escape(empty)):
        native_answers(model, nothing)
    with pytest.raises(ValueError, match="the arm must be one of learned, uniform, cues, fillers, not 'even'"):
        frozen().cost("even")
    with pytest.raises(ValueError, match=re.escape("penalties must be at least 0 and there must be one, not [-1.0]")):
        retrained_adversary(model, TRAIN, TEST, recipe=RECIPE, penalties=(-1.0,))
    with pytest.raises(ValueError, match="seed variance needs at least one other model, not 0"):
        seed_variance(model, [], TEST)
    shapes = "both models must have the same texts, labels and tokens, not (200, 2, 10) and (60, 2, 10)"
    with pytest.raises(ValueError, match=re.escape(shapes)):
        compare_models(native_answers(model, TRAIN), native_answers(model, TEST))
