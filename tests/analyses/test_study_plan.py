"""What a study will take, held against what it does."""

import json
import random
import re
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from passes_for_tests import counted
from saved_models import SENTENCES

from analyses.data_sets.rows import read_rows
from analyses.planning.plan import Plan
from analyses.studies.prepared import Prepared, prepare
from analyses.studies.study import study
from analyses.verdicts.measurement import USUAL
from interpret.cli import main
from interpret.errors import InputError
from interpret.subjects.text import TextSubject

WORDS = [word.strip(".,;") for sentence in SENTENCES for word in sentence.split()]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Sixteen texts of five words, and four of twenty-five."""
    choose = random.Random(0)
    path = tmp_path / "data.csv"
    rows = [" ".join(choose.choices(WORDS, k=5 if number % 5 else 25)) for number in range(20)]
    path.write_text("text\n" + "".join(f"{text}\n" for text in rows))
    return path


def prepared(data: Path, subject: TextSubject, classic: bool = False) -> Prepared:
    return prepare(subject, read_rows(data), draws=USUAL, classic=classic)


@pytest.mark.parametrize("classic", [False, True])
def test_a_study_makes_as_many_passes_as_it_was_thought_to(
    classic: bool, data: Path, bert: TextSubject, tmp_path: Path
) -> None:
    if classic:  # which takes long: two texts of each length
        data.write_text("".join(data.read_text().splitlines(keepends=True)[i] for i in (0, 1, 2, 3, 6)))
    ready, plans = prepared(data, bert, classic), []
    with counted(bert) as total:
        study(ready, tmp_path / "out", planned=plans.append)
    longest = max(len(example.ids) for example in ready.examples)
    assert total[0] / longest == pytest.approx(plans[0].passes, rel=0.35)


def test_maps_that_are_only_compared_with_marked_words_are_planned(data: Path, bert: TextSubject) -> None:
    lines = data.read_text().splitlines()[1:]
    data.write_text("text,marks\n" + "".join(f"{line},{line.split()[1]}\n" for line in lines if "," not in line))
    plain, marked = read_rows(data), read_rows(data, evidence_column="marks")
    ready, plans = prepare(bert, marked), {}
    for name, each in (("without", prepare(bert, plain)), ("compared", ready)):
        plans[name] = each.plan().passes
    plans["ranked"] = prepare(bert, marked, methods=["usual"]).plan().passes
    (longest,) = {len(example.ids) for example in ready.examples[-1:]}
    each_text = 1 + 3 * (3 + 50)  # a forward pass, and three gradients and a path, each of which takes as long as three
    wanted = sum(
        (each_text + len(each.units)) * len(each.ids) / longest for each in ready.examples
    )  # and leave-one-out
    assert plans["compared"] - plans["without"] == pytest.approx(wanted, rel=0.1)
    assert plans["ranked"] > plans["compared"]


def test_only_what_is_left_is_planned(data: Path, bert: TextSubject, tmp_path: Path) -> None:
    ready, out = prepared(data, bert), tmp_path / "out"
    plans: list[Plan] = []
    study(ready, out, planned=plans.append)
    study(ready, out, planned=plans.append)
    assert len(plans) == 1 and plans[0].passes == ready.plan().passes
    (out / "summary.json").unlink()
    first, *_ = sorted((out / "parts").iterdir())
    first.write_bytes(b"")
    study(ready, out, planned=plans.append)
    assert len(plans) == 2
    assert 0.2 < plans[1].passes / plans[0].passes < 0.5  # eight of the short texts, counted in passes of these


def test_too_little_memory_is_said_before_anything_is_measured(data: Path, bert: TextSubject, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"this needs about .* of memory and may take 1 MB"):
        study(prepared(data, bert), tmp_path / "out", max_memory=10**6)
    assert not (tmp_path / "out").exists()
    study(prepare(bert, read_rows(data), draws=replace(USUAL, replacements=2)), tmp_path / "out")  # which is another
    assert json.loads((tmp_path / "out" / "study.json").read_text())["options"]["replacements"] == 2


def test_the_command_says_what_it_will_take_and_what_it_took(
    data: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [
        "study",
        str(data),
        "--model",
        str(saved / "bert"),
        "--out",
        str(tmp_path / "out"),
        "--methods",
        "none",
        "--no-texts",
    ]
    done = CliRunner().invoke(main, [*arguments, "--plan"])
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("planned    ") and done.stdout.count("\n") == 1
    assert not (tmp_path / "out").exists()
    clock = iter((0.0, time.monotonic(), 7000.0))  # the command begins, its measuring begins, and all is done
    with monkeypatch.context() as patched:
        patched.setattr(import_module("interpret.cli.study"), "time", SimpleNamespace(monotonic=lambda: next(clock)))
        done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("took ")]
    assert "of memory (planned: " in line
    assert re.match(r"took       2 h in all, [\d.]+ (s|min) of it for measuring, and ", line)
    assert "took" not in CliRunner().invoke(main, arguments).stdout  # nothing was left to measure
