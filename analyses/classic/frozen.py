"""Frozen attention: accuracy of classifiers trained with uniform weights, or with another model's weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.classic.fitting import fit
from analyses.classic.native_answers import even_shares, in_order, native_answers, require_words
from analyses.statistics import Interval, hierarchical_bootstrap
from interpret.attention.editing import editing
from interpret.attention.edits import set_weights
from interpret.native import ClassifierConfig, TransformerClassifier
from interpret.native.learning import Texts, TrainingRecipe, loss_of, padded

LEARNED, EVEN = "learned", "uniform"
Shares = Callable[[Sequence[int], Int[Tensor, "batch token"]], Float[Tensor, "batch token"]]


@dataclass(frozen=True, eq=False)
class FrozenAttention:
    """Predictions of models trained with learned, uniform, or another model's attention.

    Attributes:
        arms: "learned", "uniform", then the names of the guides.
        seeds: Seeds of the trained models.
        predicted: Predicted label of each model on each test text.
        labels: True labels.
        models: The trained models of each arm, in the order of `seeds`. Those of frozen arms are trained for imposed
            weights and mean little without them.
    """

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    predicted: Int[np.ndarray, "arm seed text"] = field(repr=False)
    labels: Int[np.ndarray, " text"] = field(repr=False)
    models: dict[str, tuple[TransformerClassifier, ...]] = field(repr=False)

    @property
    def correct(self) -> Bool[np.ndarray, "arm seed text"]:
        """True where a model predicts the true label."""
        return np.asarray(self.predicted == self.labels)

    @property
    def accuracy(self) -> Float[np.ndarray, "arm seed"]:
        """Accuracy of each model on the test texts, in [0, 1]."""
        return np.asarray(self.correct.mean(axis=-1))

    def f1(self, label: int) -> Float[np.ndarray, "arm seed"]:
        """Computes the F1 score of one label, from 0 to 1; NaN where no text has it and none is predicted to.

        Args:
            label: Index of the class; the papers take the positive one.
        """
        given, right = self.predicted == label, self.labels == label
        total = given.sum(axis=-1) + right.sum()
        hits = (given & right).sum(axis=-1)
        return np.where(total > 0, 2 * hits / np.maximum(total, 1), np.nan)

    def cost(self, arm: str, *, seed: int = 0) -> Interval:
        """Loss of an arm: accuracy with learned attention minus its own, from -1 to 1.

        The interval resamples seeds, then texts; with one seed its ends are NaN, and five are few.

        Args:
            arm: One of `arms`.
            seed: Seed of the bootstrap.

        Raises:
            ValueError: There is no such arm.
        """
        if arm not in self.arms:
            raise ValueError(f"the arm must be one of {', '.join(self.arms)}, not {arm!r}")
        correct = self.correct.astype(float)
        return hierarchical_bootstrap(list(correct[0] - correct[self.arms.index(arm)]), seed=seed)


def frozen_attention(
    config: ClassifierConfig,
    train: Texts,
    test: Texts,
    *,
    recipe: TrainingRecipe,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    guides: Mapping[str, TransformerClassifier] | None = None,
) -> FrozenAttention:
    """Trains classifiers with the last layer's attention fixed, and with learned attention for comparison.

    If uniform attention does as well, the data can't show whether attention explains anything. If a guide's attention
    does better than uniform, its maps carry information about the task that another model can use.

    Args:
        config: Model configuration. With one layer nothing mixes words below the fixed attention, as in the paper's
            diagnostic; with more, hidden states already mix words, as in its LSTM.
        train: Training texts.
        test: Test texts, all labelled.
        recipe: Training recipe; see `fit`.
        seeds: Seeds of the models, the same for each arm.
        guides: Models whose attention is imposed, by name.

    Raises:
        ValueError: There are no seeds, a test text has no label, a text has no words, or a guide has the name of
            another arm.

    Source: Wiegreffe and Pinter (2019), arXiv:1908.04626, section 3.2 (uniform) and section 3.4 (guides). They have one
    head, so every head here gets the same row: uniform over word tokens, or the guide's mean over heads, and 0 on
    special tokens, as theirs. They keep the best epoch of one seed.
    """
    guides = dict(guides or {})
    if not seeds or {LEARNED, EVEN} & set(guides) or (test.labels < 0).any():
        raise ValueError(
            f"frozen attention needs seeds, labelled test texts and guides that aren't called {LEARNED!r} or {EVEN!r}; "
            f"it got seeds {list(seeds)}, {int((test.labels < 0).sum())} unlabelled texts and guides {sorted(guides)}"
        )
    require_words(train)
    require_words(test)
    arms: dict[str, tuple[Shares | None, Shares | None]] = {LEARNED: (None, None), EVEN: (_even, _even)}
    for name, guide in guides.items():
        arms[name] = (_guided(guide, train), _guided(guide, test))
    models = {
        name: tuple(fit(config, train, recipe, partial(_loss, train, recipe, own), seed=seed) for seed in seeds)
        for name, (own, _) in arms.items()
    }
    predicted = [[_predicted(model, test, arms[name][1]) for model in each] for name, each in models.items()]
    return FrozenAttention(tuple(arms), tuple(seeds), np.array(predicted), test.labels.numpy(), models)


def _even(_: Sequence[int], words: Int[Tensor, "batch token"]) -> Float[Tensor, "batch token"]:
    return even_shares(words)


def _guided(guide: TransformerClassifier, texts: Texts) -> Shares:
    shares = native_answers(guide, texts).shares
    return lambda rows, words: shares[list(rows), : words.shape[1]]


def _logits(
    model: TransformerClassifier, texts: Texts, rows: Sequence[int], shares: Shares | None
) -> Float[Tensor, "batch label"]:
    ids, words, real = padded(texts, rows)
    if shares is None:
        logits: Tensor = model(input_ids=ids, attention_mask=real).logits
        return logits
    # Every query of the layer gets the row, but the classifier reads the first position only.
    with editing(model, set_weights(model.config.layers - 1, shares(rows, words)[:, None, None])):
        logits = model(input_ids=ids, attention_mask=real).logits
    return logits


def _loss(
    texts: Texts, recipe: TrainingRecipe, shares: Shares | None, model: TransformerClassifier, rows: list[int]
) -> Float[Tensor, ""]:
    return loss_of(_logits(model, texts, rows, shares), texts, rows, recipe)


def _predicted(model: TransformerClassifier, texts: Texts, shares: Shares | None) -> Int[np.ndarray, " text"]:
    with torch.no_grad():
        logits = [_logits(model, texts, rows, shares) for rows in in_order(len(texts))]
    return np.asarray(torch.cat(logits).argmax(dim=-1).numpy())
