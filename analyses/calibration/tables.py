"""Tables of a calibration: error rates of verdicts, and how well each metric tells the two truths apart."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from analyses.calibration.draws import DOSES, LENGTHS, PROTOCOL
from analyses.calibration.judging import METRICS
from analyses.calibration.schema import (
    CalibrationDict,
    CalibrationFingerprint,
    CountedTruths,
    DiagnosticityDict,
    DoseDict,
    FamilyDict,
    JudgedAnswers,
    OverallCell,
    UniformityDict,
)
from analyses.export.to_json import listed
from analyses.verdicts.error_rates import AnswersByTruth, CountedAnswers, Source, error_of
from interpret.native.planted import FAMILIES

Record = Mapping[str, Any]  # of one model, as `judging.judged` makes it

SOURCES: tuple[Source, ...] = ("corpus", "vocabulary")
# Null families: attention is unrelated to effects by construction, so p-values are nearly uniform. Not exactly: both
# are properties of words, so in a model of few words they agree or disagree by chance in all of its texts.
NULLS = (("F3", "p_luck"), ("F7", "p_luck"))


def tabulate(fingerprint: CalibrationFingerprint, records: Sequence[Record], draws: int) -> CalibrationDict:
    """Makes all tables of a calibration.

    Args:
        fingerprint: Everything the records depend on.
        records: One for each model.
        draws: Number of rounds.
    """
    plain = [record for record in records if not record["dose"]]
    protocol = [record for record in plain if record["family"] in PROTOCOL]
    sizes = fingerprint["plan"]["sizes"]
    return {
        "schema": fingerprint["schema"],
        "plan": {**fingerprint["plan"], "draws": draws},
        "bars": fingerprint["bars"],
        "versions": fingerprint["versions"],
        "overall": [
            *_overall("protocol", protocol, sizes),
            *_overall("others", [record for record in plain if record["family"] not in PROTOCOL], sizes),
        ],
        "study": [
            {"examples": size, "words": listed(words), **_by_truth(_of_study(_long(protocol, words), size))}
            for size in sizes
            for words in LENGTHS
        ],
        "single": [
            {"source": source, "words": listed(words), **_by_truth(_of_single(_long(protocol, words), source))}
            for source in SOURCES
            for words in LENGTHS
        ],
        "families": [_family(key, plain, sizes) for key in fingerprint["plan"]["families"]],
        "doses": [_dose(dose, [record for record in records if record["dose"] == dose]) for dose in DOSES],
        "uniformity": [_uniformity(family, name, plain) for family, name in NULLS],
        "diagnosticity": [_diagnosticity(metric, protocol) for metric in METRICS],
    }


def _overall(
    group: Literal["protocol", "others"], records: Sequence[Record], sizes: Sequence[int]
) -> Iterator[OverallCell]:
    for size in sizes:
        answers = _by_truth(_of_study(records, size))
        yield {"group": group, "of": "study", "examples": size, "source": None, **answers}
    for source in SOURCES:
        answers = _by_truth(_of_single(records, source))
        yield {"group": group, "of": "single", "examples": 1, "source": source, **answers}


def _long(records: Iterable[Record], words: tuple[int, int]) -> list[Record]:
    return [record for record in records if words[0] <= record["words"] <= words[1]]


def _of_study(records: Iterable[Record], size: int) -> list[tuple[str, str]]:
    """Pairs of truth and answer, one for each model."""
    return [
        (record["truth"], answer)
        for record in records
        for examples, answer in zip(record["sizes"], record["answers"], strict=True)
        if examples == size
    ]


def _of_single(records: Iterable[Record], source: str) -> list[tuple[str, str]]:
    """Pairs of truth and answer, one for each text."""
    return [
        pair for record in records for pair in zip(record[f"truth_{source}"], record[f"single_{source}"], strict=True)
    ]


def _by_truth(pairs: Sequence[tuple[str, str]]) -> AnswersByTruth:
    """Counts of answers by truth, and the error rate."""
    explains, partial, does_not = (
        _counts(answer for each, answer in pairs if each == truth) for truth in ("explains", "partial", "does not")
    )
    error = error_of(explains, partial, does_not)
    return {"explains": explains, "partial": partial, "does_not": does_not, "error": error}


def _counts(answers: Iterable[str]) -> CountedAnswers:
    counter = Counter(answers)
    return {
        "models": counter.total(),
        "supported": counter["supported"],
        "not_supported": counter["not supported"],
        "inconclusive": counter["inconclusive"],
    }


def _family(key: str, records: Sequence[Record], sizes: Sequence[int]) -> FamilyDict:
    family, own = FAMILIES[key], [record for record in records if record["family"] == key]
    return {
        "family": key,
        "name": family.name,
        "because": family.because,
        "draws": len(own),
        "truths": _truths(own),
        "study": [_judged(_of_study(own, size)) for size in sizes],
        "single": [_judged(_of_single(own, source)) for source in SOURCES],
    }


def _truths(records: Iterable[Record]) -> CountedTruths:
    counter = Counter(record["truth"] for record in records)
    return {
        "explains": counter["explains"],
        "partial": counter["partial"],
        "does_not": counter["does not"],
        "undefined": counter["undefined"],
    }


def _judged(pairs: Sequence[tuple[str, str]]) -> JudgedAnswers:
    counts, wrong = _counts(answer for _, answer in pairs), _by_truth(pairs)["error"]["wrong"]
    return {**counts, "wrong": wrong}


def _dose(dose: str, records: Sequence[Record]) -> DoseDict:
    levels = DOSES[dose]
    counts = [
        _counts(answer for record in records if record["level"] == each for answer in record["answers"])
        for each in levels
    ]
    points = [(count["supported"] - count["not_supported"]) / count["models"] for count in counts if count["models"]]
    return {
        "dose": dose,
        "levels": list(levels),
        "counts": counts,
        "largest_reversal": max(
            (later - earlier for i, earlier in enumerate(points) for later in points[i:]), default=0.0
        ),
    }


def _uniformity(family: str, name: str, records: Sequence[Record]) -> UniformityDict:
    from scipy.stats import kstest

    values = [each for record in records if record["family"] == family for each in record[name] if each is not None]
    found = kstest(values, "uniform") if values else None
    return {
        "family": family,
        "p_value": name,
        "count": len(values),
        "statistic": float(found.statistic) if found else None,
        "p": float(found.pvalue) if found else None,
    }


def _diagnosticity(metric: str, records: Sequence[Record]) -> DiagnosticityDict:
    """Area under the ROC curve: how often the metric is larger in an explaining model than in a non-explaining one."""
    groups = {
        truth: np.array(
            [
                record[f"mean_{metric}"]
                for record in records
                if record["truth"] == truth and record[f"mean_{metric}"] is not None
            ]
        )
        for truth in ("explains", "does not")
    }
    one, other = groups.values()
    wins = np.sign(one[:, None] - other[None]) if len(one) and len(other) else np.zeros((0, 0))
    known = sum(map(len, groups.values()))
    return {
        "metric": metric,
        "auc": float((wins.mean() + 1) / 2) if wins.size else None,
        "explains": len(one),
        "does_not": len(other),
        "undefined": sum(record["truth"] in groups for record in records) - known,
    }
