"""Drawing of recipes: doses and scales are calibrated on texts drawn from the model's words."""

from dataclasses import fields, replace
from typing import Any, Literal
from zlib import crc32

import numpy as np
from jaxtyping import Float, Int

from interpret.errors import InputError
from interpret.native.planted.doses import Doses
from interpret.native.planted.drawing import STYLES, draw_lexicon, draw_scores_and_values
from interpret.native.planted.families import FAMILIES
from interpret.native.planted.formula import read
from interpret.native.planted.recipe import END, START, PlantedRecipe, Taken
from interpret.native.planted.words import draw_texts

TEXTS = 160  # number of texts that doses and scales are calibrated on
SINK_STEPS = 8
INERT = {"F2": 1.0, "F3": 0.4, "X5": 0.0}  # scale of the last layer's output where the decision ignores it
DECOYS = {
    "F4": (0.6, 0.9), "F6": (0.35, 0.5), "X6": (0.6, 0.9), "X10": (0.6, 0.9), "X12": (0.6, 0.9)
}  # fmt: skip  # range of the decoys' share of attention
MOVING = ("F16", "X15", "X16")  # families whose first layer moves words
# Written values as parts of the last layer norm's own size, where that saturates.
SATURATED = {
    "F9": (1.0, 1.6),
    "X8": (1.5, 2.5),
    "X9": (1.2, 2.0),
    "X10": (1.5, 2.5),
    "X11": (1.0, 1.6),
    "X12": (1.5, 2.5),
}
CLUSTERED = ("X8", "X9", "X10", "X11", "X12")  # families with two kinds of texts and nothing between, near the median
DISPLACED = {"X15": (0.6, 0.8)}  # range of the share of weight one word beside its evidence
OUTVOTING = (2.0, 3.0)  # what a veto that isn't seen writes, as part of the last layer norm's own size


def draw_recipe(
    family: str, *, seed: int, layers: int, heads: int, norm: Literal["pre", "post"], doses: Doses
) -> PlantedRecipe:
    """Draws the recipe of a model of a family.

    Raises:
        InputError: The family can't have one of the doses.
    """
    rng = np.random.default_rng([seed, crc32(family.encode())])
    words = draw_lexicon(family, rng)
    low, high = FAMILIES[family].default_bypass
    default = rng.uniform(low, high)
    bypass = default if doses.bypass is None else doses.bypass
    _require_bypass(family, bypass, layers)
    _require_displacement(family, bypass, layers, doses.displaced)
    lexicon = {field.name: getattr(words, field.name) for field in fields(words)}
    drawn = draw_scores_and_values(family, rng, words, heads, doses.noise)
    settings: dict[str, Any] = dict(
        pooled=words.evidence,
        special_scores=np.zeros((2, drawn["scores"].shape[1])),
        position_scores=None,
        into_null=False,
        lower="move" if family in MOVING else "gather" if family == "X4" else "pool" if bypass > 0 else "idle",
        collector=None,
        pool_weight=1.0,
        taken=Taken(),
        gain=1.0,
        bias=0.0,
        layers=layers,
    )
    recipe = PlantedRecipe(**{**settings, **lexicon, **drawn})
    sample = recipe.ids(draw_texts(recipe, STYLES.get(family, "plain"), rng, TEXTS, doses.lengths))
    recipe = _with_decoys(recipe, sample, family, rng, doses.decoy)
    if family in DISPLACED or doses.displaced is not None:
        default_displaced = rng.uniform(*DISPLACED.get(family, (0.5, 0.5)))
        wanted = default_displaced if doses.displaced is None else doses.displaced
        recipe = _with_displacement(replace(recipe, lower="move"), sample, wanted)
    sink = (0.85, 0.95) if family == "F5" else (0.02, 0.15)
    default_sink = rng.uniform(*sink)
    recipe = _with_sink(recipe, sample, default_sink if doses.sink is None else doses.sink, rng.uniform(-0.5, 0.5))
    return _with_sizes(recipe, sample, family, norm, bypass, rng)


def _require_bypass(family: str, bypass: float, layers: int) -> None:
    if bypass > 0 and layers < 2:
        raise InputError(f"a bypass goes through the first of at least 2 layers, but this model has {layers}")
    if family in (*MOVING, "X4", "X14") and bypass > 0:
        raise InputError(f"family {family} uses its first layer for something else; it can't have a bypass")
    if family in INERT and bypass < 1:
        raise InputError(f"family {family} takes nothing from its last layer; its bypass must be 1, not {bypass}")


def _require_displacement(family: str, bypass: float, layers: int, dose: float | None) -> None:
    if dose is not None and (family not in ("F1", "X15") or bypass > 0 or layers < 2):
        raise InputError(
            "the dose displaced needs family F1 or X15, the first of at least 2 layers, and no bypass, not family "
            f"{family} with {layers} layers and a bypass of {bypass}"
        )


def _weights(
    recipe: PlantedRecipe, sample: Int[np.ndarray, "example token"]
) -> Float[np.ndarray, "example kind token"]:
    """Attention row of each kind of head, before anything is written to the residual stream."""
    return read(replace(recipe, pool_weight=0.0), sample, "pre").attention


def _with_decoys(
    recipe: PlantedRecipe,
    sample: Int[np.ndarray, "example token"],
    family: str,
    rng: np.random.Generator,
    dose: float | None,
) -> PlantedRecipe:
    """Raises the scores of decoy words, in F6 those of decoy heads, until decoys have the wanted share."""
    if dose is None and family not in DECOYS:
        return recipe
    default = rng.uniform(*DECOYS.get(family, (0.5, 0.5)))
    wanted = default if dose is None else dose
    raised = np.array([weight == 0 for weight in recipe.kind_weights]) if family == "F6" else np.array([True])
    words = (sample >= 0) & (sample != START) & (sample != END)
    decoys = words & (recipe.is_decoy[sample] > 0)

    def more(amount: float) -> PlantedRecipe:
        return replace(recipe, scores=recipe.scores + amount * recipe.is_decoy[:, None] * raised)

    def share(amount: float) -> float:
        shown = _weights(more(amount), sample)[:, list(recipe.head_kinds)].mean(axis=1)
        return float((np.where(decoys, shown, 0).sum(axis=1) / np.where(words, shown, 0).sum(axis=1)).mean())

    amount = _solve(share, wanted, -12.0, 12.0)
    if abs(share(amount) - wanted) > 0.02:
        raise InputError(
            f"in family {family} decoys can have from {share(-12.0):.2f} to {share(12.0):.2f} of the attention on "
            f"words, not {wanted}"
        )
    return more(amount)


def _with_displacement(recipe: PlantedRecipe, sample: Int[np.ndarray, "example token"], wanted: float) -> PlantedRecipe:
    """Takes scores and values from the word before rather than a position's own, for the wanted share of weight."""

    def taken(amount: float) -> PlantedRecipe:  # from -1, all at its own place, to 1, all one word beside it
        own, moved = min(1.0, 1 - amount), min(1.0, 1 + amount)
        return replace(recipe, taken=Taken(own, moved, own, moved))

    strongest = np.abs(recipe.evidence[sample] * (sample >= 0)).argmax(axis=1)
    texts = np.arange(len(sample))

    def share(amount: float) -> float:
        row = _weights(taken(amount), sample).mean(axis=1)
        at, beside = row[texts, strongest], row[texts, strongest + 1]
        return float((beside / (at + beside)).mean())

    if wanted in (0.0, 1.0):
        return taken(2 * wanted - 1)
    amount = _solve(share, wanted, -1.0, 1.0)
    if abs(share(amount) - wanted) > 0.02:
        raise InputError(
            f"this model can have from {share(-1.0):.2f} to {share(1.0):.2f} of the attention on evidence one word "
            f"beside it, or 0 or 1, not {wanted}"
        )
    return taken(amount)


def _with_sink(
    recipe: PlantedRecipe, sample: Int[np.ndarray, "example token"], wanted: float, tilt: float
) -> PlantedRecipe:
    """Sets the scores of [CLS] and [SEP] so that they have the wanted share in every kind of head."""
    special = ((sample == START) | (sample == END))[:, None]
    tilts = np.array([[tilt], [-tilt]])
    recipe = replace(recipe, special_scores=recipe.special_scores + tilts)
    for _ in range(SINK_STEPS):  # the log odds of the share grow with the score, by 1 where texts are alike
        share = np.where(special, _weights(recipe, sample), 0).sum(axis=2).mean(axis=0)
        step = np.log(wanted / (1 - wanted)) - np.log(share / (1 - share))
        recipe = replace(recipe, special_scores=recipe.special_scores + step)
    return recipe


def _solve(share: Any, wanted: float, low: float, high: float) -> float:
    """Finds where an increasing function reaches a value, by bisection."""
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (middle, high) if share(middle) < wanted else (low, middle)
    return (low + high) / 2


def _with_sizes(
    recipe: PlantedRecipe,
    sample: Int[np.ndarray, "example token"],
    family: str,
    norm: Literal["pre", "post"],
    bypass: float,
    rng: np.random.Generator,
) -> PlantedRecipe:
    """Scales the written values, to give the bypass its share, and the readout, to balance the labels."""
    written = rng.uniform(*SATURATED.get(family, (0.3, 0.8)))
    written *= np.sqrt(recipe.pairs) if family in SATURATED else 1
    if family == "X11":  # both words must be there: without one, the sum of what is found is below a threshold
        threshold = _between(read(recipe, sample, norm).attended)
        recipe = replace(recipe, values=recipe.values - threshold / len(recipe.kind_weights))
    raw = read(recipe, sample, norm)
    inert = family in INERT
    share = INERT[family] if inert else 1 - bypass
    spread = float(np.abs(raw.attended).mean()) if family == "F2" else float(raw.attended.std())
    weights = tuple(weight * share * written / max(spread, 1e-9) for weight in recipe.kind_weights)
    if family == "X14":
        tokens = float((sample >= 0).sum(axis=1).mean())
        recipe = replace(recipe, pool_weight=rng.uniform(*OUTVOTING) * np.sqrt(recipe.pairs) * tokens)
    elif recipe.lower == "pool":
        raw_pool = read(replace(recipe, kind_weights=(0.0,) * len(weights)), sample, norm).bypassed
        recipe = replace(recipe, pool_weight=bypass * written / max(float(raw_pool.std()), 1e-9))
    recipe = replace(recipe, kind_weights=weights)
    if (
        recipe.lower == "pool" and family != "X14" and norm == "post"
    ):  # layer norms lie between the two, and shrink the first
        both = read(recipe, sample, norm)
        if not inert and 0 < bypass < 1:
            factor = (1 - bypass) / bypass * float(both.bypassed.std()) / max(float(both.attended.std()), 1e-9)
            recipe = replace(recipe, kind_weights=tuple(weight * factor for weight in recipe.kind_weights))
    answer = read(recipe, sample, norm).difference
    wanted = rng.uniform(1.0, 4.0) * (6 if family == "F10" else 1)
    gain = wanted / max(float(answer.std()), 1e-9)
    final = read(recipe, sample, norm)
    output = final.attended + final.bypassed
    middle = _between(output) if family in CLUSTERED else float(np.median(answer))
    return replace(recipe, gain=gain, bias=-gain * middle)


def _between(values: Float[np.ndarray, " example"]) -> float:
    """Middle between two clusters of which either has more than a tenth."""
    return float(np.quantile(values, (0.1, 0.9)).mean())
