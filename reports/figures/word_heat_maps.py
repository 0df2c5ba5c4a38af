"""Figure of a generated image with the heat map of each word of its prompt."""

from pathlib import Path
from typing import TYPE_CHECKING

from analyses.results.drawing import draw_overlay, new_figure, plain_style, write_figure
from analyses.results.pictures import ImageOverlay

if TYPE_CHECKING:
    from analyses.diffusion.word_heat_maps import WordHeatMaps

_COLUMNS = 5
_SIDE = 1.8  # inches of a panel


def save_word_heat_figure(maps: "WordHeatMaps", path: Path) -> None:
    """Draws the image, and each word's heat map over it, on one colour scale for all words.

    Args:
        maps: Heat maps from `analyses.diffusion.word_heat_maps`.
        path: Path of the file, whose suffix gives the format: svg, png or pdf.
    """
    height, width, _ = maps.image.shape
    panels = 1 + len(maps.words)
    columns = min(_COLUMNS, panels)
    rows = -(-panels // columns)
    top = float(maps.heat.max())
    with plain_style():
        figure = new_figure(columns * _SIDE, rows * (_SIDE * height / width + 0.3))
        axes = figure.subplots(rows, columns, squeeze=False).flatten()
        axes[0].imshow(maps.image.numpy())
        axes[0].set_title("the image")
        for place, (unit, heat) in enumerate(zip(maps.words, maps.heat, strict=True), start=1):
            draw_overlay(axes[place], ImageOverlay(maps.image, heat, unit.text, top))
        for one in axes:
            one.set_axis_off()
        write_figure(figure, path)
