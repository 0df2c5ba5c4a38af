"""The smallest effects of interest that verdicts are held to. Declared before anything was judged by them."""

from dataclasses import dataclass
from typing import Literal

Answer = Literal["supported", "not supported", "inconclusive"]
Side = Literal["holds", "fails", "open"]

LEVEL = 0.05
MOST_UNLIKE = 0.2  # of the edits behind a component
LEAST_SPREAD = 10  # times the rounding of a margin: one that varies less may move by it, as where nothing is replaced
IDLE = 0.2  # of what a head's share of the display promises: one that does less, by itself and jointly, is idle


@dataclass(frozen=True)
class Bars:
    """Smallest effects of interest of one component. Declared, not fitted to what they judge.

    Attributes:
        floor: Below it the claim fails.
        bar: Above it the component supports the claim.
        failure: What it means when the component is below its floor.
    """

    floor: float
    bar: float
    failure: str


BARS = {
    "use": Bars(0.10, 0.25, "the decision hardly depends on these weights: attention is not on the causal path"),
    "rank": Bars(0.15, 0.30, "the decision uses these weights, but their order is not the order of effects"),
    "input rank": Bars(0.15, 0.30, "the weights rank states of this layer, not the input words"),
    "top": Bars(0.05, 0.15, "the words that attention ranks first do no more than random words"),
    "share": Bars(0.30, 0.60, "most of what the words do reaches the decision by ways round this attention"),
}
IDLE_SHARE = Bars(
    0.30, 0.10, "much of the displayed mean belongs to heads that the decision ignores"
)  # the lower, the better


def unmoved(least: float) -> str:
    """Why nothing is judged where a margin varies no more than rounding may make it, with the least that would do."""
    return f"moves of up to {least:.1g} logits may be rounding of the scores"


def unlike_texts(name: str) -> str:
    """Why a component isn't believed whose edits leave what real texts give."""
    return f"{name} was measured on outputs of attention unlike those that texts give, so it isn't believed"


def two_answers(name: str, one: float, other: float) -> str:
    """Why a component isn't believed of which two ways of measuring are on different sides."""
    return f"{name} depends on how it is measured, {one:.2f} or {other:.2f}, so neither is believed"
