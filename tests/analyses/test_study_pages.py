"""What `interpret study` leaves in its folder: the report, and reports on the most and least explained texts."""

import os
import random
import re
import shlex
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from saved_models import SENTENCES

from analyses.planning.effort import EFFORTS, Effort
from interpret.cli import main
from interpret.errors import InputError

WORDS = [word.strip(".,;") for sentence in SENTENCES for word in sentence.split()]
HOSTILE = "<script>window.stolen=1</script>"


@pytest.fixture(scope="module", autouse=True)
def brief() -> Iterator[None]:
    """Reports on texts take few draws and steps: what is asked here is which are written, and when."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(EFFORTS, "standard", Effort(random_orders=100, integration_steps=3, adversary_steps=2))
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine texts of six to nine words; one would be a script, if it were let."""
    choose = random.Random(1)
    path = tmp_path_factory.mktemp("data") / "data.csv"
    rows = [" ".join(choose.choices(WORDS, k=6 + number % 4)) for number in range(8)]
    rows.append(f"{HOSTILE} {rows[0]}")
    path.write_text("text,label\n" + "".join(f'"{text}",{number % 2}\n' for number, text in enumerate(rows)))
    return path


def run(data: Path, model: Path, out: Path, *more: str) -> Result:
    arguments = [
        "study",
        str(data),
        "--model",
        str(model),
        "--out",
        str(out),
        "--replacements",
        "2",
        "--methods",
        "saliency",
        *more,
    ]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return done


def pages(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / "texts").glob("*")}


def links(out: Path) -> set[str]:
    return set(re.findall(r'href="texts/(row-\d+\.html)"', (out / "report.html").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def finished(data: Path, saved: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A study that was made without reports on texts, and then again with them; and what it printed."""
    out = tmp_path_factory.mktemp("study") / "out"
    run(data, saved / "bert", out, "--no-texts")
    assert not (out / "texts").exists() and links(out) == set()
    return out, run(data, saved / "bert", out).stdout


def test_the_report_is_written_and_its_path_printed(finished: tuple[Path, str]) -> None:
    out, printed = finished
    assert printed.rstrip().endswith(f"report     {out / 'report.html'}")
    html = (out / "report.html").read_text(encoding="utf-8")
    assert "9 examples are too few; a verdict needs 50." in html and "interpret study" in html
    assert HOSTILE not in html


def test_each_end_has_its_own_report_that_the_links_lead_to(finished: tuple[Path, str]) -> None:
    out, _ = finished
    records = {record["row"]: record for record in pq.read_table(out / "results.parquet").to_pylist()}
    assert len(links(out)) == 6 and links(out) == set(pages(out))
    for name, content in pages(out).items():
        record, html = records[int(name.removeprefix("row-").removesuffix(".html"))], content.decode()
        assert "Attention report" in html and HOSTILE not in html
        assert f'id="label"><bdi>{record["predicted"]}</bdi>' in html
        assert "interpret analyze --model" in html
        assert f" -- {shlex.quote(record['text'])}" in unescape(html)


def test_a_rerun_writes_what_is_missing_and_touches_nothing_else(
    finished: tuple[Path, str], data: Path, saved: Path
) -> None:
    out, _ = finished
    report, before = (out / "report.html").read_bytes(), pages(out)
    lost, kept = sorted(before)[0], sorted(before)[1]
    (out / "texts" / lost).unlink()
    (out / "report.html").unlink()
    (out / "texts" / kept).write_bytes(b"kept")
    results = (out / "results.parquet").stat().st_mtime_ns
    run(data, saved / "bert", out)
    assert (out / "report.html").read_bytes() == report
    assert set(pages(out)) == set(before) and pages(out)[kept] == b"kept" and b"Attention report" in pages(out)[lost]
    assert (out / "results.parquet").stat().st_mtime_ns == results
    (out / "texts" / kept).write_bytes(before[kept])


def test_reports_that_are_there_are_linked_though_none_are_asked_for(
    finished: tuple[Path, str], data: Path, saved: Path
) -> None:
    out, _ = finished
    run(data, saved / "bert", out, "--no-texts")
    assert len(links(out)) == 6


def test_what_a_killed_process_was_writing_is_cleared(finished: tuple[Path, str], data: Path, saved: Path) -> None:
    out, _ = finished
    halves = [out / ".report.html.x.part", out / "texts" / ".row-1.html.x.part"]
    for half in halves:
        half.write_bytes(b"half")
    run(data, saved / "bert", out)
    assert not any(half.exists() for half in halves)


def test_killed_at_any_moment_it_ends_with_the_same_bytes_in_every_file(
    data: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of the folder, taken right before a file gets its name, is what a kill at that moment leaves."""
    (tmp_path / "whole").mkdir()
    monkeypatch.chdir(tmp_path / "whole")
    moments: list[Path] = []
    replace = os.replace

    def copied(*names: Path) -> None:
        moments.append(shutil.copytree("out", tmp_path / f"killed-{len(moments)}" / "out").parent)
        replace(*names)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", copied)
        run(data, saved / "bert", Path("out"))
    wanted = {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}
    assert len(moments) == 12 and len(wanted) == 12  # study.json, two parts, two results, six texts and the report
    assert {path.parent.name for path in wanted} == {"out", "parts", "texts"}
    for at in (1, 8, 11):  # before the first part, the fourth text and the report
        assert (moments[at] / "out" / ".lock").exists() and list(moments[at].rglob("*.part"))
        monkeypatch.chdir(moments[at])
        run(data, saved / "bert", Path("out"))
        assert {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()} == wanted


def test_a_text_that_can_t_be_analysed_alone_has_no_report_and_stops_nothing(
    finished: tuple[Path, str], data: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise InputError("this text is not for analysis")

    out = Path(shutil.copytree(finished[0], tmp_path / "out"))
    shutil.rmtree(out / "texts")
    monkeypatch.setattr("analyses.decision.analyze.analyze", refuse)
    done = run(data, saved / "bert", out)
    assert done.stderr.count("this text is not for analysis") == 6
    assert links(out) == set()
