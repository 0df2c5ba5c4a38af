"""True effects of a text's words in the context of others, some of them replaced, and their share through attention."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from interpret.native.planted.formula import Kind, row_of
from interpret.native.planted.recipe import PlantedRecipe


@dataclass(frozen=True, eq=False)
class ReplacementShares:
    """What the words of one text do when they are replaced one after another.

    Attributes:
        effects: Mean fall of the logit difference at the step that replaces a word.
        share: Share of the steps' magnitudes that passes through the last layer's attention; NaN if nothing moves.
    """

    effects: Float[np.ndarray, " word"]
    share: float


def replacement_shares(
    recipe: PlantedRecipe,
    kind: Kind,
    ids: Int[np.ndarray, " token"],
    ends: Int[np.ndarray, "text token"],
    rng: np.random.Generator,
) -> ReplacementShares:
    """Computes effects and share along random orders of replacement and their reverses.

    Args:
        recipe: The model.
        kind: Place of its layer norms.
        ids: The text, all of whose tokens but the first and last are words.
        ends: Texts with every word replaced; each is reached in an order and in its reverse.
        rng: Source of randomness.
    """
    words = len(ids) - 2
    order = rng.random((len(ends), words)).argsort(axis=1)
    steps = np.concatenate([order, words - 1 - order])  # at which each word is replaced
    replaced = np.pad(steps, ((0, 0), (1, 1)), constant_values=words)[:, None] < np.arange(words + 1)[:, None]
    texts = np.where(replaced, np.concatenate([ends, ends])[:, None], ids)
    row = row_of(recipe, texts.reshape(-1, len(ids)), kind)
    attended = row.attended.reshape(texts.shape[:2])
    before = np.concatenate([attended[:, :1], attended[:, :-1]], axis=1)
    margins, frozen = row.difference(np.stack([attended.ravel(), before.ravel()], axis=1)).T.reshape(
        2, *texts.shape[:2]
    )
    falls = margins[:, :-1] - margins[:, 1:]
    around = np.abs(frozen[:, 1:] - margins[:, :-1]).sum()
    through = np.abs(margins[:, 1:] - frozen[:, 1:]).sum()
    total = around + through
    return ReplacementShares(
        effects=np.take_along_axis(falls, steps, axis=1).mean(axis=0),
        share=float(through / total) if total > 0 else float("nan"),
    )
