"""Families of words that matter in company: redundant words, conjunctions, vetoes, and words beside the attended."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from interpret.native.planted.recipe import START, PlantedRecipe, Taken

Column = Float[np.ndarray, " id"]
Chosen = Bool[np.ndarray, " id"]

# Styles of texts: most words say nothing, and the words that do are put in.
STYLES = {
    "X8": "several", "X9": "both ways", "X10": "several", "X11": "conjunction", "X12": "conjunction", "X13": "vetoed",
    "X14": "vetoed", "X16": "cued",
}  # fmt: skip
RARE = tuple(STYLES)  # families with few words of evidence, so that other texts have as few
THRESHOLD = -1.5  # words of evidence that a pooled conjunction lacks before it says yes


def draw_company(
    family: str,
    rng: np.random.Generator,
    evidence: Column,
    is_decoy: Column,
    heads: int,
    sharp: float,
    decoys: Float[np.ndarray, "id 1"],
) -> dict[str, Any]:
    """Draws scores and values of the last layer: the fields of a `PlantedRecipe` that differ from the faithful ones.

    Args:
        family: Key of the family.
        rng: Random number generator.
        evidence: Evidence of each word; its sign is the word's kind in a conjunction.
        is_decoy: 1 for decoys, which are the vetoes of those families.
        heads: Heads of the last layer.
        sharp: Score of a word of the largest evidence.
        decoys: Scores of attention on decoys.
    """
    column, size = evidence[:, None], np.abs(evidence)[:, None]
    if family == "X9":
        seen = _half_of_each_sign(rng, evidence)
        return dict(
            scores=sharp * size * seen[:, None], values=column * seen[:, None], pooled=np.where(seen, 0, evidence)
        )
    if family == "X10":
        return dict(scores=decoys)
    if family == "X11":
        kinds, half = np.hstack([column > 0, column < 0]), max(1, heads // 2)
        return dict(
            scores=sharp * size * kinds,
            values=kinds * 1.0,  # from which `calibrating` takes a threshold
            head_kinds=(0,) * (heads - half) + (1,) * half,
            kind_weights=(1.0, 1.0),
        )
    if family == "X12":
        pooled = np.abs(evidence)
        pooled[START] = THRESHOLD
        return dict(scores=decoys, values=size, pooled=pooled)
    if family == "X13":
        return dict(scores=sharp * size + is_decoy[:, None] * (sharp + rng.uniform(1.5, 3.0)))
    if family == "X14":
        return dict(pooled=is_decoy * (np.cumsum(is_decoy) % 2 * 2 - 1), lower="pool")
    if family == "X16":
        return dict(
            scores=sharp * size,
            values=rng.normal(size=column.shape),
            taken=Taken(own_score=0.0, moved_score=1.0, own_value=1.0, moved_value=0.0),
        )
    return {}


def _half_of_each_sign(rng: np.random.Generator, evidence: Column) -> Chosen:
    chosen = np.zeros(len(evidence), bool)
    for sign in (-1, 1):
        ids = rng.permutation(np.flatnonzero(np.sign(evidence) == sign))
        chosen[ids[::2]] = True
    return chosen


def draw_company_text(recipe: PlantedRecipe, style: str, rng: np.random.Generator, length: int) -> list[int]:
    """Draws a text of words that say nothing, and puts those in that say something together.

    Args:
        recipe: Its words and their frequencies.
        style: "several" for two to four words of one sign; "both ways" for one or two that are seen and as many that
            are pooled, of one sign; "conjunction" for a word of each sign, or of one only; "vetoed" for any evidence
            and in half of the texts one veto; "cued" for one word of evidence that isn't the last.
        rng: Random number generator.
        length: Number of words.
    """
    put_in = _put_in(recipe, style, rng)[:length]
    special = recipe.is_decoy > 0 if style == "vetoed" else recipe.evidence != 0
    ids = _drawn(recipe, ~special, rng, length)
    places = rng.permutation(length - (style == "cued"))
    for place, chosen in zip(places, put_in, strict=False):
        ids[place] = _drawn(recipe, chosen, rng, 1)[0]
    return list(map(int, ids))


def _put_in(recipe: PlantedRecipe, style: str, rng: np.random.Generator) -> list[Chosen]:
    """Words to draw from, for each word that is put in."""
    sign = np.sign(recipe.evidence) == rng.choice([-1, 1])
    if style == "several":
        return [sign] * int(rng.integers(2, 5))
    if style == "both ways":
        return [sign & (recipe.values[:, 0] != 0), sign & (recipe.pooled != 0)] * int(rng.integers(1, 3))
    if style == "conjunction":
        return [sign, (recipe.evidence != 0) & ~sign] if rng.random() < 0.5 else [sign]
    if style == "vetoed":
        return [recipe.is_decoy > 0] if rng.random() < 0.5 else []
    return [recipe.evidence != 0]


def _drawn(recipe: PlantedRecipe, chosen: Chosen, rng: np.random.Generator, count: int) -> np.ndarray:
    shares = np.where(chosen, recipe.frequency, 0)
    return rng.choice(len(shares), size=count, p=shares / shares.sum())
