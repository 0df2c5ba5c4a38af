"""Figures of an analysis for papers: the charts of the page, drawn with seaborn and matplotlib."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyses.decision.schema import AnalysisDict
from reports.figures.drawing import (
    HEAT,
    OPPOSE,
    SUPPORT,
    draw_heat,
    label_counts,
    new_figure,
    one_colour,
    plain_style,
    two_colours,
    write_figure,
)
from reports.shared.notation import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("svg", "png", "pdf")
_COLOURS = {"attention": "#0b6b66", "gradient": "#7d3288", "perturbation": "#1e1c19"}
_DASHES = ("-", "--", ":", "-.")
_LABELS_UP_TO = 150  # most words under an axis; more would be unreadable


def save_figures(
    analysis: AnalysisDict, folder: str | os.PathLike[str], *, formats: Sequence[str] = ("svg", "png")
) -> list[Path]:
    """Draws the figures of an analysis and writes each one in every format.

    Axes are named layer, head and unit. Layers and heads are counted from 1. Words are drawn literally: a dollar sign
    starts no formula, and invisible characters are shown as their code points.

    Args:
        analysis: Analysis from `Analysis.to_dict()`.
        folder: Folder of the files; created if missing.
        formats: Any of "svg", "png" and "pdf".

    Returns:
        The paths written: text-maps, head-importance, head-entropy, rollout, deletion-curves and agreement.

    Raises:
        ValueError: A format is none of these.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ValueError(f"figures can be written as {', '.join(FORMATS)}, not as {unknown[0]!r}")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    paths = []
    with plain_style():
        for name, draw in _FIGURES.items():
            figure = draw(analysis)
            for kind in formats:
                paths.append(target / f"{name}.{kind}")
                write_figure(figure, paths[-1])
    return paths


def _label_units(axes: "Axes", analysis: AnalysisDict, offset: float = 0.0) -> None:
    units = analysis["units"]
    axes.set_xlabel("unit")
    if len(units) <= _LABELS_UP_TO:
        names = [visible(unit["text"]) for unit in units]
        names = [name if len(name) <= 24 else f"{name[:23]}…" for name in names]
        size = 9 if len(units) <= 40 else 6
        axes.set_xticks([offset + place for place in range(len(units))], names, rotation=90, fontsize=size)


def _text_width(analysis: AnalysisDict) -> float:
    return min(20.0, max(5.0, 0.17 * len(analysis["units"]) + 1.5))


def _text_maps(analysis: AnalysisDict) -> "Figure":
    maps = analysis["maps"]
    figure = new_figure(_text_width(analysis), 1.15 * len(maps) + 1.2)
    rows = figure.subplots(len(maps), 1, squeeze=False)[:, 0]
    for axes, entry in zip(rows, maps, strict=True):
        colours = [HEAT if not entry["signed"] else SUPPORT if score >= 0 else OPPOSE for score in entry["scores"]]
        axes.bar(range(len(entry["scores"])), entry["scores"], color=colours, width=0.8)
        axes.axhline(0, color="black", linewidth=0.6)
        axes.set_title(visible(entry["method"]), loc="left")
        axes.set_xlim(-0.8, len(entry["scores"]) - 0.2)
        axes.set_xticks([])
    _label_units(rows[-1], analysis)
    figure.supylabel("score", fontsize=9)
    return figure


def _grid(
    analysis: AnalysisDict, panels: Mapping[str, Sequence[Sequence[float | None]]], label: str, **options: Any
) -> "Figure":
    layers, heads = analysis["model"]["layers"], analysis["model"]["heads"]
    figure = new_figure(len(panels) * (0.24 * heads + 1.6), 0.24 * layers + 1.0)
    for axes, (title, rows) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        draw_heat(axes, rows, label, **options)
        label_counts(axes, layers, heads)
        axes.set_title(title)
    return figure


def _head_importance(analysis: AnalysisDict) -> "Figure":
    heads = analysis["heads"]
    panels = {"zero ablation": heads["zero"], "mean ablation": heads["mean"], "gradient": heads["gradient"]}
    values = [abs(value) for rows in panels.values() for row in rows for value in row if value is not None]
    top = max(values, default=0.0) or 1.0
    return _grid(analysis, panels, "fall of the margin (logits)", cmap=two_colours(), vmin=-top, vmax=top)


def _head_entropy(analysis: AnalysisDict) -> "Figure":
    panels = {"entropy": analysis["attention"]["entropy"]["share"]}
    return _grid(analysis, panels, "share of the largest possible", cmap=one_colour(), vmin=0, vmax=1)


def _rollout(analysis: AnalysisDict) -> "Figure":
    layers = analysis["rollout"]["layers"]
    figure = new_figure(_text_width(analysis) + 1, 0.24 * len(layers) + 1.8)
    axes = figure.subplots()
    draw_heat(axes, layers, "share", cmap=one_colour(), vmin=0)
    label_counts(axes, len(layers))
    _label_units(axes, analysis, offset=0.5)
    return figure


def _deletion_curves(analysis: AnalysisDict) -> "Figure":
    from matplotlib.ticker import MaxNLocator

    families = {entry["method"]: entry["family"] for entry in analysis["maps"]}
    random = analysis["faithfulness"]["random"]["curve"]
    figure = new_figure(5.6, 3.6)
    axes = figure.subplots()
    axes.fill_between(
        random["removed"], random["low"], random["high"], color="#e2ddd2", label="random orders, 5 to 95%"
    )
    axes.plot(random["removed"], random["middle"], color="#857d6f", linewidth=0.8)
    used: dict[str, int] = {}
    for entry in analysis["faithfulness"]["maps"]:
        family = families.get(entry["method"], "gradient")
        dash = _DASHES[used.get(family, 0) % len(_DASHES)]
        used[family] = used.get(family, 0) + 1
        curve = entry["curve"]
        label = visible(entry["method"])
        axes.plot(curve["removed"], curve["margin"], dash, color=_COLOURS[family], linewidth=1.6, label=label)
    axes.axhline(0, color="black", linewidth=0.6, linestyle=":")
    axes.set_xlabel("units removed")
    axes.set_ylabel("margin (logits)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, fontsize=7)
    return figure


def _agreement(analysis: AnalysisDict) -> "Figure":
    methods = [visible(method) for method in analysis["agreement"]["methods"]]
    figure = new_figure(0.62 * len(methods) + 2.4, 0.5 * len(methods) + 1.8)
    axes = figure.subplots()
    label, tau = "Kendall's tau-b", analysis["agreement"]["tau"]
    draw_heat(axes, tau, label, cmap=two_colours(), vmin=-1, vmax=1, annot=True, fmt=".2f", annot_kws={"fontsize": 7})
    places = [place + 0.5 for place in range(len(methods))]
    axes.set_xticks(places, methods, rotation=45, ha="right")
    axes.set_yticks(places, methods, rotation=0)
    return figure


_FIGURES: dict[str, Callable[[AnalysisDict], "Figure"]] = {
    "text-maps": _text_maps,
    "head-importance": _head_importance,
    "head-entropy": _head_entropy,
    "rollout": _rollout,
    "deletion-curves": _deletion_curves,
    "agreement": _agreement,
}
