"""The figure of word pairs: three panels, words as they are, and no half of a file."""

from xml.etree import ElementTree

import pytest
import torch

from analyses.heads.word_pairs import WordPairs
from reports.figures.word_pairs import save_pair_figure


@pytest.fixture
def measured():
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand(2, 3, 4, generator=generator)
    return WordPairs(first, second, 0.1, torch.zeros(10))


def test_the_panels_name_their_words_and_count_layers_and_heads_from_one(measured, tmp_path):
    save_pair_figure(measured, ("cat", "</svg>", "$x_1$"), tmp_path / "pair.svg")
    root = ElementTree.parse(tmp_path / "pair.svg").getroot()
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"cat-</svg>", "cat-$x_1$", "difference", "layer", "head"} <= set(texts)
    assert texts.count("4") == 3 and "0" not in texts
    assert [path.name for path in tmp_path.iterdir()] == ["pair.svg"]


def test_the_ending_says_the_format(measured, tmp_path):
    save_pair_figure(measured, ("cat", "sat", "mat"), tmp_path / "pair.png")
    assert (tmp_path / "pair.png").read_bytes()[:4] == b"\x89PNG"
