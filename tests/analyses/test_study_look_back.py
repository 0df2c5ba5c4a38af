"""How far back decisions look over a data set: the same as text by text, planned, resumed, and said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from passes_for_tests import counted
from test_json_schemas import require_valid

import interpret
from analyses import look_back, look_backs
from analyses.data_sets.rows import read_rows
from analyses.studies.fingerprint import fingerprint_of
from analyses.studies.look_back.columns import DRAWS
from analyses.studies.look_back.in_short import look_back_in_short
from analyses.studies.prepared import Prepared, prepare
from analyses.studies.schema import StudyDict
from analyses.studies.study import study
from analyses.verdicts.measurement import Draws
from interpret.cli import main
from interpret.errors import CaptureError

FEW = Draws(permutations=2, replacements=2, orders=2)
TEXTS = ("A fine film.", "Dull and slow, without a plot.", "Slow at first, then wonderful.", "Warm and very funny.")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "films.csv"
    path.write_text("text\n" + "".join(f'"{text}"\n' for text in TEXTS))
    return path


@pytest.fixture(scope="module")
def ready(data: Path) -> Prepared:
    return prepare(interpret.load(), read_rows(data), draws=FEW, look_back=True)


@pytest.fixture(scope="module")
def done(ready: Prepared, tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyDict, Path]:
    folder = tmp_path_factory.mktemp("study") / "whole"
    return study(ready, folder), folder


def test_each_record_and_the_summary_are_those_of_look_back(ready: Prepared, done: tuple[StudyDict, Path]) -> None:
    summary, folder = done
    records = pq.read_table(folder / "results.parquet").to_pylist()
    for row, record in enumerate(records):
        found = look_back(ready.subject, record["text"], draws=DRAWS, seed=row)
        assert record["look_back"] == found.distance and record["look_back_longest"] == found.longest
        assert record["look_back_p_value"] == found.p_value and record["look_back_left_out"] is None
    together = look_backs(ready.subject, [record["text"] for record in records], draws=9)
    assert summary["look_back"]["distance"]["mean"] == together.distance.mean
    assert summary["look_back"]["distance"]["low"] == together.distance.low
    assert summary["look_back"]["further"] == list(together.over_texts.further)
    require_valid(summary, StudyDict)


def test_it_is_part_of_what_a_study_is(ready: Prepared, data: Path) -> None:
    options = fingerprint_of(ready)["options"]
    assert (options["look_back_tolerance"], options["look_back_draws"]) == (0.1, DRAWS)
    without = prepare(ready.subject, read_rows(data), draws=FEW)
    assert not any("look_back" in name for name in fingerprint_of(without)["options"])


def test_the_plan_has_its_price(ready: Prepared, data: Path, tmp_path: Path) -> None:
    without = prepare(ready.subject, read_rows(data), draws=FEW)
    passes = []
    for number, prepared in enumerate((ready, without)):
        with counted(ready.subject) as total:
            study(prepared, tmp_path / str(number))
        passes.append(total[0] / max(len(example.ids) for example in prepared.examples))
    planned = ready.plan().passes - without.plan().passes
    assert passes[0] - passes[1] == pytest.approx(planned, rel=0.1)


def test_resumed_it_ends_with_the_same_bytes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: tuple[StudyDict, Path]
) -> None:
    monkeypatch.setattr("analyses.studies.prepared.CHUNK_ROWS", 2)
    monkeypatch.setattr("analyses.studies.study.CHUNK_ROWS", 2)
    folders = [tmp_path / "whole", tmp_path / "stopped"]
    ready = prepare(interpret.load(), read_rows(data), draws=FEW, look_back=True)
    for folder in folders:
        study(ready, folder)
    (folders[1] / "summary.json").unlink()
    (folders[1] / "parts" / "00001.parquet").unlink()
    study(ready, folders[1])
    for name in ("results.parquet", "summary.json"):
        assert (folders[1] / name).read_bytes() == (folders[0] / name).read_bytes()


def test_a_text_of_which_it_cant_be_told_says_why(ready: Prepared, tmp_path: Path, monkeypatch: Any) -> None:
    def failing(subject: Any, example: Any, *more: Any, run: Callable[..., Any] = look_back, **options: Any) -> Any:
        if "Dull" in example.text:
            raise CaptureError("attention is computed in windows")
        return run(subject, example, *more, **options)

    monkeypatch.setattr("analyses.studies.look_back.columns.look_back", failing)
    found = study(ready, tmp_path / "out")["look_back"]
    assert found["texts"] == 3 and found["untold"] == {"attention is computed in windows": 1}
    assert look_back_in_short(found)[-1] == "It can’t be told on 1 text: attention is computed in windows."
    records = pq.read_table(tmp_path / "out" / "results.parquet").to_pylist()
    assert [record["look_back"] is None for record in records].count(True) == 1


def test_of_no_text_only_the_reason_is_said() -> None:
    nothing: Any = {"texts": 0, "untold": {"windows": 3}}
    assert look_back_in_short(nothing) == ["It can’t be told on 3 texts: windows."]


def test_distances_are_said_with_one_decimal_and_shares_with_two() -> None:
    found: Any = {
        **{"texts": 2, "untold": {}, "quartiles": [2, 4, 8.5], "further": [2], "to_the_end": 0},
        **{"distance": {"mean": 17.724, "low": 3.25, "high": 30.0}, "share": {"mean": 0.724, "low": 0.5, "high": 1.0}},
    }
    assert look_back_in_short(found) == [
        "Decisions look back 17.7 [3.2, 30.0] tokens on average, 0.72 [0.50, 1.00] of the longest link. Half of 2 "
        "texts look 2 to 8.5 tokens back, the middle one 4."
    ]


def test_the_command_and_its_page_say_it(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--look-back", "--methods", "none", "--replacements", "2", "--no-texts")
    shown = CliRunner().invoke(main, ["study", str(data), "--out", str(out), *options])
    assert shown.exit_code == 0, shown.output
    found = json.loads((out / "summary.json").read_text())["look_back"]
    said = look_back_in_short(found)
    assert f"look back  {said[0]}\n           {said[1]}\n" in shown.stdout
    page = (out / "report.html").read_text("utf-8")
    assert " ".join(said) in page and 'href="#far"' in page and page.count("that look further") >= 2
    assert f"Of 4 texts, {found['further'][1]} further than 1," in said[1]
