"""The rule on planted models, whose truth is known: one small draw each. Error rates need many, which no test draws."""

import pytest

from analyses.calibration.truth import Components, truth_of_study
from analyses.verdicts.measure import measure
from analyses.verdicts.measurement import Draws, Measurement
from analyses.verdicts.resampling import CorpusUnigram
from analyses.verdicts.verdict import Verdict, verdict
from interpret.native.planted import PlantedModel, plant
from interpret.subjects.inputs.example import Example

TEXTS, LENGTH = 50, 12
CLEAR = {"explains": "supported", "does not": "not supported"}


def measured(model: PlantedModel, examples: list[Example]) -> list[Measurement]:
    subject = model.subject()
    decisions = [subject.decide(example) for example in examples]
    return measure(subject, examples, decisions, CorpusUnigram(examples), draws=Draws(orders=10), seed=7)


def planted(family: str) -> tuple[Verdict, Components]:
    """The verdict, and what is true."""
    model = plant(family, seed=7, layers=2, heads=2, norm="post")
    texts = model.texts(TEXTS, seed=7, length=LENGTH)
    examples = [model.subject().encode(text) for text in texts]
    return verdict(measured(model, examples)), truth_of_study(model, texts, CorpusUnigram(examples))


@pytest.mark.parametrize("family", ["F2", "F6", "F8", "F14", "F16", "X1", "X6"])
def test_the_answer_is_the_truth(family: str) -> None:
    found, true = planted(family)
    assert found.answer == CLEAR[true.answer]


def test_half_a_bypass_is_neither_supported_nor_called_absent() -> None:
    found, true = planted("F11")
    assert (found.answer, true.answer) == ("inconclusive", "partial")
    share = next(each for each in found.components if each.name == "share")
    assert share.side == "open" and share.mean == pytest.approx(true.share, abs=0.05)
