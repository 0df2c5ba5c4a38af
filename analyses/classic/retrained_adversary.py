"""Retrained adversary: a model trained to give another model's answers with different attention."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from jaxtyping import Float
from torch import Tensor

from analyses.classic.distances import kl_divergence, total_variation
from analyses.classic.fitting import fit
from analyses.classic.model_comparison import ModelComparison, compare_models
from analyses.classic.native_answers import Answers, native_answers, word_shares
from interpret.attention.recording import recording
from interpret.native import TransformerClassifier
from interpret.native.learning import Texts, TrainingRecipe, padded

PENALTIES = (0.0, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1)


@dataclass(frozen=True, eq=False)
class RetrainedAdversary:
    """Adversaries, one for each weight of the divergence in the loss.

    Attributes:
        penalties: Weights of the divergence, lambda in the paper.
        comparisons: Comparison of each adversary with the base model on the test texts.
        accuracy: Accuracy of each adversary on the labelled test texts; NaN where none is labelled.
        base_accuracy: Accuracy of the base model.
        models: The adversaries; the paper's next test takes them as guides of `frozen_attention`.
    """

    penalties: tuple[float, ...]
    comparisons: tuple[ModelComparison, ...] = field(repr=False)
    accuracy: Float[np.ndarray, " variant"]
    base_accuracy: float
    models: tuple[TransformerClassifier, ...] = field(repr=False)

    @property
    def curve(self) -> Float[np.ndarray, "variant axis"]:
        """Mean total variation and mean Jensen-Shannon divergence (nats) for each weight, as in the paper's figure."""
        return np.array([(each.variation.mean(), each.divergence.mean()) for each in self.comparisons])

    @property
    def agreement(self) -> Float[np.ndarray, " variant"]:
        """Share of the test texts on which each adversary predicts the base model's label."""
        return np.array([each.agrees.mean() for each in self.comparisons])


def retrained_adversary(
    base: TransformerClassifier,
    train: Texts,
    test: Texts,
    *,
    recipe: TrainingRecipe,
    penalties: Sequence[float] = PENALTIES,
    seed: int = 0,
) -> RetrainedAdversary:
    """Trains models of the base model's sizes, from random weights, to give its answers with different attention.

    It measures how free attention is for this architecture and task. It doesn't show that the base model's attention
    fails to explain the base model, since the adversary is another model.

    Args:
        base: The model whose answers are kept; unchanged.
        train: Training texts; their labels aren't used.
        test: Test texts.
        recipe: Training recipe; see `fit`. The paper takes 80 epochs.
        penalties: Weights of the divergence; with 0 the adversary should reproduce the base model's answers.
        seed: Seed of every adversary, so that all start from the same weights.

    Raises:
        ValueError: There are no penalties or one is below 0, or a text has no words.

    Source: Wiegreffe and Pinter (2019), arXiv:1908.04626, section 4: total variation minus lambda times KL(adversary ||
    base), per text. We average over the batch where their code sums and multiplies by class weights, so that lambda
    doesn't depend on the batch size. The divergence is of the displayed map: the last layer's decision row, mean over
    heads, on words. Per head it would be easy to fool: heads have no order, so a permutation of heads would count as
    different attention. Lower layers are free, as their LSTM is.
    """
    if not penalties or min(penalties) < 0:
        raise ValueError(f"penalties must be at least 0 and there must be one, not {list(penalties)}")
    kept, judged = native_answers(base, train), native_answers(base, test)
    models = tuple(
        fit(base.config, train, recipe, partial(_loss, train, kept, penalty), seed=seed) for penalty in penalties
    )
    answers = [native_answers(model, test) for model in models]
    return RetrainedAdversary(
        penalties=tuple(penalties),
        comparisons=tuple(compare_models(judged, each) for each in answers),
        accuracy=np.array([_accuracy(each, test) for each in answers]),
        base_accuracy=_accuracy(judged, test),
        models=models,
    )


def adversarial_loss(
    answer: tuple[Float[Tensor, "batch label"], Float[Tensor, "batch token"]],
    base: tuple[Float[Tensor, "batch label"], Float[Tensor, "batch token"]],
    *,
    penalty: float,
) -> Float[Tensor, ""]:
    """Computes the mean over texts of the answers' total variation minus `penalty` times KL(attention || base's).

    Args:
        answer: Probabilities of the labels, and shares of attention on words.
        base: The same of the base model.
        penalty: Weight of the divergence.
    """
    kept = total_variation(answer[0], base[0])
    moved = kl_divergence(answer[1], base[1])
    return (kept - penalty * moved).mean()


def _loss(
    texts: Texts, base: Answers, penalty: float, model: TransformerClassifier, rows: list[int]
) -> Float[Tensor, ""]:
    ids, words, real = padded(texts, rows)
    with recording(model) as record:
        probabilities = model(input_ids=ids, attention_mask=real).logits.softmax(dim=-1)
    shares = word_shares(record, words >= 0)
    targets = base.probabilities[rows], base.shares[rows, : ids.shape[1]]
    return adversarial_loss((probabilities, shares), targets, penalty=penalty)


def _accuracy(answers: Answers, texts: Texts) -> float:
    known = texts.labels >= 0
    right = (answers.probabilities.argmax(dim=-1) == texts.labels)[known]
    return float(right.double().mean())
