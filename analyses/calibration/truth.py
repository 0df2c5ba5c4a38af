"""Truth about a planted model: what a verdict estimates, computed from the model's closed form.

No network is run and no measurement of a verdict is used: effects, weights and edits come from `formula.py`, with many
more random draws than a verdict has, and the declared bars say what they mean.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from analyses.calibration.both_orders import both_orders
from analyses.calibration.edited_rows import EditedRows, edited_rows, felt
from analyses.calibration.replaced_words import replaced_texts
from analyses.calibration.replacement_shares import replacement_shares
from analyses.verdicts.one_text import LEAST_MOVED
from analyses.verdicts.resampling import Resampler
from analyses.verdicts.thresholds import BARS, IDLE, IDLE_SHARE, LEAST_SPREAD, ComponentName
from analyses.verdicts.verdict import MOST_UNDEFINED
from interpret.native.planted import PlantedModel
from interpret.native.planted.formula import row_of
from interpret.subjects.inputs.example import Example

# Texts like each, each reached by an order of replacement and its reverse: 64 walks of each text of a study, and 512 of
# a text judged alone, where chance doesn't average out over texts.
IN_STUDY, ALONE = 32, 256

TrueAnswer = Literal["explains", "does not", "partial", "undefined"]


@dataclass(frozen=True)
class Components:
    """What is true of a planted model's attention, on some texts or around one.

    Attributes:
        answer: "explains" if every component reaches its bar and idle heads have less than theirs, "does not" if one is
            below its floor or idle heads have more, else "partial". "undefined" if the words don't move the decision,
            or a component has no value while no other refutes; such a model counts in no error rate.
        use: U, median change under permuted weights, in mean changes by replacing all words; NaN where undefined.
        rank: R, agreement of the weights with effects of the positions they are on, both ways.
        input_rank: I, agreement of the weights with effects of input words in context, both ways.
        top: T, what the first words do, from 0 for random words to 1 for the best order known.
        share: S, share of the effects in context that passes through the last layer's attention.
        idle_share: Share of the displayed map that belongs to heads which the decision ignores.
    """

    answer: TrueAnswer
    use: float
    rank: float
    input_rank: float
    top: float
    share: float
    idle_share: float


def truth_of_study(model: PlantedModel, texts: Sequence[str], resampler: Resampler, *, seed: int = 0) -> Components:
    """Computes the truth about a study of a planted model: means over its texts.

    Args:
        model: The model.
        texts: Texts of its words.
        resampler: Source of replacement words.
        seed: Seed of the draws.

    Example:
        >>> from interpret.native.planted import plant
        >>> model = plant("F1")
        >>> from analyses.verdicts.resampling import CorpusUnigram
        >>> texts = model.texts(20, seed=0, length=20)
        >>> truth_of_study(model, texts, CorpusUnigram(map(model.subject().encode, texts))).answer
        'explains'
    """
    rng, subject = np.random.default_rng(seed), model.subject()
    seen = [_Text.read(model, subject.encode(text), resampler, IN_STUDY, rng) for text in texts]
    edits = [edited_rows(row_of(model.recipe, each.ids[:1], model.norm), rng) for each in seen]
    rows = EditedRows(
        **{name: np.concatenate([getattr(each, name) for each in edits]) for name in EditedRows.__dataclass_fields__}
    )
    spread = math.sqrt(np.mean([each.spread**2 for each in seen]))
    moves = spread > LEAST_SPREAD * math.sqrt(np.mean(rows.rounding**2))
    reach = float(np.mean([each.distances[0, 1:].mean() for each in seen]))
    return _components(model, seen, rows, reach, moves=moves, most_undefined=MOST_UNDEFINED)


def truth_of_text(model: PlantedModel, text: str, resampler: Resampler, *, seed: int = 0) -> Components:
    """Computes the truth about one text: what its row does is a mean over the text and texts like it.

    Args:
        model: The model.
        text: Text of its words.
        resampler: Source of replacement words.
        seed: Seed of the draws.

    Example:
        >>> from interpret.native.planted import plant
        >>> model = plant("F1")
        >>> from analyses.verdicts.vocabulary import VocabularyUnigram
        >>> (text,) = model.texts(1, seed=0, length=20)
        >>> truth_of_text(model, text, VocabularyUnigram(model.subject().tokenizer)).answer
        'explains'
    """
    rng = np.random.default_rng(seed)
    seen = _Text.read(model, model.subject().encode(text), resampler, ALONE, rng)
    rows = edited_rows(row_of(model.recipe, seen.ids, model.norm), rng)
    moves = seen.spread > max(LEAST_SPREAD * rows.rounding[0], LEAST_MOVED * abs(rows.margin[0]))
    reach = float(seen.distances.sum() / (seen.distances.size - len(seen.distances)))
    return _components(model, [seen], rows, reach, moves=bool(moves), most_undefined=1.0)


@dataclass(frozen=True, eq=False)
class _Text:
    """One text, and those like it.

    Attributes:
        ids: The text, followed by texts with every word replaced.
        distances: Magnitudes of differences between the margins of any two of them.
        spread: Standard deviation of the margin over texts with other words.
        input_rank: I of the text.
        share: S of the text.
    """

    ids: Int[np.ndarray, "text token"]
    distances: Float[np.ndarray, "text text"]
    spread: float
    input_rank: float
    share: float

    @classmethod
    def read(
        cls, model: PlantedModel, example: Example, resampler: Resampler, ends: int, rng: np.random.Generator
    ) -> "_Text":
        """Replaces the words of a text, one after another, until it is one of so many texts like it."""
        own, like = example.ids.numpy(), replaced_texts(example, resampler, ends, rng)
        ids = np.concatenate([own[None], like])
        row = row_of(model.recipe, ids, model.norm)
        margins = row.difference(row.attended)
        distances = np.abs(margins[:, None] - margins)
        found = replacement_shares(model.recipe, model.norm, own, like, rng)
        shown = row.weights[0, list(model.recipe.head_kinds), 1:-1].mean(axis=0)
        return cls(
            ids=ids,
            distances=distances,
            spread=math.sqrt(np.square(distances[0, 1:]).mean() / 2),
            input_rank=float(both_orders(felt(np.abs(found.effects)[None], margins[:1]), shown[None])[0]),
            share=found.share,
        )


def _components(
    model: PlantedModel, seen: Sequence[_Text], rows: EditedRows, reach: float, *, moves: bool, most_undefined: float
) -> Components:
    """Takes means over texts that have a value, and compares them with the bars.

    Args:
        model: The model.
        seen: Texts whose words were replaced.
        rows: Texts whose rows were edited.
        reach: Mean change of the margin by replacing all words, in logits.
        moves: False if the words don't move the decision.
        most_undefined: Largest share of texts that may have no value of a component that counts.
    """

    def mean(values: Float[np.ndarray, " text"]) -> float:
        known = values[~np.isnan(values)]
        return float(known.mean()) if len(known) and 1 - len(known) / len(values) <= most_undefined else math.nan

    room = float(rows.room.mean())
    values: dict[ComponentName, float] = {
        "use": float(rows.use.mean()) / reach if moves else math.nan,
        "rank": mean(rows.rank),
        "input rank": mean(np.array([each.input_rank for each in seen])),
        "top": float(rows.top.mean()) / room if room > float(rows.rounding.mean()) else math.nan,
        "share": mean(np.array([each.share for each in seen])),
    }
    idle_share = _idle_share(model, rows)
    return Components(
        answer=_answer(values, idle_share) if moves else "undefined",
        use=values["use"],
        rank=values["rank"],
        input_rank=values["input rank"],
        top=values["top"],
        share=values["share"],
        idle_share=idle_share,
    )


def _answer(values: dict[ComponentName, float], idle_share: float) -> TrueAnswer:
    if idle_share >= IDLE_SHARE.floor or any(value < BARS[name].floor for name, value in values.items()):
        return "does not"
    if any(map(math.isnan, values.values())):
        return "undefined"
    holds = idle_share < IDLE_SHARE.bar and all(value >= BARS[name].bar for name, value in values.items())
    return "explains" if holds else "partial"


def _idle_share(model: PlantedModel, rows: EditedRows) -> float:
    """Share of heads whose mean effects, single and conditional, are below `IDLE` of their share of the joint one."""
    done = np.maximum(rows.single.mean(axis=0), rows.conditional.mean(axis=0))
    idle = done < IDLE * (rows.shown * rows.joint[:, None]).mean(axis=0)
    kinds = list(model.recipe.head_kinds)
    return float((rows.shown.mean(axis=0) * idle)[kinds].sum())
