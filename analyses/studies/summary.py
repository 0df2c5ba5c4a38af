"""Summary of a study: everything but its records, as `analyses.studies.schema` has it."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from analyses.classic.over_texts import classic_over_texts
from analyses.data_sets.notes import Note
from analyses.export.to_json import listed, plain_nested
from analyses.studies.accuracy import accuracy
from analyses.studies.baselines import trivial_baseline
from analyses.studies.classic_columns import classic_of
from analyses.studies.evidence.schema import EvidenceDict
from analyses.studies.extremes import extremes
from analyses.studies.head_map import head_map
from analyses.studies.look_back.schema import LookBackOverTextsDict
from analyses.studies.ranking.schema import RankingDict
from analyses.studies.schema import (
    BaselineDict,
    ClassicOverTextsDict,
    HeadMapDict,
    Record,
    StudiedModelDict,
    StudyComponentDict,
    StudyDict,
    StudyFingerprint,
)
from analyses.verdicts.claim import LIMITS_OF_A_STUDY
from analyses.verdicts.error_rates import ErrorRate
from analyses.verdicts.objects_of_study import ObjectOfStudy, object_of_study
from analyses.verdicts.thresholds import BARS, IDLE_SHARE, Answer
from analyses.verdicts.verdict import Component, Verdict
from interpret.attention.checks import Check
from interpret.subjects.nouns import WORDS

LAST_ROW = object_of_study("row")


def summarise(
    fingerprint: StudyFingerprint,
    notes: Sequence[Note],
    records: Sequence[Record],
    found: Verdict,
    sensitivity: Sequence[tuple[float, Answer]],
    *,
    tested: ObjectOfStudy = LAST_ROW,
    error_rate: ErrorRate | None = None,
    checks: Sequence[Check] = (),
    evidence: EvidenceDict | None = None,
    ranking: RankingDict | None = None,
    look_back: LookBackOverTextsDict | None = None,
) -> StudyDict:
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
        evidence: Agreement of explanations with marked words; `None` if none are marked.
        ranking: Explanations from the best to the worst; `None` if they weren't ranked.
        look_back: How far back decisions look; `None` if it wasn't measured.
    """
    prefers = f"the label that {fingerprint['model']['name']} prefers"
    decided = "the first of two given labels rather than the second" if "target" in records[0] else prefers
    summary: StudyDict = {
        "schema": fingerprint["schema"],
        "study": {**fingerprint},
        "object": tested.name,
        "claim": tested.claim,
        "scope": (
            f"{found.examples} texts, {decided} on each, this checkpoint; "
            f"words are replaced by others drawn from the {fingerprint['options']['resampler']}."
        ),
        "verdict": {
            "answer": found.answer,
            "because": list(found.because),
            "topics": list(found.topics),
            "examples": found.examples,
            "needed": found.needed,
            "spread": found.spread,
            "components": [_component(each, tested) for each in found.components],
            "heads": {
                "idle": list(found.idle_heads),
                "share": found.idle_share,
                "floor": IDLE_SHARE.floor,
                "bar": IDLE_SHARE.bar,
            },
            "sensitivity": [listed(pair) for pair in sensitivity],
        },
        "error_rate": None if error_rate is None else error_rate.to_dict(),
        "baselines": _baselines(records, fingerprint["seed"]),
        "heads": _heads(records, fingerprint["model"], fingerprint["seed"]),
        "classic": _classic(records, fingerprint["seed"]),
        "ranking": ranking,
        "extremes": plain_nested(asdict(extremes(records))),
        "accuracy": accuracy(records),
        "checks": [check.to_dict() for check in checks],
        "notes": [plain_nested(asdict(note)) for note in notes],
        "limits": [WORDS.say(line) for line in LIMITS_OF_A_STUDY],
    }
    if evidence is not None:
        summary["evidence"] = evidence
    if look_back is not None:
        summary["look_back"] = look_back
    return summary


def _component(component: Component, tested: ObjectOfStudy) -> StudyComponentDict:
    bars = BARS[component.name]
    failure = tested.failures.get(component.name, WORDS.say(bars.failure))
    plain: StudyComponentDict = plain_nested({**asdict(component), **asdict(bars), "failure": failure})
    return plain


def _baselines(records: Sequence[Record], seed: int) -> dict[str, BaselineDict]:
    """Baselines whose field all records have."""
    attention = _column(records, "input_rank")
    return {
        name: plain_nested(asdict(trivial_baseline(_column(records, f"{name}_rank"), attention, seed=seed)))
        for name in ("position", "rarity")
        if all(f"{name}_rank" in record for record in records)
    }


def _heads(records: Sequence[Record], model: StudiedModelDict, seed: int) -> HeadMapDict | None:
    layers, heads = model.get("layers"), model.get("heads")
    if layers is None or heads is None or any(record.get("head_ranks") is None for record in records):
        return None
    ranks = np.array([record["head_ranks"] for record in records], dtype=float)
    found = head_map(ranks.reshape(len(records), layers, heads), seed=seed)
    return {
        "texts": listed(found.texts),
        "discovery": plain_nested(found.discovery.tolist()),
        "confirmation": plain_nested(found.confirmation.tolist()),
        "p_discovery": plain_nested(found.p_discovery.tolist()),
        "p_confirmation": plain_nested(found.p_confirmation.tolist()),
        "found": found.found.tolist(),
        "confirmed": found.confirmed.tolist(),
    }


def _classic(records: Sequence[Record], seed: int) -> ClassicOverTextsDict | None:
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
    plain: ClassicOverTextsDict = plain_nested(found)
    return plain


def _column(records: Sequence[Record], name: str) -> np.ndarray:
    """A field of all records; NaN where it is undefined."""
    return np.array([record[name] for record in records], dtype=float)
