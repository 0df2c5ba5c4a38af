"""What every public result must keep to: a short text, a table with labels, HTML, a picture, and files."""

import copy
import re
from dataclasses import is_dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest
from results_for_tests import SAMPLES, TEXT, same, whole

import analyses
import interpret
from analyses.results.reported import ReportedResult
from analyses.results.result import MapsResult, PlottedResult, Result
from interpret.errors import InputError

NO_RESULTS = {"Method", "OrderSearch", "Overlap"}  # public dataclasses that no analysis returns
PUBLIC = {name: getattr(analyses, name) for name in analyses.__all__}
KINDS = [
    name
    for name, kind in PUBLIC.items()
    if isinstance(kind, type) and issubclass(kind, Result) and kind.__abstractmethods__ == frozenset()
]
SUFFIXES = (".json", ".safetensors", ".parquet")


class Tags(HTMLParser):
    """Elements of a piece of HTML, which must be closed in order."""

    EMPTY = ("br", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.frames: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.frames += [value for name, value in attrs if name == "srcdoc" and value]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_public_result_has_a_sample() -> None:
    assert set(KINDS) == set(SAMPLES)
    others = {name for name, kind in PUBLIC.items() if isinstance(kind, type) and is_dataclass(kind)} - set(KINDS)
    assert others == NO_RESULTS


@pytest.mark.parametrize("name", SAMPLES)
def test_the_text_is_short_and_worth_reading(name: str) -> None:
    shown = repr(SAMPLES[name]())
    lines = shown.splitlines()
    assert len(lines) <= 10 and max(map(len, lines)) <= 200
    assert "0x" not in shown and "tensor(" not in shown and "=" not in shown.replace("p = ", "")
    assert re.search(r"\d", shown)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_table_has_rows_and_labels(name: str) -> None:
    result = SAMPLES[name]()
    frame = result.to_frame()
    assert len(frame) > 0
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", column) for column in frame.columns)
    assert frame.index.tolist() == list(range(len(frame)))
    if isinstance(result, MapsResult):
        assert set(frame["layer_name"]) == {"layer 1", "layer 2"}
        for axis in {"query", "key"} & set(frame.columns):
            assert frame[f"{axis}_token"].tolist()[:4] == ["[CLS]", "good", "</script>", "film"]
    if "word" in frame:
        assert not any(word.isdecimal() for word in frame["word"])


@pytest.mark.parametrize("name", SAMPLES)
def test_html_is_closed_and_runs_nothing(name: str) -> None:
    result = SAMPLES[name]()
    tags = Tags()
    html = result._repr_html_()
    tags.feed(html)
    assert not tags.open and not {"script", "style", "link"} & set(tags.seen)
    if isinstance(result, ReportedResult):
        assert tags.seen == ["iframe"]
        assert tags.frames[0].startswith("<!doctype html>") or tags.frames[0].startswith("<!DOCTYPE html>")
    else:
        assert ("iframe" not in tags.seen and "table" in tags.seen) or "img" in tags.seen
        assert "http" not in html


@pytest.mark.parametrize("name", [name for name in SAMPLES if issubclass(PUBLIC[name], PlottedResult)])
def test_every_picture_is_drawn_on_axes(name: str) -> None:
    from matplotlib import pyplot

    result = SAMPLES[name]()
    try:
        axes = result.plot()
        assert axes.has_data()
        given = pyplot.figure().subplots()
        for picture in result.pictures():
            assert result.plot(given, of=picture) is given
        axes.figure.canvas.draw()
        given.figure.canvas.draw()
    finally:
        pyplot.close("all")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_saved_is_read_as_an_equal_result(name: str, suffix: str, tmp_path: Path) -> None:
    result, path = SAMPLES[name](), tmp_path / f"result{suffix}"
    result.save(path)
    found = analyses.read(path)
    assert same(found, result)
    assert repr(found) == repr(result)
    assert found.to_frame().equals(result.to_frame())
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_analysis_is_read_without_its_model(suffix: str, tmp_path: Path) -> None:
    result, path = whole(), tmp_path / f"analysis{suffix}"
    result.save(path)
    found = analyses.read(path)
    assert isinstance(found, analyses.Analysis)
    assert found.to_dict("a command") == result.to_dict("a command")
    assert found._repr_html_() == result._repr_html_()
    with pytest.raises(InputError) as error:
        _ = found.subject
    assert str(error.value) == (
        "this Analysis was read from a file, which holds no model; load it with interpret.load(...), by the name in "
        "to_dict()['model']"
    )
    found.save(path)
    assert same(analyses.read(path), result)


def test_an_analysis_keeps_its_model_in_memory() -> None:
    assert whole().subject.name == interpret.load().name
    assert whole().live is whole().subject


def test_a_document_shows_what_its_analysis_shows() -> None:
    result, document = SAMPLES["Analysis"](), SAMPLES["AnalysisDocument"]()
    assert repr(document) == repr(result)
    assert document._repr_html_() == result._repr_html_()
    assert document.to_frame().equals(result.to_frame())
    assert TEXT in repr(result)


def test_a_document_of_steps_shows_what_they_show() -> None:
    result, document = SAMPLES["Steps"](), SAMPLES["StepsDocument"]()
    assert repr(document) == repr(result)
    assert document._repr_html_() == result._repr_html_()
    assert document.to_frame().equals(result.to_frame())


def test_another_picture_is_refused() -> None:
    with pytest.raises(InputError) as error:
        SAMPLES["Entropy"]().plot(of="bits")
    assert str(error.value) == "of must be one of nats, share, not 'bits'"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_result_can_be_copied(name: str) -> None:
    result = SAMPLES[name]()
    if name not in ("Analysis", "Steps"):  # which hold a model
        assert same(copy.deepcopy(result), result)
