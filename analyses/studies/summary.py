"""JSON schema of a study's summary.

schema      "interpret-attention/study/2"
study       the fingerprint: model, data, options, seed, versions
object      what was tested; claim: what was claimed of it; scope: for what the answer holds
verdict     answer, because [sentences], examples, needed (how many would settle it, or null), spread (logits)
  components  name, mean, low, high (one-sided 95 % BCa bounds), floor, bar, failure (what being below the floor means),
              p_floor, undefined, side, doubt (why it isn't believed, or "")
  heads       idle (those of the displayed layer that the decision ignores), share (of the displayed map that is
              theirs), floor (a share from here on refutes), bar (one below supports)
  sensitivity [scale of all thresholds, answer]
error_rate  how often such answers are wrong on models whose truth is known: models, wrong and inconclusive (counts),
            rate, low, high (95 % Clopper-Pearson), examples, words [from, to]; null where it isn't known
baselines   for "position" (later words first) and "rarity" (rarer words first): signs (the direction that each half of
            the texts was given, 1, -1 or 0), rank (their Gini correlation with the input effects, in that direction)
            and lead (that of attention minus theirs), both with mean, low, high, undefined; {} without such fields
heads       every head's own row: texts [in the discovery half, in the confirmation half], and [layer][head] lists
            discovery, confirmation (mean Gini correlations), p_discovery, p_confirmation (Benjamini-Hochberg; null
            where not tested), found, confirmed (booleans); null without such fields
classic     null without --classic, else the published tests over the texts, none of which is in the verdict; as in
            `analyses.classic.over_texts`. An interval is mean, low, high (95 %), method ("BCa", "percentile", "exact"
            or "none"), count (texts with a value), undefined
  texts     how many; means: an interval each of attention_gradient, attention_leave_one_out, gradient_leave_one_out
            (Kendall's tau-b), permutation (change of a label's probability), max_attention (share), conicity,
            divergence, divergence_difference (nats) and uniform_margin_change (logits)
  flips     texts whose choice changes without the largest weight and without a random other: both, top_only,
            other_only, neither, undefined, p_value (McNemar, exact), and the interval decided_by_top
  removed   by order, an interval of the share of weights zeroed when the choice first changes
  rankings  pairs of orders on the same texts: first, second, p_value (Wilcoxon), adjusted (Holm), rank_biserial,
            median_difference, difference (an interval), first_never, second_never (texts whose choice it never changes)
  top_matters_less, free, uniform_flips, violations (by ranking), identifiable: shares of texts (of heads for the last),
            an interval each
extremes    most, least: row numbers of the texts with the highest and lowest input rank, of at least five words
accuracy    count, correct, low, high (95 % Clopper-Pearson) where there are labels, else null
checks      name, value (the worst of all texts; null where it is no number), tolerance, passed, detail
notes       kind, count, which (row numbers), text
limits      sentences
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from analyses.classic.over_texts import classic_over_texts
from analyses.data_sets.notes import Note
from analyses.studies.accuracy import accuracy
from analyses.studies.baselines import trivial_baseline
from analyses.studies.classic_columns import classic_of
from analyses.studies.extremes import extremes
from analyses.studies.head_map import head_map
from analyses.verdicts.claim import LIMITS_OF_A_STUDY
from analyses.verdicts.error_rates import ErrorRate
from analyses.verdicts.objects import ObjectOfStudy, object_of_study
from analyses.verdicts.thresholds import BARS, IDLE_SHARE
from analyses.verdicts.verdict import Component, Verdict
from interpret.attention.checks import Check
from interpret.subjects.nouns import WORDS

LAST_ROW = object_of_study("row")


def summarise(
    fingerprint: Mapping[str, Any],
    notes: Sequence[Note],
    records: Sequence[Mapping[str, Any]],
    found: Verdict,
    sensitivity: Sequence[tuple[float, str]],
    *,
    tested: ObjectOfStudy = LAST_ROW,
    error_rate: ErrorRate | None = None,
    checks: Sequence[Check] = (),
) -> dict[str, Any]:
    """Summarises a study: everything but its records.

    Args:
        fingerprint: Everything the study depends on.
        notes: Notes on rows that were left out.
        records: One for each text.
        found: The verdict over them.
        sensitivity: The answer when all thresholds are scaled.
        tested: The weights that were tested.
        error_rate: Error rate of such verdicts; `None` where it isn't known.
        checks: Self-checks, each with the worst value over the texts.
    """
    return {
        "schema": fingerprint["schema"],
        "study": dict(fingerprint),
        "object": tested.name,
        "claim": tested.claim,
        "scope": (
            f"{found.examples} texts, the label that {fingerprint['model']['name']} prefers on each, this checkpoint; "
            f"words are replaced by others drawn from the {fingerprint['options']['resampler']}."
        ),
        "verdict": {
            "answer": found.answer,
            "because": list(found.because),
            "topics": list(found.topics),
            "examples": found.examples,
            "needed": found.needed,
            "spread": found.spread,
            "components": [_component(each) for each in found.components],
            "heads": {
                "idle": list(found.idle_heads),
                "share": found.idle_share,
                "floor": IDLE_SHARE.floor,
                "bar": IDLE_SHARE.bar,
            },
            "sensitivity": [list(pair) for pair in sensitivity],
        },
        "error_rate": None if error_rate is None else {**asdict(error_rate), "words": list(error_rate.words)},
        "baselines": _baselines(records, fingerprint["seed"]),
        "heads": _heads(records, fingerprint["model"], fingerprint["seed"]),
        "classic": _classic(records, fingerprint["seed"]),
        "extremes": {end: list(rows) for end, rows in asdict(extremes(records)).items()},
        "accuracy": accuracy(records),
        "checks": [check.to_dict() for check in checks],
        "notes": [{**asdict(note), "which": list(note.which)} for note in notes],
        "limits": [WORDS.say(line) for line in LIMITS_OF_A_STUDY],
    }


def _component(component: Component) -> dict[str, Any]:
    bars = BARS[component.name]
    return {**_plain(asdict(component)), **asdict(bars), "failure": WORDS.say(bars.failure)}


def _baselines(records: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """Baselines whose field all records have."""
    attention = _column(records, "input_rank")
    return {
        name: _plain(asdict(trivial_baseline(_column(records, f"{name}_rank"), attention, seed=seed)))
        for name in ("position", "rarity")
        if all(f"{name}_rank" in record for record in records)
    }


def _heads(records: Sequence[Mapping[str, Any]], model: Mapping[str, Any], seed: int) -> dict[str, Any] | None:
    if (
        model.get("layers") is None
        or model.get("heads") is None
        or any(record.get("head_ranks") is None for record in records)
    ):
        return None
    ranks = np.array([record["head_ranks"] for record in records], dtype=float)
    found = head_map(ranks.reshape(len(records), model["layers"], model["heads"]), seed=seed)
    names = ("discovery", "confirmation", "p_discovery", "p_confirmation", "found", "confirmed")
    return {"texts": list(found.texts), **{name: _plain(getattr(found, name).tolist()) for name in names}}


def _classic(records: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any] | None:
    """Published tests over the texts; `None` unless every record has them."""
    texts = [classic_of(record) for record in records]
    known = [each for each in texts if each is not None]
    if len(known) < len(texts):
        return None
    found = asdict(classic_over_texts(known, seed=seed))
    adjusted = found.pop("adjusted")
    found["rankings"] = [
        {**each, "adjusted": p_value} for each, p_value in zip(found["rankings"], adjusted, strict=True)
    ]
    plain: dict[str, Any] = _plain(found)
    return plain


def _column(records: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    """A field of all records; NaN where it is undefined."""
    return np.array([record[name] for record in records], dtype=float)


def _plain(value: Any) -> Any:
    """Converts to values that JSON can hold: `None` for numbers that aren't finite, lists for tuples."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
