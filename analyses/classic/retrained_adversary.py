"""The retrained adversary: a whole model that answers as another does and looks elsewhere."""

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
    """One adversary for each weight of the divergence in its loss.

    Attributes:
        penalties: Those weights, lambda in the paper.
        comparisons: Each adversary against the base model on the test texts.
        accuracy: Share of the labelled test texts that each gets right; NaN where none is labelled.
        base_accuracy: The same of the base model.
        models: The adversaries; as guides of `frozen_attention` they take the paper's next test.
    """

    penalties: tuple[float, ...]
    comparisons: tuple[ModelComparison, ...] = field(repr=False)
    accuracy: Float[np.ndarray, " variant"]
    base_accuracy: float
    models: tuple[TransformerClassifier, ...] = field(repr=False)

    @property
    def curve(self) -> Float[np.ndarray, "variant axis"]:
        """The paper's figure: mean total variation and mean Jensen-Shannon divergence (nats) for each weight."""
        return np.array([(each.variation.mean(), each.divergence.mean()) for each in self.comparisons])

    @property
    def agreement(self) -> Float[np.ndarray, " variant"]:
        """Share of the test texts on which each adversary prefers the base model's label."""
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
    """Trains models of the base's sizes, from new weights, to give its answers with other attention.

    It measures how free attention is for this architecture and task. It doesn't say that the base model's attention
    fails to explain it: another model that looks elsewhere is another model.

    Args:
        base: The model whose answers are kept; unchanged.
        train: Texts to train on; labels play no part.
        test: Texts to compare on.
        recipe: How to train; see `fit`. The paper takes 80 epochs.
        penalties: Weights of the divergence; 0 must give the base's answers back.
        seed: The same for every adversary, so that they start from the same weights.

    Raises:
        ValueError: There are no penalties or one is below 0, or a text has no words.

    Source: Wiegreffe and Pinter (2019), arXiv:1908.04626, section 4: total variation minus lambda times KL(adversary ||
    base), per text. We average over the batch where their code sums and multiplies by class weights, so that lambda
    doesn't hang on the batch size. What moves is the map that a person sees: the last layer's row that the answer
    is read from, mean over heads, on words. Head by head would be easy to fool: the adversary's heads have no order,
    and trading places would count as moving. Lower layers are free, as their LSTM is.
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
    """Mean over texts of the answers' total variation minus `penalty` times KL(attention || base's attention).

    Args:
        answer: Probabilities of the labels, and shares of attention on words.
        base: The same of the model to be mimicked.
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
