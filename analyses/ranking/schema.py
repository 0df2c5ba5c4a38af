"""Types of judged explanations in a JSON document."""

from typing_extensions import TypedDict

from analyses.export.json_schema import Share


class MeasureOfMaps(TypedDict):
    """Values of explanations on one measure, in a document.

    Attributes:
        name: Name of the measure.
        larger_is_better: Whether a large value is good.
        normalised: Whether 0 is chance and 1 the best order of this text that was found.
        values: Value of each explanation; null where it is undefined.
        chance: What random scores get on average.
        best: Effect of the best order found, in logits, by which values are normalised; null without one.
        p_better: Share of random scores that do at least as well.
        p_worse: Share of random scores that do at most as well.
        against_chance: "better than chance", "no different from chance", "worse than chance" or "undefined".
    """

    name: str
    larger_is_better: bool
    normalised: bool
    values: list[float | None]
    chance: float | None
    best: float | None
    p_better: list[Share | None]
    p_worse: list[Share | None]
    against_chance: list[str]


class JudgedDict(TypedDict):
    """Explanations of one decision, judged by what its words do, in a document.

    Attributes:
        methods: Names of the explanations.
        signed: Whether each gives directions, and not only magnitudes.
        eraser: How units are taken out.
        budgets: Numbers of units erased at once.
        passes: Number of inputs that the model was run on.
        measures: The measures that were taken.
    """

    methods: list[str]
    signed: list[bool]
    eraser: str
    budgets: list[int]
    passes: int
    measures: list[MeasureOfMaps]
