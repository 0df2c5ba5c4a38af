"""From the measured numbers of one text to a plain answer: supported, not supported or inconclusive."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from analyses.attribution import Attribution
from analyses.faithfulness import Faithfulness
from analyses.statistics import holm

Answer = Literal["supported", "not supported", "inconclusive"]

LEVEL = 0.05  # of the family of attention-based maps, after Holm's correction
HALF = 0.5  # of the largest effect measured on the text: a map that reaches this much may only lack power
FEWEST_UNITS = 5  # below, too few different orders of the words exist to tell any order from chance


@dataclass(frozen=True)
class MapVerdict:
    """How one attention-based map fares on this text.

    Attributes:
        method: Name of the map.
        answer: The answer for this map alone.
        effect: How much further the margin falls without its top words than without random ones, in logits.
        p_value: One-sided, against random orders, after Holm's correction over the attention-based maps.
        share: `effect` as a share of the largest that any measured map reaches; `None` where none is above chance.
    """

    method: str
    answer: Answer
    effect: float
    p_value: float
    share: float | None


@dataclass(frozen=True)
class Verdict:
    """Whether the attention-based maps point at what matters for this decision.

    Attributes:
        answer: "supported": every attention-based map beats random orders. "not supported": none does or comes near
            to it, although another map of the same text does. "inconclusive": anything else.
        because: The reason in one or two sentences.
        maps: The attention-based maps one by one.
    """

    answer: Answer
    because: str
    maps: tuple[MapVerdict, ...]


def verdict(maps: Sequence[Attribution], measured: Faithfulness) -> Verdict:
    """Compares the attention-based maps with chance and with the other maps, on one text.

    A map is "supported" when its order beats random orders at 5 % after Holm's correction. Not to beat them is no
    evidence against it, so it is "not supported" only when it doesn't beat them at 5 % without correction either,
    some other map does (so the text could have shown it), and its effect is less than half of the largest one.
    Otherwise it is "inconclusive". The half is a smallest effect of interest that we declare, not one that was
    fitted. All this is a statement about one text.

    Args:
        maps: All explanations; those of family "attention" are judged.
        measured: Their faithfulness.

    Raises:
        ValueError: No map is based on attention.
    """
    judged = [attribution.method for attribution in maps if attribution.family == "attention"]
    if not judged:
        raise ValueError("there is no attention-based map to judge")
    others = [method for method in measured.methods if method not in judged]
    is_telling = any(measured.p_value(method) <= LEVEL for method in others)
    best = max(measured.methods, key=measured.effect)
    most = measured.effect(best)
    too_short = measured.removed[-1] < FEWEST_UNITS
    corrected = holm([measured.p_value(method) for method in judged])
    verdicts = tuple(
        MapVerdict(
            method=method,
            answer=_answer(p_value, _is_far_from_it(measured, method, most), is_telling, too_short),
            effect=measured.effect(method),
            p_value=p_value,
            share=measured.effect(method) / most if most > 0 else None,
        )
        for method, p_value in zip(judged, corrected, strict=True)
    )
    answers = {each.answer for each in verdicts}
    answer: Answer = answers.pop() if len(answers) == 1 else "inconclusive"
    return Verdict(answer, _because(answer, verdicts, best if is_telling else None, measured.removed[-1]), verdicts)


def _is_far_from_it(measured: Faithfulness, method: str, most: float) -> bool:
    return measured.p_value(method) > LEVEL and measured.effect(method) < HALF * most


def _answer(p_value: float, is_far_from_it: bool, text_is_telling: bool, too_short: bool) -> Answer:
    if too_short:
        return "inconclusive"
    if p_value <= LEVEL:
        return "supported"
    return "not supported" if is_far_from_it and text_is_telling else "inconclusive"


def _because(answer: Answer, verdicts: Sequence[MapVerdict], best: str | None, units: int) -> str:
    if units < FEWEST_UNITS:
        return f"The text has {units} words to rank; at least {FEWEST_UNITS} are needed to tell any order from chance."
    if answer == "supported":
        return "Taking out the words that attention ranks first moves the decision more than taking out random words."
    if answer == "not supported":
        return (
            "Taking out the words that attention ranks first doesn't move the decision clearly more than random words "
            f"would, while the first words of {best} move it at least twice as far."
        )
    passed = [each.method for each in verdicts if each.answer == "supported"]
    if passed:
        failed = [each.method for each in verdicts if each.answer != "supported"]
        return f"The attention-based maps disagree: {_listed(passed)} beats chance, {_listed(failed)} does not."
    if best:
        return (
            "Taking out the words that attention ranks first moves the decision too little to rule out chance, and too "
            "much to rule out that they matter. More texts would tell."
        )
    return (
        "No explanation of this text beats random orders of its words, so the text can't tell whether attention points "
        "at what matters. A longer text, or many texts, would."
    )


def _listed(methods: Sequence[str]) -> str:
    return methods[0] if len(methods) == 1 else f"{', '.join(methods[:-1])} and {methods[-1]}"
