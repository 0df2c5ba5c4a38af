"""Verdicts on one planted model, as for a study and as for single texts."""

import math
from typing import Any

import numpy as np

from analyses.calibration.draws import Drawn, Job, draw
from analyses.calibration.truth import truth_of_study, truth_of_text
from analyses.verdicts.measure import measure, measure_text
from analyses.verdicts.measurement import Measurement
from analyses.verdicts.one_text import ONE_TEXT, one_text_verdict
from analyses.verdicts.resampling import CorpusUnigram, Resampler
from analyses.verdicts.thresholds import ComponentName
from analyses.verdicts.verdict import Verdict, verdict
from analyses.verdicts.vocabulary import VocabularyUnigram
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

BATCH = 40  # texts that are measured together
SINGLE_TEXTS = 1  # judged by themselves for each model: texts of one model are no independent draws
OF_THE_VERDICT: dict[str, ComponentName] = {
    "use": "use", "rank": "rank", "input_rank": "input rank", "top": "top", "share": "share",
}  # fmt: skip
BESIDE = (
    "rank_substituted", "rank_tau", "input_tau", "rank_shuffled", "rank_of_values", "opposed", "uniform",
    "position_rank", "rarity_rank", "sink",
)  # fmt: skip
METRICS = (*OF_THE_VERDICT, *BESIDE)


def judged(job: Job, sizes: tuple[int, ...], seed: int) -> dict[str, Any]:
    """Judges one planted model and returns its record.

    Args:
        job: The model.
        sizes: Numbers of texts for which a verdict is given; the first texts of the largest number.
        seed: Seed of the calibration.
    """
    drawn = draw(job, seed)
    subject = drawn.model.subject()
    texts = drawn.model.texts(max(sizes) + SINGLE_TEXTS, seed=1, length=drawn.length)
    examples = [subject.encode(text) for text in texts]
    many, single = examples[: max(sizes)], examples[max(sizes) :]
    corpus = CorpusUnigram(many)
    measurements = _measured(subject, many, corpus, drawn.seed)
    found = {size: verdict(measurements[:size]) for size in sizes}
    resamplers: dict[str, Resampler] = {"corpus": corpus, "vocabulary": VocabularyUnigram(subject.tokenizer)}
    return {
        "family": job.family,
        "truth": truth_of_study(drawn.model, texts[: max(sizes)], corpus, seed=drawn.seed).answer,
        "number": job.number,
        "dose": job.dose,
        "level": float(job.level),
        "layers": drawn.model.layers,
        "heads": drawn.model.heads,
        "norm": drawn.model.norm,
        "words": drawn.length,
        "sizes": list(found),
        "answers": [each.answer for each in found.values()],
        "because": list(found[max(sizes)].because),
        "idle_share": found[max(sizes)].idle_share,
        **_means(measurements, found[max(sizes)]),
        **_single(subject, single, resamplers, drawn.seed),
        **_true_of_single(drawn, texts[max(sizes) :], resamplers),
    }


def _measured(subject: Subject, examples: list[Example], corpus: CorpusUnigram, seed: int) -> list[Measurement]:
    found: list[Measurement] = []
    for start in range(0, len(examples), BATCH):
        part = examples[start : start + BATCH]
        decisions = [subject.decide(example) for example in part]
        found += measure(subject, part, decisions, corpus, seed=seed + start)
    return found


def _means(measurements: list[Measurement], found: Verdict) -> dict[str, float | None]:
    """Mean of each metric over the texts; that of equal weights in standard deviations of the margin."""
    components = {each.name: each.mean for each in found.components}
    means = {f"mean_{name}": _known(components[part]) for name, part in OF_THE_VERDICT.items()}
    for name in BESIDE:
        values = np.array([getattr(each, name) for each in measurements])
        known = values[~np.isnan(values)] / (found.spread if name == "uniform" and found.spread else 1)
        means[f"mean_{name}"] = float(known.mean()) if len(known) else None
    return means


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _true_of_single(drawn: Drawn, texts: list[str], resamplers: dict[str, Resampler]) -> dict[str, list[str]]:
    """What is true of each text with either source of replacements."""
    return {
        f"truth_{source}": [truth_of_text(drawn.model, text, resampler, seed=drawn.seed).answer for text in texts]
        for source, resampler in resamplers.items()
    }


def _single(
    subject: Subject, examples: list[Example], resamplers: dict[str, Resampler], seed: int
) -> dict[str, list[Any]]:
    """Answers on single decisions with either source of replacements, and p-values with corpus replacements."""
    record: dict[str, list[Any]] = {}
    for source, resampler in resamplers.items():
        answers = []
        for example in examples:
            decision = subject.decide(example)
            measured = measure_text(subject, example, decision, resampler, draws=ONE_TEXT, seed=seed)
            answers.append(one_text_verdict(measured).answer)
            if source == "corpus":
                record.setdefault("p_luck", []).append(_known(measured.p_luck))
        record[f"single_{source}"] = answers
    return record
