"""Figure of each head's attention between two pairs of words."""

from pathlib import Path
from typing import TYPE_CHECKING

from reports.figures.drawing import (
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
    from analyses.heads.word_pairs import WordPairs


def save_pair_figure(measured: "WordPairs", words: tuple[str, str, str], path: Path) -> None:
    """Draws both pairs' attention and their difference as layer x head maps.

    Args:
        measured: Result from `analyses.heads.word_pairs`.
        words: The shared word, the first other and the second other.
        path: Path of the file, whose suffix gives the format: svg, png or pdf.
    """
    word, first, second = (visible(name) for name in words)
    difference = measured.first - measured.second
    top = float(measured.first.max().maximum(measured.second.max()))
    most = float(difference.abs().max())
    panels = (
        (f"{word}-{first}", measured.first, {"cmap": one_colour(), "vmin": 0, "vmax": top}),
        (f"{word}-{second}", measured.second, {"cmap": one_colour(), "vmin": 0, "vmax": top}),
        ("difference", difference, {"cmap": two_colours(), "vmin": -most, "vmax": most}),
    )
    layers, heads = measured.first.shape
    with plain_style():
        figure = new_figure(3 * (0.24 * heads + 1.6), 0.24 * layers + 1.0)
        for axes, (title, values, options) in zip(figure.subplots(1, 3), panels, strict=True):
            draw_heat(axes, values.tolist(), "share of attention", **options)
            label_counts(axes, layers, heads)
            axes.set_title(title)
        write_figure(figure, path)
