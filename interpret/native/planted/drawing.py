"""Random words of a planted model with their evidence, scores and values, drawn for a family."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from interpret.native.planted.companies import RARE, draw_company
from interpret.native.planted.companies import STYLES as COMPANIES
from interpret.native.planted.recipe import POSITIONS, SPECIAL
from interpret.native.planted.words import FULL_STOP, pseudo_words

Column = Float[np.ndarray, " id"]
Chosen = Bool[np.ndarray, " id"]
STYLES = {"F9": "polar", "X1": "single", "X4": "stopped", **COMPANIES}  # of texts; others are "plain"
NOISE = {"F12": (1.5, 3.0)}  # sd of the noise in the scores over that of the scores; others are "clean"
CLEAN = (0.05, 0.2)
RANDOM = ("F3", "F7", "F13", "F14", "F15", "X4", "X5")  # families whose scores are noise already
VETOES = ("X13", "X14")  # families whose decoys are vetoes
RARE_EVIDENCE, RARE_VETO = (0.07, 0.12), (0.02, 0.05)  # shares of the words


@dataclass(frozen=True, eq=False)
class Lexicon:
    """The words of a model and their evidence; see `PlantedRecipe` for the fields."""

    words: tuple[str, ...]
    frequency: Column
    evidence: Column
    is_decoy: Column

    @property
    def content(self) -> Chosen:
        """True for ids of words that occur in texts."""
        return self.frequency > 0


def draw_lexicon(family: str, rng: np.random.Generator) -> Lexicon:
    """Draws words with their frequency and evidence, and the decoys among them."""
    count = int(rng.integers(60, 151))
    start = len(SPECIAL)
    words = (*SPECIAL, *pseudo_words(rng, count), *([FULL_STOP] if family == "X4" else []))
    order = start + rng.permutation(count)
    is_evidence, is_decoy = np.zeros(len(words), bool), np.zeros(len(words))
    low, high = RARE_EVIDENCE if family in RARE and family not in VETOES else (0.25, 0.4)
    is_evidence[order[: int(count * rng.uniform(low, high))]] = True
    low, high = RARE_VETO if family in VETOES else (0.15, 0.25)
    is_decoy[order[-max(2, int(count * rng.uniform(low, high))) :]] = 1
    if family == "X3":
        is_evidence[start : start + count], is_decoy[:] = True, 0

    # A model's causality is tested by exchanging the two words in the middle, so they should differ.
    middle = len(words) // 2
    if family != "X3":
        is_evidence[middle], is_decoy[middle] = family != "X6", family == "X6"
        is_evidence[middle - 1], is_decoy[middle - 1] = False, 0

    frequency = rng.lognormal(0, 0.4, len(words))
    frequency[:start] = 0
    frequency[start + count :] = 0
    shares = {"evidence": rng.uniform(0.12, 0.35), "decoy": rng.uniform(0.1, 0.25)}
    neutral = (frequency > 0) & ~is_evidence & (is_decoy == 0)
    for chosen, share in (
        (is_evidence & (frequency > 0), shares["evidence"] if family != "X3" else 1.0),
        (is_decoy > 0, shares["decoy"]),
        (neutral, 1 - sum(shares.values())),
    ):
        frequency[chosen] *= share / max(frequency[chosen].sum(), 1e-9)
    frequency /= frequency.sum()
    return Lexicon(words, frequency, _draw_evidence(family, rng, is_evidence), is_decoy)


def _draw_evidence(family: str, rng: np.random.Generator, chosen: Chosen) -> Column:
    """Draws evidence with alternating signs; some words repeat the evidence of another."""
    lowest = {"X3": 0.0, "F9": 0.7, "F14": 1.0}.get(family, rng.uniform(0.3, 0.6))
    lowest = lowest if family not in RARE or family in VETOES else 0.8
    ids = rng.permutation(np.flatnonzero(chosen))
    sizes = rng.uniform(lowest, 1, len(ids))
    same = rng.random(len(ids)) < rng.choice([0.0, 0.2, 0.5])
    if family != "X3":
        for number in range(2, len(ids)):
            sizes[number] = sizes[number - 2] if same[number] else sizes[number]
    evidence = np.zeros(len(chosen))
    evidence[ids] = sizes * np.where(np.arange(len(ids)) % 2, 1, -1)
    return evidence


def draw_scores_and_values(
    family: str, rng: np.random.Generator, words: Lexicon, heads: int, noise: float | None
) -> dict[str, Any]:
    """Draws scores and values of the last layer: the fields of a `PlantedRecipe` that differ between families.

    Args:
        family: Key of the family.
        rng: Random number generator.
        words: The words and their evidence.
        heads: Heads of the last layer.
        noise: Sd of the noise in the scores over the sd of the scores, or `None` for the family's.
    """
    fields = _by_family(family, rng, words, heads)
    scores, content = fields["scores"], words.content
    low, high = NOISE.get(family, CLEAN)
    amount = rng.uniform(low, high) if noise is None else noise
    if noise is not None or family not in RANDOM:
        noisy = scores + amount * scores[content].std(axis=0) * rng.normal(size=scores.shape)
        scores = noisy / np.sqrt(1 + amount**2)  # as sharp as before
    average = scores[content].mean(axis=0)
    special = ~content
    special[len(words.words) - 1] &= words.words[-1] != FULL_STOP
    scores = np.where(special[:, None], average, scores)
    scores[[2, 3]] = 0  # [CLS] and [SEP] have special scores
    if family not in ("F2",):
        fields["values"] = np.where((~content)[:, None], 0.0, fields["values"])
    return {**fields, "scores": scores}


def _by_family(family: str, rng: np.random.Generator, words: Lexicon, heads: int) -> dict[str, Any]:
    evidence, size = words.evidence[:, None], np.abs(words.evidence)[:, None]
    shape, half = (len(evidence), 1), max(1, heads // 2)
    sharp = rng.uniform(2.5, 5.0)
    one = dict(scores=sharp * size, values=evidence, head_kinds=(0,) * heads, kind_weights=(1.0,))
    decoys = words.is_decoy[:, None] * sharp + rng.normal(0, 0.3, shape)
    if family == "F2":
        return {**one, "values": np.ones(shape)}
    if family == "F3":
        return {**one, "scores": rng.normal(0, 1.5, shape), "values": rng.normal(size=shape), "into_null": True}
    if family == "F4":
        return {**one, "scores": decoys}
    if family == "F6":
        kinds = (0,) * (heads - half) + (1,) * half
        both = dict(scores=np.hstack([sharp * size, decoys]), values=np.hstack([evidence, rng.normal(size=shape)]))
        return {**both, "head_kinds": kinds, "kind_weights": (1.0, 0.0)}
    if family == "F7":
        return {**one, "scores": rng.normal(0, 0.02, shape)}
    if family == "F8":
        return {**one, "scores": -rng.uniform(1.5, 2.5) * size}
    if family == "F13":
        wide = (len(evidence), heads)
        random = dict(scores=rng.normal(0, 0.5, wide), values=rng.normal(size=wide))
        return {**random, "head_kinds": tuple(range(heads)), "kind_weights": (1.0,) * heads}
    if family == "F14":
        signs = rng.permutation(np.arange(len(evidence)) % 2 * 2.0 - 1)[:, None]
        return {**one, "scores": rng.uniform(0, sharp, shape), "values": signs}
    if family == "F15":
        return {**one, "scores": rng.normal(0, rng.uniform(1.5, 2.5), shape), "values": rng.normal(size=shape)}
    return _by_extra_family(family, rng, words, heads, one, decoys)


def _by_extra_family(
    family: str,
    rng: np.random.Generator,
    words: Lexicon,
    heads: int,
    one: dict[str, Any],
    decoys: Float[np.ndarray, "id 1"],
) -> dict[str, Any]:
    evidence, half = words.evidence[:, None], max(1, heads // 2)
    if family in ("X2", "X7"):
        kinds = heads if family == "X2" else 2
        found_by = (
            _dealt(rng, words.evidence, kinds) if family == "X2" else np.where(evidence > 0, 0, 1) == np.arange(kinds)
        )
        found = np.where(found_by, evidence, 0)
        weights = (1.0,) * kinds if family == "X2" else (1.0, -1.0)
        values = found if family == "X2" else np.abs(found)
        head_kinds = tuple(range(heads)) if family == "X2" else (0,) * (heads - half) + (1,) * half
        sharp = rng.uniform(2.5, 5.0)
        return dict(scores=sharp * np.abs(found), values=values, head_kinds=head_kinds, kind_weights=weights)
    if family == "X4":
        scores = rng.normal(0, 0.5, evidence.shape)
        scores[-1] = rng.uniform(5, 7)
        return {**one, "scores": scores, "values": np.zeros(evidence.shape), "collector": len(evidence) - 1}
    if family == "X5":
        places = np.arange(POSITIONS)
        first = np.where(places > 0, rng.uniform(3, 5) * np.exp(-(places - 1) / rng.uniform(2, 6)), 0.0)
        return {**one, "scores": 0 * evidence, "values": 0 * evidence, "position_scores": first}
    if family == "X6":
        return {**one, "scores": decoys, "values": rng.normal(size=evidence.shape) * words.is_decoy[:, None]}
    if family not in RARE:
        return one
    sharp = rng.uniform(2.5, 5.0)
    return {**one, **draw_company(family, rng, words.evidence, words.is_decoy, heads, sharp, decoys)}


def _dealt(rng: np.random.Generator, evidence: Column, kinds: int) -> Bool[np.ndarray, "id kind"]:
    """Assigns evidence words to kinds of heads, each kind with its share of either sign."""
    kind = np.zeros(len(evidence), int)
    for sign in (-1, 1):
        ids = rng.permutation(np.flatnonzero(np.sign(evidence) == sign))
        kind[ids] = np.arange(len(ids)) % kinds
    dealt: Bool[np.ndarray, "id kind"] = kind[:, None] == np.arange(kinds)
    return dealt
