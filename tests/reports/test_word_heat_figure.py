"""The figure of word heat maps: a panel for the image and for each word, words as they are."""

from xml.etree import ElementTree

import pytest
import torch
from PIL import Image

from analyses.diffusion.word_heat_maps import WordHeatMaps
from interpret.subjects.inputs.example import Unit
from reports.figures.word_heat_maps import save_word_heat_figure

WORDS = ("a", "$x$", "</svg>", "cat", "on", "it")


@pytest.fixture
def maps():
    """The word "cat" has all heat in the upper half, and no other has any."""
    heat = torch.zeros(len(WORDS), 8, 8)
    heat[3, :4] = 2.0
    image = torch.full((8, 8, 3), 200, dtype=torch.uint8)
    units = tuple(Unit(word, (place,), 0, 1) for place, word in enumerate(WORDS))
    return WordHeatMaps(" ".join(WORDS), units, heat, image, maps=4, steps=2)


def test_every_word_has_a_panel(maps, tmp_path):
    save_word_heat_figure(maps, tmp_path / "heat.svg")
    root = ElementTree.parse(tmp_path / "heat.svg").getroot()
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["the image", *WORDS]
    assert len(list(root.iter("{http://www.w3.org/2000/svg}image"))) == 1 + len(WORDS)  # with its veil


def test_only_the_hot_half_of_one_word_is_tinted(maps, tmp_path):
    save_word_heat_figure(maps, tmp_path / "heat.png")
    picture = Image.open(tmp_path / "heat.png").convert("RGB")
    tinted = [
        (place % picture.width, place // picture.width)
        for place, (red, green, blue) in enumerate(zip(*[iter(picture.tobytes())] * 3, strict=True))
        if green - red > 60
    ]
    columns, rows = zip(*tinted, strict=True)
    panel = picture.width / 5  # of five in a row, the word is in the fifth
    assert min(columns) >= 4 * panel - 2
    assert max(rows) < picture.height / 2 - 0.3 * panel and len(tinted) > 0.2 * panel**2
