"""Accuracy of the model on labelled texts, and its comparison with the most frequent label."""

from collections import Counter
from collections.abc import Sequence

from analyses.statistics import proportion
from analyses.studies.schema import AccuracyDict, Record


def accuracy(records: Sequence[Record]) -> AccuracyDict | None:
    """Counts correct decisions, with a 95 % Clopper-Pearson interval; `None` without labels.

    Args:
        records: Records of a study.
    """
    labelled = [record for record in records if record["label"] is not None]
    if not labelled:
        return None
    correct = sum(record["label"] == record["predicted"] for record in labelled)
    bounds = proportion(correct, len(labelled))
    return {"count": len(labelled), "correct": correct, "low": bounds.low, "high": bounds.high}


def doubts_about_accuracy(records: Sequence[Record]) -> list[str]:
    """Returns a doubt, which rules out "supported", unless accuracy is clearly above the most frequent label's share.

    Decisions that don't follow the data are noise, and so are their explanations.

    Args:
        records: Records of a study.
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
