"""Figure of each head's attention between two pairs of words."""

from pathlib import Path
from typing import TYPE_CHECKING

from analyses.results.drawing import draw_heat_map, new_figure, plain_style, size_of_heat_map, write_figure
from analyses.results.pictures import HeatMap
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
        (f"{word}-{first}", measured.first, False, top),
        (f"{word}-{second}", measured.second, False, top),
        ("difference", difference, True, most),
    )
    layers, heads = ([str(number + 1) for number in range(count)] for count in measured.first.shape)
    width, height = size_of_heat_map(len(layers), len(heads))
    with plain_style():
        figure = new_figure(3 * width, height)
        for axes, (title, values, signed, largest) in zip(figure.subplots(1, 3), panels, strict=True):
            chart = HeatMap(values.tolist(), layers, heads, "layer", "head", "share of attention", signed, largest)
            draw_heat_map(axes, chart)
            axes.set_title(title)
        write_figure(figure, path)
