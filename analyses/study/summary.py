"""A study in one JSON file.

schema      "interpret-attention/study/1"
study       the fingerprint: model, data, options, seed, versions
object      what was tested; claim: what was claimed of it; scope: for what the answer holds
verdict     answer, because [sentences], examples, needed (how many would settle it, or null), spread (logits)
  components  name, mean, low, high (one-sided 95 % BCa bounds), floor, bar, p_floor, undefined, side
  heads       idle (those the decision ignores), share (of the displayed map that is theirs)
  sensitivity [scale of all thresholds, answer]
accuracy    count, correct, low, high (95 % Clopper-Pearson) where there are labels, else null
notes       kind, count, which (row numbers), text
limits      sentences
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from analyses.components.verdict import BARS, Component, Verdict
from analyses.statistics import proportion
from analyses.study.notes import Note

OBJECT = "the last layer's attention row of the decision's position, mean over heads, special tokens left out"
CLAIM = (
    "these weights rank the input words by their causal effect on the logit margin, and do so because the effect "
    "passes through this attention"
)
LIMITS = (
    "One model, one data set, one score (the margin of the label the model prefers), one way to add up heads.",
    "It says which words weigh how much, not for what reason.",
    "Words are changed one at a time or the first few together: what words do only jointly is not seen.",
    "Edited weights and texts with replaced words are unlike what the model was trained on.",
    "Attention in the last layer is paid to states that know other words too; the input rank says how far that goes.",
    "Sharp attention of an untrained network explains that network's meaningless output: the claim is about causes, "
    "not about sense.",
    "Nothing here says that people would find the explanation plausible.",
)


def summarise(
    fingerprint: Mapping[str, Any],
    notes: Sequence[Note],
    records: Sequence[Mapping[str, Any]],
    found: Verdict,
    sensitivity: Sequence[tuple[float, str]],
) -> dict[str, Any]:
    """Everything of a study but its records.

    Args:
        fingerprint: What the study depends on.
        notes: What was left out.
        records: One for each text.
        found: The verdict over them.
        sensitivity: The answer when all thresholds are scaled.
    """
    return {
        "schema": fingerprint["schema"],
        "study": dict(fingerprint),
        "object": OBJECT,
        "claim": CLAIM,
        "scope": (
            f"{found.examples} texts, the label that {fingerprint['model']['name']} prefers on each, this checkpoint; "
            f"words are replaced by others drawn from the {fingerprint['options']['resampler']}."
        ),
        "verdict": {
            "answer": found.answer,
            "because": list(found.because),
            "examples": found.examples,
            "needed": found.needed,
            "spread": found.spread,
            "components": [_component(each) for each in found.components],
            "heads": {"idle": list(found.idle_heads), "share": found.idle_share},
            "sensitivity": [list(pair) for pair in sensitivity],
        },
        "accuracy": _accuracy(records),
        "notes": [{**asdict(note), "which": list(note.which)} for note in notes],
        "limits": list(LIMITS),
    }


def _component(component: Component) -> dict[str, Any]:
    numbers = {name: _number(value) for name, value in asdict(component).items()}
    return {**numbers, "floor": BARS[component.name].floor, "bar": BARS[component.name].bar}


def _number(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _accuracy(records: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    labelled = [record for record in records if record["label"] is not None]
    if not labelled:
        return None
    correct = sum(record["label"] == record["predicted"] for record in labelled)
    bounds = proportion(correct, len(labelled))
    return {"count": len(labelled), "correct": correct, "low": bounds.low, "high": bounds.high}
