"""Results of the published tests on one text, in sentences distinct from the verdict."""

from collections.abc import Callable
from dataclasses import dataclass

from analyses.classic.battery import ClassicDict
from analyses.classic.over_texts import EQUAL_ANSWERS
from interpret.subjects.nouns import WORDS, Nouns
from reports.analysis.classic_terms import LARGEST_DIVERGENCE, LEAD, ORDERS, RANKINGS, TITLE, Published, published_tests
from reports.shared.notation import number, percent
from reports.shared.side_by_side import decimals

__all__ = ["LEAD", "TITLE", "ClassicTestInWords", "alike", "points", "rows"]


@dataclass(frozen=True)
class ClassicTestInWords:
    """Row of the table of published tests.

    Attributes:
        test: The test.
        found: Its results, in sentences.
    """

    test: Published
    found: list[str]


def rows(classic: ClassicDict, nouns: Nouns = WORDS) -> list[ClassicTestInWords]:
    """Returns the rows of the tests, in order.

    Args:
        classic: The field `classic` of an analysis.
        nouns: Nouns for what is ranked.
    """
    found: dict[str, Callable[[ClassicDict], list[str]]] = {
        "gradient": lambda each: [_agreement(each["attention_gradient"])],
        "leave_one_out": lambda each: [_agreement(each["attention_leave_one_out"])],
        "yardsticks": lambda each: [_agreement(each["gradient_leave_one_out"])],
        "permutation": _permutation,
        "adversary": _adversary,
        "uniform": _uniform,
        "single": _single,
        "removed": _removed,
        "sign": _sign,
        "effective": _effective,
    }
    return [
        ClassicTestInWords(test, list(map(nouns.say, found[name](classic))))
        for name, test in published_tests(nouns).items()
    ]


def alike(tau: float) -> str:
    """Describes a rank correlation in words."""
    steps = ((0.75, "Very much so"), (0.5, "Largely"), (0.25, "In part"), (-0.25, "Hardly"))
    return next((word for least, word in steps if tau >= least), "Rather the reverse")


def points(change: float) -> str:
    """Formats a change of probability, with its sign."""
    sign, size = "−" if change < 0 else "+" if change > 0 else "", percent(abs(change))[:-1]
    return f"{sign}{size} percentage points" if size[0] != "<" else f"less than {sign}{size[2:]} percentage points"


def _agreement(tau: float | None) -> str:
    if tau is None:
        return "Undefined: one of the two doesn’t tell the {many} apart."
    return f"{alike(tau)}: Kendall’s tau is {decimals(tau)}."


def _permutation(classic: ClassicDict) -> list[str]:
    return [
        f"The probability of a label typically changes by {points(classic['permutation']).removeprefix('+')}.",
        f"To read this by: the largest weight is {percent(classic['max_attention'])} of the attention on {{many}}; "
        f"the mean cosine of value vectors with their mean is {decimals(classic['conicity'])} (near 1, no permutation "
        "can do much).",
    ]


def _adversary(classic: ClassicDict) -> list[str]:
    feasible, restarts = classic["feasible"], classic["restarts"]
    if not feasible:
        return [f"None was found: no search of {restarts} kept the answer."]
    return [
        f"Yes: {feasible} of {restarts} searches kept the answer.",
        f"The most different attention diverges from the model’s by {decimals(classic['divergence'])} nats; 0 is the "
        f"same, {decimals(LARGEST_DIVERGENCE)} the most there can be.",
    ]


def _uniform(classic: ClassicDict) -> list[str]:
    return [
        f"With equal weights the decision {_changes(classic['uniform_flips'])}.",
        f"The margin moves by {_signed(classic['uniform_margin_change'])} logits, the probability by "
        f"{points(classic['uniform_probability_change'])}.",
    ]


def _single(classic: ClassicDict) -> list[str]:
    top, other, difference = classic["top_flips"], classic["other_flips"], classic["divergence_difference"]
    if top is None or other is None or difference is None:
        return ["Undefined: there is one weight only."]
    way = "further" if difference > 0 else "less far"
    said = f"The largest moves the answer {way}, by {number(abs(difference))} nats."
    if abs(difference) <= EQUAL_ANSWERS:
        said = "Both move the answer equally far."
    return [
        f"Without the largest weight the decision {_changes(top)}; without the other one it {_changes(other)}.",
        said,
    ]


def _removed(classic: ClassicDict) -> list[str]:
    if not classic["random"]:
        return ["Undefined: there is one weight only."]
    said = []
    for name, title in ORDERS.items():
        if name == "random":
            said.append(f"{title.capitalize()}: {_random(classic['random'])}.")
        else:
            said.append(f"{title.capitalize()}: {_share(classic['removed'][name])}.")
    return said


def _random(draws: list[float | None]) -> str:
    shares = [share for share in draws if share is not None]
    if not shares:
        return "never"
    never = len(draws) - len(shares)
    span = f"{percent(min(shares))} to {percent(max(shares))}" if len(shares) > 1 else percent(shares[0])
    return f"{span} of them{f', and never in {never} of {len(draws)} draws' if never else ''}"


def _share(share: float | None) -> str:
    return "never" if share is None else f"{percent(share)} of them"


def _sign(classic: ClassicDict) -> list[str]:
    return [
        f"{RANKINGS[name].capitalize()}: {'against it' if violated else 'not against it'}."
        for name, violated in classic["violated"].items()
    ]


def _effective(classic: ClassicDict) -> list[str]:
    heads, own = len(classic["is_identifiable"]), sum(classic["is_identifiable"])
    known = [share for share in classic["identifiability"] if share is not None]
    said = [f"In {heads - own} of {heads} heads others could; in {own} there are none."]
    if known and own < heads:
        said.append(
            f"Of a head’s squared weights {percent(min(known))} to {percent(max(known))} reach what it writes."
            if len(known) > 1
            else f"Of its squared weights {percent(known[0])} reach what it writes."
        )
    return said


def _changes(flips: bool) -> str:
    return "changes" if flips else "stays"


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{number(value)}"
