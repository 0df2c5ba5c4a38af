"""`interpret calibrate` as a user meets it: right use, wrong use, and what is left of it when it is stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from analyses.calibration import calibrate
from analyses.calibration.calibrate import CalibrationPlan
from analyses.resumable.folder import StudyFolder
from interpret.cli import main

FEW = CalibrationPlan(draws=1, sizes=(3,))  # instead of --quick's 50 texts, to save time


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(main, ["calibrate", *map(str, arguments)])


def error_of(result: Result) -> str:
    """The one line on standard error of a command that refused."""
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


def test_two_families_give_a_table_on_the_screen_a_file_and_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrate, "QUICK", FEW)
    out = tmp_path / "out"
    result = run("--quick", "--families", "f8,X1", "--workers", "1", "--out", out)
    assert result.exit_code == 0, (result.output, result.exception)
    table = json.loads((out / "table.json").read_text("utf-8"))
    assert table["plan"] == {"sizes": [3], "families": ["F8", "X1"], "seed": CalibrationPlan().seed, "draws": 1}
    assert [family["draws"] for family in table["families"]] == [1, 1]
    lines = result.stdout.splitlines()
    assert len(lines) <= 24 and max(map(len, lines[:-2])) <= 120  # one screen
    assert lines[0].split() == ["verdict", "from", "truth", "models", "supported", "not", "supported", "inconclusive"]
    assert lines[1].split() == ["3", "texts", "explains", "0", "0", "0", "0"]
    assert lines[2].split() == ["partial", "0", "0", "0", "0"]
    assert lines[3].split() == ["does", "not", "1", "0", "0", "1"]  # fewer than 50 texts settle nothing
    assert lines[4].startswith("1 text, corpus") and lines[7].startswith("1 text, vocabulary")
    wrong = next(line for line in lines if line.startswith("3 texts") and "%" in line)
    assert wrong.split()[2:] == ["0", "of", "1", "0.0%", "[0.0%,", "97.5%]"] * 2
    assert "So few models bound nothing" in result.stdout
    assert lines[-2:] == [f"table      {out / 'table.json'}", f"report     {out / 'report.html'}"]
    page = (out / "report.html").read_text("utf-8")
    assert page.startswith("<!doctype html>") and "interpret calibrate --quick --families f8,X1" in page
    assert sorted(path.name for path in out.iterdir()) == [*("parts", "report.html", "study.json", "table.json")]
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--families", "F7,F99"], "there is no family 'F99'; give some of F1, F2, "),
        (["--families", " , "], "no family was given; give some of F1, F2, "),
        (["--out", "{folder}/notes.txt"], "{folder}/notes.txt is a file; give a folder for the study"),
        (
            ["--out", "{folder}"],
            "{folder} has files but no study.json (such as notes.txt); give a new or an empty folder",
        ),
    ],
)
def test_what_can_t_be_used_is_said_in_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    said = error_of(run(*(argument.format(folder=tmp_path) for argument in arguments)))
    assert message.format(folder=tmp_path) in said
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("option", ["--draws", "--workers"])
def test_numbers_start_at_one(option: str) -> None:
    result = run(option, "0")
    assert result.exit_code == 2 and "0 is not in the range " in result.stderr


def test_options_say_what_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[CalibrationPlan, int]] = []

    def nothing(plan: CalibrationPlan, folder: Path, *, workers: int, progress: Any) -> list[dict[str, Any]]:
        asked.append((plan, workers))
        return []

    monkeypatch.setattr(calibrate, "run_calibration", nothing)
    monkeypatch.chdir(tmp_path)
    for number, options in enumerate(
        (
            (),
            ("--quick",),
            ("--quick", "--draws", 3),
            ("--seed", 0, "--families", "X1, f7,F10,F2 ,x3,F1,F7", "--workers", 5),
        )
    ):
        assert run(*options, "--out", f"out{number}").exit_code == 0
    assert [plan for plan, _ in asked] == [
        CalibrationPlan(),
        CalibrationPlan(draws=1, sizes=(50,)),
        CalibrationPlan(draws=3, sizes=(50,)),
        CalibrationPlan(seed=0, families=("F1", "F2", "F7", "F10", "X1", "X3")),
    ]
    assert asked[3][1] == 5 and all(workers >= 1 for _, workers in asked)


HELD = """
import os, signal, sys
from pathlib import Path
from analyses.calibration import calibrate
from interpret.cli import main

def judged(job, sizes, seed):
    if job.number:
        Path(sys.argv[-1], "..", f"worker-{os.getpid()}").touch()
        signal.pause()
    return {"family": job.family}

calibrate.judged = judged
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
"""


def _at_work(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_ends_the_command_ends_its_workers_and_leaves_nothing_half_written(
    tmp_path: Path, number: signal.Signals
) -> None:
    out, script = tmp_path / "out", tmp_path / "script.py"
    script.write_text(HELD)
    arguments = ["calibrate", "--quick", "--draws", "9", "--families", "F8", "--workers", "2", "--out", str(out)]
    with subprocess.Popen(
        [sys.executable, str(script), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        # The first model is judged, and both workers hold another, from which only their end can free them.
        while len(held := list(tmp_path.glob("worker-*"))) < 2 or not (out / "parts" / "00000.parquet").exists():
            assert process.poll() is None
            time.sleep(0.05)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does: the first process and the workers
        else:
            process.send_signal(number)
        told, complaints = process.communicate()
    assert not any(_at_work(int(path.name.removeprefix("worker-"))) for path in held)
    assert told == ""
    if number == signal.SIGINT:
        assert process.returncode == 1 and complaints.split() == ["Aborted!"]
    else:
        assert process.returncode == -number and complaints == ""
    assert not list(out.rglob("*.part"))
    assert sorted(path.name for path in out.iterdir()) == ["parts", "study.json"]
    asked = CalibrationPlan(draws=9, sizes=(50,), families=("F8",))
    with StudyFolder(out, asked.fingerprint()).open() as folder:
        assert folder.finished() == {0}
