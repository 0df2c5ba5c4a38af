"""Verdict on one decision: its components, the rule, and the error rate of such verdicts."""

from dataclasses import dataclass

from analyses.verdicts.error_rates import ErrorRate, Source, error_rate_of_text
from analyses.verdicts.image_token_resampling import TokensOfTheImage
from analyses.verdicts.measure import measure_text
from analyses.verdicts.measurement import Measurement
from analyses.verdicts.one_text import ONE_TEXT, OneTextVerdict, one_text_verdict
from analyses.verdicts.patch_resampling import PatchesOfTheImage
from analyses.verdicts.resampling import Resampler
from analyses.verdicts.vocabulary import VocabularyUnigram
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


@dataclass(frozen=True, eq=False)
class Judgement:
    """Verdict on one decision, with its components and its error rate.

    Attributes:
        measurement: Components of the verdict, and descriptive numbers.
        verdict: The verdict.
        error_rate: Error rate of such verdicts on planted models; `None` where none was measured for inputs like this.
    """

    measurement: Measurement
    verdict: OneTextVerdict
    error_rate: ErrorRate | None


def judge(
    subject: Subject, example: Example, decision: Decision, resampler: Resampler, *, source: Source, seed: int = 0
) -> Judgement:
    """Measures the components of one decision and applies the rule for one text.

    Args:
        subject: The model.
        example: The text.
        decision: The decision on it.
        resampler: Source of replacement words.
        source: Kind of that source, on which error rates depend.
        seed: Seed of everything random.
    """
    measurement = measure_text(subject, example, decision, resampler, draws=ONE_TEXT, seed=seed)
    rate = error_rate_of_text(source, measurement.words) if example.is_one_text else None  # others weren't calibrated
    return Judgement(measurement, one_text_verdict(measurement, nouns=example.nouns), rate)


def usual_source(subject: Subject, example: Example) -> Resampler:
    """Returns the source of replacements when only the model and the input are available."""
    if subject.reads_images:
        return PatchesOfTheImage()
    words = VocabularyUnigram(subject.tokenizer)
    return TokensOfTheImage(words) if example.has_grid else words
