"""Results of the published tests over many texts, in sentences and numbers distinct from the verdict."""

from collections.abc import Callable

from analyses.studies.schema import ClassicOverTextsDict, FlipTableDict, IntervalDict
from reports.analysis.classic import ClassicTestInWords, alike
from reports.analysis.classic_terms import LARGEST_DIVERGENCE, LEAD, ORDERS, RANKINGS, TESTS, TITLE
from reports.shared.notation import number, p_value, percent
from reports.shared.side_by_side import decimals

__all__ = ["LEAD", "TITLE", "compared", "numbers", "rows"]

_NAMES = {
    "attention_gradient": "tau, attention and gradient",
    "attention_leave_one_out": "tau, attention and leave-one-out",
    "gradient_leave_one_out": "tau, gradient and leave-one-out",
    "permutation": "change of a label’s probability, weights permuted",
    "max_attention": "largest share of the attention on words",
    "conicity": "conicity of the value vectors",
    "divergence": "divergence of adversarial attention, nats",
    "divergence_difference": "largest weight less another: divergence of answers, nats",
    "uniform_margin_change": "change of the margin, equal weights, logits",
}


def rows(classic: ClassicOverTextsDict) -> list[ClassicTestInWords]:
    """Returns the rows of the tests, in order.

    Args:
        classic: The field `classic` of a summary.
    """
    found: dict[str, Callable[[ClassicOverTextsDict], list[str]]] = {
        "gradient": lambda each: _agreement(each["means"]["attention_gradient"]),
        "leave_one_out": lambda each: _agreement(each["means"]["attention_leave_one_out"]),
        "yardsticks": lambda each: _agreement(each["means"]["gradient_leave_one_out"]),
        "permutation": _permutation,
        "adversary": _adversary,
        "uniform": _uniform,
        "single": _single,
        "removed": _removed,
        "sign": _sign,
        "effective": _effective,
    }
    return [ClassicTestInWords(test, found[name](classic)) for name, test in TESTS.items()]


def compared(classic: ClassicOverTextsDict) -> list[list[str]]:
    """Returns the formatted table of paired comparisons of orders."""
    return [
        [
            f"{ORDERS[each['first']]}, {ORDERS[each['second']]}",
            str(each["difference"]["count"]),
            _points(each["median_difference"]),
            _interval(each["difference"], _points),
            decimals(each["rank_biserial"]),
            str(each["first_never"]),
            str(each["second_never"]),
            p_value(each["p_value"]),
            p_value(each["adjusted"]),
        ]
        for each in classic["rankings"]
    ]


def numbers(classic: ClassicOverTextsDict) -> list[list[str]]:
    """Returns a row for every interval: name, mean, lower and upper end, method, texts with and without a value."""
    named = {
        **{_NAMES[name]: each for name, each in classic["means"].items()},
        **{f"weights zeroed, {ORDERS[name]}": each for name, each in classic["removed"].items()},
        "texts that the largest weight moves less than another": classic["top_matters_less"],
        "texts with adversarial attention": classic["free"],
        "texts that equal weights decide otherwise": classic["uniform_flips"],
        "heads that no other weights fit": classic["identifiable"],
        **{
            f"texts whose first word is against, {RANKINGS[name]}": each for name, each in classic["violations"].items()
        },
        "largest weight’s part of the texts that one weight changes": classic["flips"]["decided_by_top"],
    }
    return [
        [
            name,
            *(decimals(each[end], places=3) for end in ("mean", "low", "high")),
            each["method"],
            str(each["count"]),
            str(each["undefined"]),
        ]
        for name, each in named.items()
    ]


def _agreement(tau: IntervalDict) -> list[str]:
    if tau["mean"] is None:
        return ["Undefined on every text."]
    return [f"{alike(tau['mean'])}, on average: the mean of Kendall’s tau is {_interval(tau)}.", *_undefined(tau)]


def _permutation(classic: ClassicOverTextsDict) -> list[str]:
    means = classic["means"]
    return [
        f"The probability of a label changes by {_interval(means['permutation'], percent)} on average.",
        f"To read this by: the largest weight is {_interval(means['max_attention'], percent)} of the attention on "
        f"words; the mean cosine of value vectors with their mean is {_interval(means['conicity'])} (near 1, no "
        "permutation can do much).",
    ]


def _adversary(classic: ClassicOverTextsDict) -> list[str]:
    return [
        f"On {_interval(classic['free'], percent)} of the texts there is.",
        f"The most different attention diverges from the model’s by {_interval(classic['means']['divergence'])} nats "
        f"on average; 0 is the same, {decimals(LARGEST_DIVERGENCE)} the most there can be.",
    ]


def _uniform(classic: ClassicOverTextsDict) -> list[str]:
    return [
        f"With equal weights the decision changes on {_interval(classic['uniform_flips'], percent)} of the texts.",
        f"The margin moves by {_interval(classic['means']['uniform_margin_change'], number)} logits on average.",
    ]


def _single(classic: ClassicOverTextsDict) -> list[str]:
    flips = classic["flips"]
    if not flips["both"] + flips["top_only"] + flips["other_only"] + flips["neither"]:
        return ["Undefined: every text has one weight only."]
    said = [
        f"Texts whose decision changes without the largest weight only: {flips['top_only']}; without the other only: "
        f"{flips['other_only']}; in both cases: {flips['both']}; in neither: {flips['neither']}.",
        f"McNemar’s exact test that both change it equally often: p = {p_value(flips['p_value'])}.",
        f"On {_interval(classic['top_matters_less'], percent)} of the texts the largest moves the answer less far than "
        "the other.",
    ]
    return [*said, *_undefined(flips)]


def _removed(classic: ClassicOverTextsDict) -> list[str]:
    said = []
    for name, title in ORDERS.items():
        each = classic["removed"][name]
        if each["mean"] is None:
            said.append(f"{title.capitalize()}: never.")
            continue
        never = f"; no change on {each['undefined']} texts" if each["undefined"] else ""
        said.append(f"{title.capitalize()}: {_interval(each, percent)} of them{never}.")
    return [*said, "The table below compares orders on the same texts (Wilcoxon’s test)."]


def _sign(classic: ClassicOverTextsDict) -> list[str]:
    return [
        f"{RANKINGS[name].capitalize()}: on {_interval(each, percent)} of the texts."
        for name, each in classic["violations"].items()
    ]


def _effective(classic: ClassicOverTextsDict) -> list[str]:
    return [f"In {_interval(classic['identifiable'], percent)} of the heads no others could (mean over the texts)."]


def _undefined(entry: IntervalDict | FlipTableDict) -> list[str]:
    count = entry["undefined"]
    return [f"Undefined on {count} text{'' if count == 1 else 's'}."] if count else []


def _interval(entry: IntervalDict, write: Callable[[float | None], str] = decimals) -> str:
    """Formats a mean with its 95 % interval."""
    if entry["mean"] is None:
        return "–"
    if entry["low"] is None or entry["high"] is None:
        return write(entry["mean"])
    return f"{write(entry['mean'])} [{write(entry['low'])}, {write(entry['high'])}]"


def _points(share: float | None) -> str:
    """Formats a difference of shares; `percent` has no "less than a tenth" for negative ones."""
    return "–" if share is None else f"{decimals(100 * share, places=1)}%"
