"""How often the model is right, where there are labels, and whether that is more often than chance."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from analyses.statistics import proportion


def accuracy(records: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Counts, with a 95 % Clopper-Pearson interval; `None` without labels.

    Args:
        records: Of a study.
    """
    labelled = [record for record in records if record["label"] is not None]
    if not labelled:
        return None
    correct = sum(record["label"] == record["predicted"] for record in labelled)
    bounds = proportion(correct, len(labelled))
    return {"count": len(labelled), "correct": correct, "low": bounds.low, "high": bounds.high}


def doubts_about_accuracy(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """What forbids "supported": a model that isn't clearly right more often than the most frequent label.

    An explanation of decisions that follow nothing in the data explains noise.

    Args:
        records: Of a study.
    """
    found = accuracy(records)
    if found is None:
        return []
    labels = Counter(record["label"] for record in records if record["label"] is not None)
    chance = max(labels.values()) / found["count"]
    if found["low"] > chance:
        return []
    return [
        f"the model is right on {found['correct']} of {found['count']} texts (95 % interval {found['low']:.0%} to "
        f"{found['high']:.0%}), which isn't clearly more than always saying the most frequent label ({chance:.0%})"
    ]
