"""Verdicts on one planted model, as for a study and as for single texts."""

import math
from typing import Any

import numpy as np

from analyses.calibration.draws import Job, draw
from analyses.verdicts.idle_elsewhere import idle_elsewhere
from analyses.verdicts.measure import measure
from analyses.verdicts.measurement import Draws, Measurement
from analyses.verdicts.one_text import ONE_TEXT, one_text_verdict
from analyses.verdicts.resampling import CorpusUnigram, Resampler
from analyses.verdicts.verdict import verdict
from analyses.verdicts.vocabulary import VocabularyUnigram
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

BATCH = 40  # texts that are measured together
DRAWS = Draws(null_orders=1)  # a study's verdict doesn't use p-values of single texts
SINGLE_TEXTS = 1  # judged by themselves for each model: texts of one model are no independent draws
METRICS = (
    "use", "rank", "rank_substituted", "input_rank", "top", "share", "rank_tau", "input_tau", "rank_shuffled",
    "rank_of_values", "opposed", "uniform", "position_rank", "rarity_rank", "sink",
)  # fmt: skip
IN_SPREADS = ("use", "top", "uniform")


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
        "truth": drawn.model.truth,
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
        **_means(measurements),
        **_single(subject, single, resamplers, drawn.seed),
    }


def _measured(subject: Subject, examples: list[Example], corpus: CorpusUnigram, seed: int) -> list[Measurement]:
    found: list[Measurement] = []
    for start in range(0, len(examples), BATCH):
        part = examples[start : start + BATCH]
        decisions = [subject.decide(example) for example in part]
        found += measure(subject, part, decisions, corpus, draws=DRAWS, seed=seed + start)
    return found


def _means(measurements: list[Measurement]) -> dict[str, float | None]:
    """Mean of each metric over the texts; effects in units of the margin's spread."""
    spread = math.sqrt(np.mean([each.spread for each in measurements]))
    means = {}
    for name in METRICS:
        values = np.array([getattr(each, name) for each in measurements])
        known = values[~np.isnan(values)] / (spread if name in IN_SPREADS else 1)
        means[f"mean_{name}"] = float(known.mean()) if len(known) and np.isfinite(known).all() else None
    return means


def _single(
    subject: Subject, examples: list[Example], resamplers: dict[str, Resampler], seed: int
) -> dict[str, list[Any]]:
    """Answers on single decisions with either source of replacements, and p-values with corpus replacements."""
    record: dict[str, list[Any]] = {}
    for source, resampler in resamplers.items():
        answers = []
        for example in examples:
            decision = subject.decide(example)
            measured = measure(subject, [example], [decision], resampler, draws=ONE_TEXT, seed=seed)[0]
            idle = idle_elsewhere(subject, example, decision, resampler, seed=seed)
            answers.append(one_text_verdict(measured, idle).answer)
            if source == "corpus":
                for name in ("p_rank", "p_input", "p_top"):
                    value = getattr(measured, name)
                    record.setdefault(name, []).append(None if math.isnan(value) else value)
        record[f"single_{source}"] = answers
    return record
