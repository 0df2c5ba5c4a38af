"""What the verdict on one decision takes: the components, the rule, and how often such verdicts are wrong."""

from dataclasses import dataclass

from analyses.verdicts.error_rates import ErrorRate, Source, error_rate_of_text
from analyses.verdicts.idle_elsewhere import idle_elsewhere
from analyses.verdicts.image_tokens import TokensOfTheImage
from analyses.verdicts.measure import measure
from analyses.verdicts.measurement import Measurement
from analyses.verdicts.one_text import ONE_TEXT, OneTextVerdict, one_text_verdict
from analyses.verdicts.patch_resampling import PatchesOfTheImage
from analyses.verdicts.resampling import Resampler
from analyses.verdicts.vocabulary import VocabularyUnigram
from interpret.subjects.decision import Decision
from interpret.subjects.example import Example
from interpret.subjects.subject import Subject


@dataclass(frozen=True, eq=False)
class Judgement:
    """The answer about one decision.

    Attributes:
        measurement: The components, and what stands beside them.
        verdict: The answer.
        error_rate: How often such answers are wrong on models of which the truth is known; `None` where that was
            never measured for an input like this.
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
        decision: What was decided on it.
        resampler: Where replacements of words come from.
        source: What kind of place that is, on which error rates depend.
        seed: Seed of everything random.
    """
    measurement = measure(subject, [example], [decision], resampler, draws=ONE_TEXT, seed=seed)[0]
    idle = idle_elsewhere(subject, example, decision, resampler, seed=seed)
    calibrated = not (example.picture or example.parts)  # no images and no inputs of several texts have been
    rate = error_rate_of_text(source, measurement.words) if calibrated else None
    return Judgement(measurement, one_text_verdict(measurement, idle), rate)


def usual_source(subject: Subject, example: Example) -> Resampler:
    """Where replacements come from when nothing but the model and the input is at hand."""
    if example.picture:
        return PatchesOfTheImage()
    words = VocabularyUnigram(subject.tokenizer)
    return TokensOfTheImage(words) if any(part.columns for part in example.parts) else words
