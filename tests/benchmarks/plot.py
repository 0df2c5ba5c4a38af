"""How times grow with tokens, heads and examples."""

from collections.abc import Sequence
from pathlib import Path

from .lines import Line

AXES = ("tokens", "layers x heads", "examples")


def save(lines: Sequence[Line], path: Path) -> None:
    """Draws a panel for each axis that was measured, both sides in each; nothing where none was."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    axes = [axis for axis in AXES if points(lines, axis)]
    if not axes:
        return
    figure, panels = pyplot.subplots(1, len(axes), figsize=(4 * len(axes), 3.2), squeeze=False, layout="constrained")
    for axis, panel in zip(axes, panels[0], strict=True):
        found = points(lines, axis)
        for name, pairs in found.items():
            panel.plot(*zip(*sorted(pairs), strict=True), marker="o", label=name)
        panel.set(xlabel=axis, ylabel="seconds", xscale="log", yscale="log")
        sizes = sorted({size for pairs in found.values() for size, _ in pairs})
        panel.set_xticks(sizes, [f"{size:g}" for size in sizes])
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.yaxis.set_minor_locator(NullLocator())
        panel.legend(frameon=False, fontsize=8)
    figure.savefig(path)
    pyplot.close(figure)


def points(lines: Sequence[Line], axis: str) -> dict[str, list[tuple[float, float]]]:
    """Sizes and seconds of each side along an axis."""
    found: dict[str, list[tuple[float, float]]] = {}
    for line in lines:
        if line.at is not None and line.at[0] == axis:
            for name, seconds in line.seconds.items():
                found.setdefault(name, []).append((line.at[1], seconds))
    return found
