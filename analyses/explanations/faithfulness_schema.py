"""Types of the faithfulness test in a JSON document."""

from typing import Literal

from typing_extensions import TypedDict

from analyses.export.json_schema import Share

Metric = Literal["comprehensiveness", "sufficiency"]


class MetricOfMap(TypedDict):
    """Comprehensiveness or sufficiency of one explanation, in a document.

    Attributes:
        margin: Fall of the margin, mean over budgets, in logits.
        probability: Fall of the probability, mean over budgets.
        p_value: Share of random orders that do as well.
    """

    margin: float
    probability: float
    p_value: Share


class MetricOfOrders(TypedDict):
    """Comprehensiveness or sufficiency of every random order, in a document.

    Attributes:
        margin: Falls of the margin, in logits.
        probability: Falls of the probability.
    """

    margin: list[float]
    probability: list[float]


class CurveOfMap(TypedDict):
    """Scores as units are erased in the order of one explanation, in a document.

    Attributes:
        removed: Numbers of units erased.
        margin: Margin without them, in logits.
        probability: Probability without them.
    """

    removed: list[int]
    margin: list[float]
    probability: list[Share]


class CurveOfOrders(TypedDict):
    """Margins as units are erased in random orders, in a document.

    Attributes:
        removed: Numbers of units erased.
        low: Margin below which 5 % of the orders are, in logits.
        middle: Median of the orders.
        high: Margin below which 95 % of the orders are.
    """

    removed: list[int]
    low: list[float]
    middle: list[float]
    high: list[float]


class RandomOrders(TypedDict):
    """What erasing units in random orders does, in a document.

    Attributes:
        comprehensiveness: Fall without the first units of an order.
        sufficiency: Fall with only the first units of an order.
        curve: Margins as ever more units are erased, until half of them are gone.
    """

    comprehensiveness: MetricOfOrders
    sufficiency: MetricOfOrders
    curve: CurveOfOrders


class FaithfulnessOfMap(TypedDict):
    """Faithfulness of one explanation, in a document.

    Attributes:
        method: Name of the method.
        comprehensiveness: Fall without the units that it ranks first; large is good.
        sufficiency: Fall with only the units that it ranks first; small is good.
        above_chance: Comprehensiveness less the mean of random orders, in logits.
        curve: Scores as ever more units are erased in its order.
    """

    method: str
    comprehensiveness: MetricOfMap
    sufficiency: MetricOfMap
    above_chance: float
    curve: CurveOfMap


class FaithfulnessDict(TypedDict):
    """Faithfulness of all explanations against random orders, in a document.

    Attributes:
        eraser: How units are taken out: "mask" or "delete", of an image "mean", "blur" or "noisy linear".
        budgets: Numbers of units erased at once.
        random_orders: Number of random orders.
        random: What they do.
        maps: What each explanation does.
    """

    eraser: str
    budgets: list[int]
    random_orders: int
    random: RandomOrders
    maps: list[FaithfulnessOfMap]
