"""Hidden words, batches, the loss and calibration, each against a slow or closed form."""

from math import exp, log

import pytest
import torch

from interpret.native import ClassifierConfig, TransformerClassifier
from interpret.native.learning import (
    Texts,
    TrainingRecipe,
    accuracy,
    best_temperature,
    encoded,
    hide_words,
    logits_of,
    loss_of,
    padded,
    share_of_rate,
    shuffled_batches,
    train,
)
from interpret.native.vocabulary import SPECIAL, word_pieces

PIECES = (*SPECIAL, "fine", "##ly", "poor", "film", ".")
CONFIG = ClassifierConfig(vocabulary=len(PIECES), hidden=16, layers=1, heads=2, inner=16, positions=12)


def some_texts(**options) -> Texts:
    return encoded(word_pieces(PIECES), ["finely film.", "poor", "poor poor film"], [1, 0, None], longest=12, **options)


def test_texts_are_cut_into_tokens_and_words():
    texts = some_texts()
    assert [ids.tolist() for ids in texts.ids] == [[2, 5, 6, 8, 9, 3], [2, 7, 3], [2, 7, 7, 8, 3]]
    assert texts.words[0].tolist() == [-1, 0, 0, 1, 2, -1]
    assert texts.labels.tolist() == [1, 0, -1]
    assert len(texts) == 3


def test_long_texts_keep_their_last_separator():
    texts = encoded(word_pieces(PIECES), ["poor " * 30], [0], longest=6)
    assert texts.ids[0].tolist() == [2, 7, 7, 7, 7, 3]


def test_padding_is_marked():
    ids, words, real = padded(some_texts(), [1, 2])
    assert ids.tolist() == [[2, 7, 3, 0, 0], [2, 7, 7, 8, 3]]
    assert words.tolist() == [[-1, 0, -1, -1, -1], [-1, 0, 1, 2, -1]]
    assert real.tolist() == [[True, True, True, False, False], [True] * 5]


def test_words_are_hidden_whole_and_special_tokens_never():
    ids = torch.arange(10, 18).repeat(2000, 1)
    words = torch.tensor([-1, 0, 0, 1, 2, 2, -1, -1]).repeat(2000, 1)
    generator = torch.Generator().manual_seed(0)
    hidden = hide_words(ids, words, mask_id=4, generator=generator, share=0.3) == 4
    assert not hidden[:, [0, 6, 7]].any()
    assert torch.equal(hidden[:, 1], hidden[:, 2])
    assert torch.equal(hidden[:, 4], hidden[:, 5])
    assert float(hidden[:, [1, 3, 4]].float().mean()) == pytest.approx(0.3, abs=0.02)
    drawn = hide_words(ids, words, mask_id=4, generator=generator) == 4
    assert float(drawn[:, [1, 3, 4]].float().mean()) == pytest.approx(1 / 3, abs=0.03)
    assert torch.equal(hide_words(ids, words, mask_id=4, generator=generator, share=0.0), ids)


def test_every_text_is_in_one_batch_beside_texts_of_like_length():
    lengths = torch.randint(1, 30, (700,), generator=torch.Generator().manual_seed(0)).tolist()
    texts = Texts([torch.ones(length).long() for length in lengths], [], torch.zeros(700).long())
    batches = list(shuffled_batches(texts, 8, torch.Generator().manual_seed(1)))
    assert sorted(row for batch in batches for row in batch) == list(range(700))
    padding = sum(max(lengths[row] for row in batch) * len(batch) for batch in batches) - sum(lengths)
    assert padding < 0.1 * sum(lengths)
    assert [min(batch) for batch in batches] != sorted(min(batch) for batch in batches)


def cross_entropy(logits: list[float], target: list[float]) -> float:
    total = sum(exp(logit) for logit in logits)
    return -sum(share * log(exp(logit) / total) for share, logit in zip(target, logits, strict=True))


def test_the_loss_mixes_labels_and_teacher():
    recipe = TrainingRecipe(smoothing=0.2, teacher_weight=0.75, temperature=2.0)
    logits, teacher = [[0.3, -1.0], [0.5, 0.1], [2.0, 1.0]], [[0.0, 2.0], [4.0, 0.0], [-2.0, 2.0]]
    soft = [[1 / (1 + exp((b - a) / 2)), 1 / (1 + exp((a - b) / 2))] for a, b in teacher]
    by_label = [cross_entropy(logits[0], [0.1, 0.9]), cross_entropy(logits[1], [0.9, 0.1])]
    by_teacher = [cross_entropy(logits[row], soft[row]) for row in range(3)]
    expected = (sum(0.25 * by_label[row] + 0.75 * by_teacher[row] for row in range(2)) + by_teacher[2]) / 3
    taught = some_texts(teacher=torch.tensor(teacher))
    assert float(loss_of(torch.tensor(logits), taught, [0, 1, 2], recipe)) == pytest.approx(expected, abs=1e-6)
    alone = float(loss_of(torch.tensor(logits), some_texts(), [0, 1, 2], recipe))
    assert alone == pytest.approx(sum(by_label) / 2, abs=1e-6)


def test_training_learns_repeats_and_leaves_evaluation_mode():
    texts = encoded(word_pieces(PIECES), ["fine film", "poor film"] * 20, [1, 0] * 20, longest=12)
    results = []
    for seed in (0, 0, 1):
        torch.manual_seed(0)
        model = TransformerClassifier(CONFIG)
        recipe = TrainingRecipe(epochs=10, batch=8, rate=1e-2, seed=seed)
        losses = list(train(model, texts, recipe, mask_id=4))
        assert not model.training
        assert losses[-1] < losses[0]
        results.append(logits_of(model, texts))
    assert accuracy(results[0], texts.labels) == 1.0
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_scores_with_hidden_words_are_those_of_hidden_ids():
    torch.manual_seed(0)
    model, texts = TransformerClassifier(CONFIG).eval(), some_texts()
    everything = logits_of(model, texts, mask_id=4, share=1.0)
    for row, ids in enumerate([[2, 4, 4, 4, 4, 3], [2, 4, 3], [2, 4, 4, 4, 3]]):
        alone = model(input_ids=torch.tensor([ids])).logits[0]
        torch.testing.assert_close(everything[row], alone, rtol=0, atol=1e-5)
    plain = model(input_ids=texts.ids[1][None]).logits[0]
    torch.testing.assert_close(logits_of(model, texts)[1], plain, rtol=0, atol=1e-5)


@pytest.mark.parametrize("steps", [2, 7, 100])
def test_the_learning_rate_rises_and_falls(steps):
    shares = [share_of_rate(step, steps) for step in range(steps + 1)]
    top = shares.index(max(shares))
    assert max(shares) == 1
    assert top <= steps / 10
    assert shares[: top + 1] == sorted(shares[: top + 1])
    assert shares[top:] == sorted(shares[top:], reverse=True)
    assert shares[-1] == pytest.approx(0)


def test_accuracy_counts():
    assert accuracy(torch.tensor([[1.0, 0], [0, 1], [1, 0], [3, 2]]), torch.tensor([0, 1, 1, 0])) == 0.75


def test_the_best_temperature_undoes_a_known_one():
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(20_000, 2, generator=generator)
    labels = torch.distributions.Categorical(logits=logits).probs.multinomial(1, generator=generator)[:, 0]
    assert best_temperature(logits, labels) == pytest.approx(1.0, rel=0.1)
    assert best_temperature(3 * logits, labels) == pytest.approx(3.0, rel=0.1)
    assert best_temperature(logits / 2, labels) == pytest.approx(0.5, rel=0.1)
