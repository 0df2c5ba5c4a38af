"""Figures for papers: all there, words drawn as they are, nothing half-written."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from sample import HOSTILE, sample_analysis

from reports.figures.analysis import save_figures
from reports.shared.notation import visible

NAMES = ["text-maps", "head-importance", "head-entropy", "rollout", "deletion-curves", "agreement"]


def texts(path: Path) -> list[str]:
    """Every piece of text in an SVG file."""
    root = ElementTree.parse(path).getroot()
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_every_figure_is_written_in_every_format(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet" / "there"
    paths = save_figures(sample_analysis(layers=3, heads=4, units=7), folder)
    assert paths == [folder / f"{name}.{kind}" for name in NAMES for kind in ("svg", "png")]
    assert sorted(folder.iterdir()) == sorted(paths)
    for path in paths:
        start = path.read_bytes()[:5]
        assert start == (b"<?xml" if path.suffix == ".svg" else b"\x89PNG\r")


def test_words_are_drawn_as_they_are(tmp_path: Path) -> None:
    analysis = sample_analysis(layers=2, heads=2, units=len(HOSTILE), hostile=True, nulls=True)
    save_figures(analysis, tmp_path, formats=["svg"])
    for name in ("text-maps", "rollout"):
        drawn = texts(tmp_path / f"{name}.svg")
        for word in HOSTILE:
            shown = visible(word)
            assert (shown if len(shown) <= 24 else f"{shown[:23]}…") in drawn


def test_letters_that_no_font_has_are_no_error(tmp_path: Path) -> None:
    analysis = sample_analysis(layers=1, heads=1, units=2)
    analysis["units"][0]["text"] = "𓀀\U0001fae0"
    save_figures(analysis, tmp_path, formats=["png"])


def test_axes_carry_the_common_names(tmp_path: Path) -> None:
    save_figures(sample_analysis(layers=2, heads=3, units=4), tmp_path, formats=["svg"])
    assert {"layer", "head", "fall of the margin (logits)"} <= set(texts(tmp_path / "head-importance.svg"))
    assert {"layer", "head"} <= set(texts(tmp_path / "head-entropy.svg"))
    assert {"layer", "unit", "share"} <= set(texts(tmp_path / "rollout.svg"))
    assert {"units removed", "margin (logits)"} <= set(texts(tmp_path / "deletion-curves.svg"))
    methods = sample_analysis()["agreement"]["methods"]
    assert set(methods) <= set(texts(tmp_path / "agreement.svg"))
    assert set(methods) <= set(texts(tmp_path / "text-maps.svg"))


def test_the_same_analysis_gives_the_same_file(tmp_path: Path) -> None:
    analysis = sample_analysis(layers=2, heads=2, units=5)
    first, second = (save_figures(analysis, tmp_path / name, formats=["svg"]) for name in ("a", "b"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^figures can be written as svg, png, pdf, not as 'bmp'$"):
        save_figures(sample_analysis(layers=1, heads=1, units=2), tmp_path, formats=["svg", "bmp"])
    assert list(tmp_path.iterdir()) == []
