"""Logits and attention of a planted model by formula, from its recipe: in NumPy, without the network's weights.

A vector holds named quantities, each as +v and -v. Every token's vector has the same norm, so that a layer norm changes
nothing until something is written to it; from then on it divides by √(u + ε), where u is the mean square.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from interpret.native.planted.recipe import END, EPS, START, PlantedRecipe

Kind = Literal["pre", "post", "bert"]
POOLER_GAIN = 0.25  # scale of the input of BERT's pooler tanh

Numbers = Float[np.ndarray, "..."]
Edited = Float[np.ndarray, "*example_and_edit"]


@dataclass(frozen=True, eq=False)
class Row:
    """The last layer's [CLS] row on each text, and the residual stream that it writes to.

    Attributes:
        weights: Weights of each kind of head; 0 beyond a text's end.
        values: What each kind of head writes per unit of weight on a token.
        bypassed: Output of the layers before, as the last layer leaves it.
        constant: The coordinate that holds 1 at the first position, as the last layer leaves it.
        rest: Mean square of the stream without `bypassed`.
    """

    recipe: PlantedRecipe
    kind: Kind
    weights: Float[np.ndarray, "example kind token"]
    values: Float[np.ndarray, "example kind token"]
    bypassed: Float[np.ndarray, " example"]
    constant: Float[np.ndarray, " example"]
    rest: Float[np.ndarray, " example"]

    @property
    def attended(self) -> Float[np.ndarray, " example"]:
        """Output of the last layer's attention."""
        found: Numbers = np.einsum("ekt,ekt->e", self.weights, self.values)
        return found

    def difference(self, attended: Edited) -> Edited:
        """Computes the second logit minus the first if the last layer's attention has this output instead."""
        bypassed, constant, rest = (
            column.reshape(-1, *(1,) * (attended.ndim - 1)) for column in (self.bypassed, self.constant, self.rest)
        )
        into_null = self.recipe.into_null
        written, null = bypassed + (0 if into_null else attended), attended if into_null else 0
        scale, _ = _normed(rest + (written**2 + null**2) / self.recipe.pairs, 1 if self.kind == "pre" else 2)
        answer, constant = written * scale, constant * scale
        if self.kind == "bert":
            answer, constant = (np.tanh(POOLER_GAIN * each) / POOLER_GAIN for each in (answer, constant))
        found: Numbers = self.recipe.gain * answer + self.recipe.bias * constant
        return found


@dataclass(frozen=True, eq=False)
class RowReading:
    """Logits, and the last layer's [CLS] row, on each text.

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
    row = row_of(recipe, ids, kind)
    return RowReading(row.difference(row.attended), row.weights, row.attended, row.bypassed)


def row_of(recipe: PlantedRecipe, ids: Int[np.ndarray, "example token"], kind: Kind) -> Row:
    """Computes the last layer's row, before anything is written by it.

    Args:
        recipe: The model.
        ids: Token ids, -1 beyond a text's end.
        kind: As for `read`.
    """
    real = ids >= 0
    norms = 1 if kind == "pre" else 2 * recipe.layers - 2  # between what the first layer wrote and the last's keys
    scores, values, scale = _keys(recipe, ids, real, norms)

    pooled = recipe.pool_weight * _pooled(recipe, ids, real) if recipe.lower == "pool" else np.zeros(len(ids))
    first, size = _normed(1 - EPS + pooled**2 / recipe.pairs, norms)
    scale[:, 0] = first
    scores *= (scale * first[:, None])[..., None]
    scores -= scores.max(axis=1, keepdims=True)
    scores[~real] = -np.inf
    weights = np.exp(scores, out=scores)
    weights /= weights.sum(axis=1, keepdims=True)
    values *= scale[..., None] * np.array(recipe.kind_weights)

    stays = np.ones_like(first) if kind == "pre" else first
    size = 1 - EPS + pooled**2 / recipe.pairs if kind == "pre" else size
    bypassed = stays * pooled
    rest = size - bypassed**2 / recipe.pairs
    return Row(recipe, kind, weights.transpose(0, 2, 1), values.transpose(0, 2, 1), bypassed, stays, rest)


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
    special = np.zeros_like(recipe.scores)
    special[[START, END]] = recipe.special_scores
    scores, values = recipe.scores[ids], recipe.values[ids]
    scale = np.ones(ids.shape)
    if recipe.lower == "move":
        moved = [np.concatenate([column[:, :1], column[:, :-1]], axis=1) for column in (scores, values)]
        added = (moved[0][..., 0] / recipe.unit("score0")) ** 2 + (moved[1][..., 0] / recipe.unit("value0")) ** 2
        scale, _ = _normed(1 - EPS + added / recipe.pairs, norms)
        scores = recipe.taken.own_score * scores + recipe.taken.moved_score * moved[0]
        values = recipe.taken.own_value * values + recipe.taken.moved_value * moved[1]
    if recipe.lower == "gather":
        gathered = np.where(ids == recipe.collector, _pooled(recipe, ids, real)[:, None], 0) / recipe.unit("pooled")
        values = gathered[..., None] * np.ones(recipe.scores.shape[1])
        scale, _ = _normed(1 - EPS + gathered**2 / recipe.pairs, norms)
    if recipe.position_scores is not None:
        scores = scores + recipe.position_scores[: ids.shape[1], None]
    scores += special[ids]
    return scores, values, scale
