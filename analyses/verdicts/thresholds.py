"""Thresholds of verdicts: smallest effect sizes of interest, declared before any verdict."""

from dataclasses import dataclass
from typing import Literal

Answer = Literal["supported", "not supported", "inconclusive"]
ComponentName = Literal["use", "rank", "input rank", "top", "share"]
Topic = ComponentName | Literal["heads", "data"]  # what a reason is about: a component, idle heads, or all of the data
Side = Literal["holds", "fails", "open"]

SIGNIFICANCE_LEVEL = 0.05
LEAST_SPREAD = 10  # least spread of a margin, in roundings; a smaller one may be rounding alone
IDLE = 0.2  # an idle head's effects, single and conditional, are below this part of its share of the joint effect


@dataclass(frozen=True)
class Bars:
    """Thresholds of one component, declared in advance and not fitted.

    Attributes:
        floor: Threshold below which the claim fails.
        bar: Threshold above which the component supports the claim.
        failure: Meaning of a component below its floor, in words; `Nouns.say` fills in its nouns.
    """

    floor: float
    bar: float
    failure: str


# Rankings are judged by thirds of the way from chance to the perfect order: a map that finds one of two equally needed
# words goes half of the way, and must be neither refuted nor supported. What goes by way of the attention is judged by
# halves: supported where it is most of all, refuted where it is less than a quarter.
BARS: dict[ComponentName, Bars] = {
    "use": Bars(0.25, 0.50, "it hardly matters to the decision which {one} has which weight"),
    "rank": Bars(1 / 3, 2 / 3, "the decision uses these weights, but their order is not the order of effects"),
    "input rank": Bars(1 / 3, 2 / 3, "the {many} with the larger weights aren't those that matter"),
    "top": Bars(1 / 3, 2 / 3, "the {many} that attention ranks first do little more than random {many}"),
    "share": Bars(0.25, 0.50, "most of what the {many} do reaches the decision by ways round this attention"),
}
IDLE_SHARE = Bars(
    0.30, 0.10, "much of the displayed mean belongs to heads that the decision ignores"
)  # the lower, the better
SOME_IDLE = "some of the displayed mean belongs to heads that the decision ignores"


def unmoved(least: float) -> str:
    """Reason for no verdict where the margin varies by no more than rounding, given the least spread."""
    return f"moves of up to {least:.1g} logits may be rounding of the scores"


def two_answers(name: str, one: float, other: float) -> str:
    """Reason for not relying on a component whose two measurements are on different sides of a threshold."""
    return f"{name} depends on how it is measured, {one:.2f} or {other:.2f}, so neither is believed"
