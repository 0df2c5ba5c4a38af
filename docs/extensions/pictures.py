"""Pictures of method pages: scores of words, and one number for each head."""

from collections.abc import Sequence

import seaborn
from matplotlib.figure import Figure
from torch import Tensor

from interpret.subjects.example import Example
from reports.figures.drawing import HEAT, OPPOSE, SUPPORT, one_colour, two_colours


def words(example: Example, **scores: Tensor) -> Figure:
    """Bars of each word's score, one row for each named attribution."""
    figure = Figure(figsize=(6.4, 1.25 * len(scores) + 0.5), layout="constrained")
    rows = figure.subplots(len(scores), 1, squeeze=False, sharex=True)[:, 0]
    for axes, (name, values) in zip(rows, scores.items(), strict=True):
        numbers, signed = values.tolist(), bool((values < 0).any())
        axes.bar(range(len(numbers)), numbers, color=[_colour(number, signed) for number in numbers])
        axes.axhline(0, color="black", linewidth=0.6)
        axes.set_title(name.replace("_", " "), loc="left", fontsize=9)
        seaborn.despine(ax=axes)
    rows[-1].set_xticks(range(len(example.units)), [unit.text for unit in example.units])
    return figure


def heads(values: Tensor, label: str, *, names: Sequence[str] | None = None) -> Figure:
    """A number for each head, or for each pair of `names`."""
    signed = bool((values < 0).any())
    figure = Figure(figsize=(1.2 * values.shape[1] + 1.2, 0.55 * values.shape[0] + 0.9), layout="constrained")
    top = float(values.nan_to_num().abs().max())
    seaborn.heatmap(
        values.numpy(), ax=(axes := figure.subplots()), annot=True, fmt=".2f", cbar_kws={"label": label},
        cmap=two_colours() if signed else one_colour(), vmin=-top if signed else 0, vmax=top,
        xticklabels=names or [f"head {number + 1}" for number in range(values.shape[1])],
        yticklabels=names or [f"layer {number + 1}" for number in range(values.shape[0])],
    )  # fmt: skip
    axes.tick_params(axis="y", rotation=0)
    return figure


def _colour(number: float, signed: bool) -> str:
    return HEAT if not signed else SUPPORT if number >= 0 else OPPOSE
