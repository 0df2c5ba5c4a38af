"""The rule on planted models, whose truth is known: one small draw each. Error rates need many, which no test draws."""

import pytest

from analyses.verdicts.measure import measure
from analyses.verdicts.measurement import Draws, Measurement
from analyses.verdicts.resampling import CorpusUnigram
from analyses.verdicts.verdict import verdict
from interpret.native.planted import FAMILIES, plant

TEXTS, LENGTH = 50, 12
CLEAR = {"explains": "supported", "does not": "not supported"}


def measured(family: str) -> list[Measurement]:
    model = plant(family, seed=7, layers=2, heads=2, norm="post")
    subject = model.subject()
    examples = [subject.encode(text) for text in model.texts(TEXTS, seed=7, length=LENGTH)]
    decisions = [subject.decide(example) for example in examples]
    draws = Draws(permutations=12, replacements=8, orders=10, null_orders=1)
    return measure(subject, examples, decisions, CorpusUnigram(examples), draws=draws, seed=7)


@pytest.mark.parametrize("family", ["F1", "F2", "F6", "F8", "F9", "F14", "F16", "X1", "X6"])
def test_the_answer_is_the_planted_truth(family: str) -> None:
    assert verdict(measured(family)).answer == CLEAR[FAMILIES[family].truth]


def test_half_a_bypass_is_neither_supported_nor_called_absent() -> None:
    found = {each.name: each for each in verdict(measured("F11")).components}
    assert found["use"].side == "holds" and found["share"].side != "holds"
