"""Figures of an analysis for papers: the charts of the page, drawn with seaborn and matplotlib."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyses.decision.schema import AnalysisDict
from analyses.results.drawing import (
    draw_bars,
    draw_heat_map,
    draw_lines,
    label_names,
    new_figure,
    plain_style,
    size_of_heat_map,
    width_of_names,
    write_figure,
)
from analyses.results.pictures import Band, BarChart, HeatMap, LineChart
from reports.shared.notation import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("svg", "png", "pdf")


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


def _names(analysis: AnalysisDict) -> list[str]:
    return [unit["text"] for unit in analysis["units"]]


def _numbers(count: int) -> list[str]:
    """Numbers of layers or heads, from 1 as in the report."""
    return [str(number + 1) for number in range(count)]


def _text_maps(analysis: AnalysisDict) -> "Figure":
    maps, names = analysis["maps"], _names(analysis)
    figure = new_figure(width_of_names(len(names)), 1.15 * len(maps) + 1.2)
    rows = figure.subplots(len(maps), 1, squeeze=False)[:, 0]
    for axes, entry in zip(rows, maps, strict=True):
        draw_bars(axes, BarChart(entry["scores"], names, "unit", "score", entry["signed"]))
        axes.set_title(visible(entry["method"]), loc="left")
        axes.set_xticks([])
    label_names(rows[-1], names, "unit")
    figure.supylabel("score", fontsize=9)
    return figure


def _grid(analysis: AnalysisDict, panels: dict[str, Any], label: str, *, signed: bool, top: float) -> "Figure":
    layers, heads = (_numbers(analysis["model"][name]) for name in ("layers", "heads"))
    width, height = size_of_heat_map(len(layers), len(heads))
    figure = new_figure(len(panels) * width, height)
    for axes, (title, rows) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        draw_heat_map(axes, HeatMap(rows, layers, heads, "layer", "head", label, signed, top))
        axes.set_title(title)
    return figure


def _head_importance(analysis: AnalysisDict) -> "Figure":
    heads = analysis["heads"]
    panels = {"zero ablation": heads["zero"], "mean ablation": heads["mean"], "gradient": heads["gradient"]}
    values = [abs(value) for rows in panels.values() for row in rows for value in row if value is not None]
    top = max(values, default=0.0) or 1.0
    return _grid(analysis, panels, "fall of the margin (logits)", signed=True, top=top)


def _head_entropy(analysis: AnalysisDict) -> "Figure":
    panels = {"entropy": analysis["attention"]["entropy"]["share"]}
    return _grid(analysis, panels, "share of the largest possible", signed=False, top=1)


def _rollout(analysis: AnalysisDict) -> "Figure":
    layers, names = analysis["rollout"]["layers"], _names(analysis)
    figure = new_figure(width_of_names(len(names)) + 1, 0.24 * len(layers) + 1.8)
    draw_heat_map(figure.subplots(), HeatMap(layers, _numbers(len(layers)), names, "layer", "unit", "share"))
    return figure


def _deletion_curves(analysis: AnalysisDict) -> "Figure":
    found, random = analysis["faithfulness"]["maps"], analysis["faithfulness"]["random"]["curve"]
    chart = LineChart(
        found[0]["curve"]["removed"],
        {entry["method"]: entry["curve"]["margin"] for entry in found},
        "units removed",
        "margin (logits)",
        Band(random["removed"], random["low"], random["middle"], random["high"], "random orders, 5 to 95%"),
        {entry["method"]: entry["family"] for entry in analysis["maps"]},
    )
    figure = new_figure(5.6, 3.6)
    draw_lines(figure.subplots(), chart)
    return figure


def _agreement(analysis: AnalysisDict) -> "Figure":
    methods, tau = analysis["agreement"]["methods"], analysis["agreement"]["tau"]
    figure = new_figure(0.62 * len(methods) + 2.4, 0.5 * len(methods) + 1.8)
    draw_heat_map(
        figure.subplots(), HeatMap(tau, methods, methods, "", "", "Kendall's tau-b", True, 1, is_written=True)
    )
    return figure


_FIGURES: dict[str, Callable[[AnalysisDict], "Figure"]] = {
    "text-maps": _text_maps,
    "head-importance": _head_importance,
    "head-entropy": _head_entropy,
    "rollout": _rollout,
    "deletion-curves": _deletion_curves,
    "agreement": _agreement,
}
