"""What edits of a planted model's last attention row do, by formula: rank, use, top and the heads' own uses."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from analyses.calibration.both_orders import both_orders
from analyses.explanations.faithfulness import erasure_budgets
from analyses.verdicts.measurement import MARGIN_ROUNDING
from interpret.attention.edges import LEAST_LEFT
from interpret.native.planted.formula import Edited, Row

PERMUTATIONS = 64
ORDERS = 64  # random orders that the first words by attention are held against

PerText = Float[np.ndarray, " text"]
Words = Float[np.ndarray, "text kind word"]


@dataclass(frozen=True, eq=False)
class EditedRows:
    """Effects of edits on texts of one length, in logits.

    Attributes:
        margin: Second logit minus the first.
        rounding: Largest change of it that counts as rounding.
        use: Median magnitude of change under permutations of the words' weights.
        rank: Lesser agreement of the weights with what each word's weight does.
        top: What spreading the weights of the first words by attention does, less the mean over random orders.
        room: The same for the best order known.
        joint: Mean magnitude of change under permutations.
        single: The same if only one head of a kind has permuted weights.
        conditional: Mean magnitude by which the change differs if one head of a kind keeps its weights.
        shown: Share of one head of a kind in the mean over heads, on words.
    """

    margin: PerText
    rounding: PerText
    use: PerText
    rank: PerText
    top: PerText
    room: PerText
    joint: PerText
    single: Float[np.ndarray, "text kind"]
    conditional: Float[np.ndarray, "text kind"]
    shown: Float[np.ndarray, "text kind"]


def edited_rows(row: Row, rng: np.random.Generator) -> EditedRows:
    """Edits the words' weights in all ways.

    Args:
        row: Rows of texts of one length, all of whose tokens but the first and last are words.
        rng: Source of randomness.
    """
    clean = row.attended
    margin = row.difference(clean)
    weights, values = row.weights[..., 1:-1], row.values[..., 1:-1]
    heads = np.bincount(row.recipe.head_kinds, minlength=weights.shape[1])
    shown = np.einsum("ekt,k->et", weights, heads / heads.sum())

    def moved(added: Edited) -> Edited:
        shape = (-1, *(1,) * (added.ndim - 1))
        change: np.ndarray = row.difference(clean.reshape(shape) + added) - margin.reshape(shape)
        return change

    permuted = _permuted(weights, values, rng)
    whole = moved(permuted.sum(axis=-1))
    one = permuted / np.maximum(heads, 1)  # kinds of no head aren't shown, so that they can't be idle
    single, rest = moved(one), moved(permuted.sum(axis=-1, keepdims=True) - one)
    effects = np.abs(moved(_erased(weights, values)))
    top, room = _top(shown, _spread(weights, values), moved, rng)
    mass = weights.sum(axis=-1)
    return EditedRows(
        margin=margin,
        rounding=rounding(margin),
        use=np.median(np.abs(whole), axis=1),
        rank=both_orders(felt(effects, margin), shown),
        top=top,
        room=room,
        joint=np.abs(whole).mean(axis=1),
        single=np.abs(single).mean(axis=1),
        conditional=np.abs(whole[..., None] - rest).mean(axis=1),
        shown=mass / (mass @ heads)[:, None],
    )


def rounding(margin: PerText) -> PerText:
    """Largest change of each margin that counts as rounding; the larger of its two scores is half of it."""
    scores: PerText = np.abs(margin) / 2
    return MARGIN_ROUNDING * scores


def felt(effects: Float[np.ndarray, "text word"], margin: PerText) -> Float[np.ndarray, "text word"]:
    """Sets effects that count as rounding to 0."""
    return np.where(effects > rounding(margin)[:, None], effects, 0.0)


def _permuted(weights: Words, values: Words, rng: np.random.Generator) -> Float[np.ndarray, "text order kind"]:
    """What permuted weights add to the output of each kind; all kinds have the same permutations."""
    texts, _, words = weights.shape
    orders = rng.random((texts, PERMUTATIONS, words)).argsort(axis=-1)
    traded = np.take_along_axis(weights[:, None], orders[:, :, None], axis=-1)
    added: np.ndarray = np.einsum("eokt,ekt->eok", traded - weights[:, None], values)
    return added


def _erased(weights: Words, values: Words) -> Float[np.ndarray, "text word"]:
    """What each word's weight adds if it is 0 and the others are scaled up to their common mass."""
    mass, others = weights.sum(axis=-1, keepdims=True), weights.shape[-1] - 1
    product, total = weights * values, values.sum(axis=-1, keepdims=True)
    whole, kept = product.sum(axis=-1, keepdims=True), mass - weights
    scaled = mass * (whole - product) / np.maximum(kept, np.finfo(np.float64).tiny)
    evenly = mass * (total - values) / others  # where the other words have nothing that could be scaled up
    added: np.ndarray = (np.where(kept > LEAST_LEFT * mass, scaled, evenly) - whole).sum(axis=1)
    return added


def _spread(weights: Words, values: Words) -> Float[np.ndarray, "text word"]:
    """What each word's weight adds if it is spread evenly over all words. Several words add what each does."""
    added: np.ndarray = (weights * (values.mean(axis=-1, keepdims=True) - values)).sum(axis=1)
    return added


def _top(
    shown: Float[np.ndarray, "text word"],
    spread: Float[np.ndarray, "text word"],
    moved: Callable[[np.ndarray], np.ndarray],
    rng: np.random.Generator,
) -> tuple[PerText, PerText]:
    """What the first words by attention do together, mean over budgets, less random words; and the best order."""
    texts, words = shown.shape
    alone = np.abs(moved(spread))
    keys = np.concatenate([-shown[:, None], -alone[:, None], rng.random((texts, ORDERS, words))], axis=1)
    first = np.take_along_axis(spread[:, None], keys.argsort(axis=-1, kind="stable"), axis=-1).cumsum(axis=-1)
    budgets = [budget - 1 for budget in erasure_budgets(words)]
    reached = np.abs(moved(first[..., budgets])).mean(axis=-1)
    random = reached[:, 2:].mean(axis=1)
    return reached[:, 0] - random, reached[:, :2].max(axis=1) - random
