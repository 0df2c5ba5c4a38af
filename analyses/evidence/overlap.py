"""How well scores of words find the marked ones: measures of one ranking, and what random orders get.

Tied words have no order, so every measure of a ranking is its mean over all orders of tied words, in closed form. A
ranking in which all words are tied gets therefore exactly what random orders get on average.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from math import comb

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True)
class Overlap:
    """How well scores of words find the marked ones; each from 0 to 1, and 1 is best.

    Attributes:
        mass: Mass accuracy: the share of all positive scores that lies on marked words.
        average_precision: Area under the precision-recall curve (AUPRC), by average precision.
        precision: Precision at k: the share of the k words with the highest scores that is marked, where k is the
            number of marked words.
        iou: Intersection over union of the selected words and the marked ones.
        f1: F1 of the selected words.
        reciprocal_rank: One over the rank of the first marked word.

    Example:
        >>> Overlap.names()
        ('mass', 'average_precision', 'precision', 'iou', 'f1', 'reciprocal_rank')
    """

    mass: float
    average_precision: float
    precision: float
    iou: float
    f1: float
    reciprocal_rank: float

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of the measures."""
        return tuple(field.name for field in fields(cls))

    def values(self) -> tuple[float, ...]:
        """The measures, in the order of `names`."""
        found: tuple[float, ...] = astuple(self)
        return found


def overlap(scores: Float[np.ndarray, " unit"], marked: Bool[np.ndarray, " unit"], *, selected: int) -> Overlap:
    """Measures how well scores find the marked words.

    Args:
        scores: One for each word; higher comes first, and scores below 0 are no support.
        marked: True for the words that are known to be the evidence.
        selected: Number of words with the highest scores that `iou` and `f1` take for the explanation.

    Raises:
        ValueError: No word is marked, or all are, so that nothing could be found; or `selected` is no number of words.

    Source: mass accuracy: Arras et al. (2022), CLEVR-XAI, arXiv:2003.07258, and Wilming et al. (2024), GECOBench,
    arXiv:2406.11547. GECOBench's code takes magnitudes of scores; signs are kept here, since a word that speaks against
    a label isn't evidence for it. AUPRC, IoU and token F1: DeYoung et al. (2020), ERASER, section 4, of one text.
    Means over the orders of tied words are ours.
    """
    count, truths = len(scores), int(marked.sum())
    if not 0 < truths < count:
        raise ValueError(f"some words must be marked and others not, but {truths} of {count} are")
    if not 0 < selected <= count:
        raise ValueError(f"from 1 to {count} words can be selected, not {selected}")
    groups = tuple(_groups(scores, marked))
    found = _hits(groups, selected)
    return Overlap(
        mass=_mass(scores, marked),
        average_precision=_average_precision(groups, truths),
        precision=sum(hits * share for hits, share in _hits(groups, truths)) / truths,
        iou=sum(hits / (selected + truths - hits) * share for hits, share in found),
        f1=sum(2 * hits / (selected + truths) * share for hits, share in found),
        reciprocal_rank=_reciprocal_rank(groups),
    )


def random_floor(marked: Bool[np.ndarray, " unit"], *, selected: int) -> Overlap:
    """Computes what random orders of the words get on average, and scores spread at random for `mass`.

    Args:
        marked: True for the words that are known to be the evidence.
        selected: As in `overlap`.
    """
    return overlap(np.zeros(len(marked)), marked, selected=selected)


def _groups(scores: np.ndarray, marked: np.ndarray) -> Iterator[tuple[int, int]]:
    """Sizes of groups of tied words, highest first, and the number of marked words in each."""
    for score in np.unique(scores)[::-1]:
        yield int((scores == score).sum()), int(marked[scores == score].sum())


def _mass(scores: np.ndarray, marked: np.ndarray) -> float:
    """Share of the positive scores on marked words; without any, as if all scores were equal."""
    support = np.clip(scores.astype(np.float64), 0, None)
    total = float(support.sum())
    return float(support[marked].sum()) / total if total else float(marked.mean())


def _average_precision(groups: Sequence[tuple[int, int]], truths: int) -> float:
    """Mean precision at the ranks of the marked words."""
    above, found, total = 0, 0, 0.0
    for size, hits in groups:
        between = (hits - 1) / (size - 1) if size > 1 else 0.0  # chance that another word of the group is marked
        total += sum(hits / size * (found + 1 + place * between) / (above + place + 1) for place in range(size) if hits)
        above, found = above + size, found + hits
    return total / truths


def _hits(groups: Sequence[tuple[int, int]], selected: int) -> list[tuple[int, float]]:
    """Possible numbers of marked words among the first `selected`, each with its share of the orders of tied words."""
    found = 0
    for size, hits in groups:
        if size >= selected:  # the group that the selection ends in: hypergeometric
            possible = range(max(0, selected - (size - hits)), min(hits, selected) + 1)
            ways = comb(size, selected)
            return [(found + n, comb(hits, n) * comb(size - hits, selected - n) / ways) for n in possible]
        found, selected = found + hits, selected - size
    raise AssertionError("more words are selected than there are")


def _reciprocal_rank(groups: Sequence[tuple[int, int]]) -> float:
    """Mean of one over the rank of the first marked word."""
    above = 0
    for size, hits in groups:
        if hits:
            firsts = range(1, size - hits + 2)
            return math.fsum(comb(size - first, hits - 1) / comb(size, hits) / (above + first) for first in firsts)
        above += size
    raise AssertionError("no word is marked")
