"""Logits and attention of a planted model by formula, from its recipe: in NumPy, without the network's weights.

A vector holds named quantities, each as +v and -v. Every token's vector has the same norm, so that a layer norm changes
nothing until something is written to it; from then on it divides by √(u + ε), where u is the mean square.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from interpret.native.planted.recipe import EPS, PlantedRecipe

Kind = Literal["pre", "post", "bert"]
POOLER_GAIN = 0.25  # scale of the input of BERT's pooler tanh

Numbers = Float[np.ndarray, "..."]


@dataclass(frozen=True, eq=False)
class RowReading:
    """The last layer's [CLS] row on each text.

    Attributes:
        difference: Second logit minus the first.
        attention: Weights of each kind of head; 0 beyond a text's end.
        attended: Output of the last layer's attention.
        bypassed: Output of the layers before.
    """

    difference: Float[np.ndarray, " example"]
    attention: Float[np.ndarray, "example kind token"]
    attended: Float[np.ndarray, " example"]
    bypassed: Float[np.ndarray, " example"]


def read(recipe: PlantedRecipe, ids: Int[np.ndarray, "example token"], kind: Kind) -> RowReading:
    """Computes attention and logits.

    Args:
        recipe: The model.
        ids: Token ids, -1 beyond a text's end.
        kind: Place of the layer norms, or "bert" for post-norm with BERT's pooler. Llama is "pre".
    """
    real = ids >= 0
    norms = 1 if kind == "pre" else 2 * recipe.layers - 2  # between what the first layer wrote and the last's keys
    scores, values, scale = _keys(recipe, ids, real, norms)

    bypassed = recipe.pool_weight * _pooled(recipe, ids, real) if recipe.lower == "pool" else np.zeros(len(ids))
    first, size = _normed(1 - EPS + bypassed**2 / recipe.pairs, norms)
    scale[:, 0] = first
    logits = scores * scale[..., None] * first[:, None, None]
    weights = np.exp(np.where(real[..., None], logits - logits.max(axis=1, keepdims=True), -np.inf))
    weights /= weights.sum(axis=1, keepdims=True)
    attended = np.einsum("etk,etk,et,k->e", weights, values, scale, np.array(recipe.kind_weights))

    stays = np.ones_like(first) if kind == "pre" else first
    size = 1 - EPS + bypassed**2 / recipe.pairs if kind == "pre" else size
    written = stays * bypassed + (0 if recipe.into_null else attended)
    null = attended if recipe.into_null else np.zeros_like(attended)
    size = size + (written**2 - (stays * bypassed) ** 2 + null**2) / recipe.pairs
    last, _ = _normed(size, 1 if kind == "pre" else 2)
    answer, constant = written * last, stays * last
    if kind == "bert":
        answer, constant = np.tanh(POOLER_GAIN * answer) / POOLER_GAIN, np.tanh(POOLER_GAIN * constant) / POOLER_GAIN
    difference = recipe.gain * answer + recipe.bias * constant
    return RowReading(difference, weights.transpose(0, 2, 1), attended, stays * bypassed)


def _normed(size: Numbers, times: int) -> tuple[Numbers, Numbers]:
    """Factor that successive layer norms apply to a vector of this mean square, and its new mean square."""
    scale = np.ones_like(size)
    for _ in range(times):
        scale, size = scale / np.sqrt(size + EPS), size / (size + EPS)
    return scale, size


def _pooled(
    recipe: PlantedRecipe, ids: Int[np.ndarray, "example token"], real: Bool[np.ndarray, "example token"]
) -> Numbers:
    """Mean of the pooled evidence over all tokens, special ones included."""
    pooled: Numbers = np.where(real, recipe.pooled[ids], 0).sum(axis=1) / real.sum(axis=1)
    return pooled


def _keys(
    recipe: PlantedRecipe, ids: Int[np.ndarray, "example token"], real: Bool[np.ndarray, "example token"], norms: int
) -> tuple[Numbers, Numbers, Numbers]:
    """Scores and values of each token and kind in the last layer's input, and each token's layer norm factor."""
    scores, values = recipe.scores[ids], recipe.values[ids]
    scale = np.ones(ids.shape)
    if recipe.lower == "move":
        scores, values = (np.concatenate([column[:, :1], column[:, :-1]], axis=1) for column in (scores, values))
        added = (scores[..., 0] / recipe.unit("score0")) ** 2 + (values[..., 0] / recipe.unit("value0")) ** 2
        scale, _ = _normed(1 - EPS + added / recipe.pairs, norms)
    if recipe.lower == "gather":
        gathered = np.where(ids == recipe.collector, _pooled(recipe, ids, real)[:, None], 0) / recipe.unit("pooled")
        values = gathered[..., None] * np.ones(recipe.scores.shape[1])
        scale, _ = _normed(1 - EPS + gathered**2 / recipe.pairs, norms)
    if recipe.position_scores is not None:
        scores = scores + recipe.position_scores[: ids.shape[1], None]
    for row, token in enumerate((2, 3)):
        scores = scores + np.where((ids == token)[..., None], recipe.special_scores[row], 0)
    return scores, values, scale
