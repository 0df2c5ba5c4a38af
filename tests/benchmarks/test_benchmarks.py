"""The command's own arithmetic, its table, and its sides against each other on tiny random models; no peers."""

import subprocess
import sys

import pytest

from .bench import ROOT, Bench, Outcome, Side
from .lines import Line, compared, faster, size, slower, spell
from .ours import erasing, forward, heads, models
from .peers import huggingface
from .plot import points, save
from .table import render

SETTINGS = {"device": "cpu", "dtype": "float32"}


def outcome(name: str, *seconds: float, trouble: str | None = None) -> Outcome:
    return Outcome(Side(name, "x:y"), list(seconds), trouble=trouble)


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path, tmp_path / "log.txt", sys.executable, {}, repeats=2)


def test_ratios_are_of_medians_and_say_who_is_slower():
    ours, other = outcome("ours", 1.0, 9.0, 2.0), outcome("loop", 5.0, 3.0, 100.0)
    line = faster("sweep", "heads", ours, other, aim="6x", at=("tokens", 12))
    assert (line.ours, line.against, line.ratio) == ("2 s", "loop: 5 s", "2.50x")
    assert line.seconds == {"ours": 2.0, "loop": 5.0}
    assert slower("record", "pass", ours, other, aim="at most 1.10x").ratio == "0.40x"


def test_a_missing_side_has_no_ratio_and_says_so():
    line = faster("loo", "words", outcome("ours", 1.0), outcome("captum", trouble="not installed (captum)"), aim="3x")
    assert (line.against, line.ratio, line.agrees) == ("captum: not installed (captum)", "", True)
    assert line.seconds == {"ours": 1.0}


def test_answers_are_compared_number_by_number():
    assert compared([[1.0, 2.0], [3.0]], [1.0, [2.0, 3.0005]], within=1e-3) == ("same numbers within 0.0005", True)
    assert compared([1.0], [1.5], within=1e-3) == ("NOT THE SAME: 0.5 apart, 0.001 allowed", False)
    assert compared([1.0], [1.1], within=1e-3, dtype="bfloat16") == ("same numbers within 0.1", True)
    assert compared([1.0], [1.0, 2.0], within=1) == ("NOT THE SAME: 1 and 2 numbers", False)
    assert compared([float("nan")], [1.0], within=1)[1] is False
    assert compared([1.0], None, within=1) == ("", True)


def test_units_suit_the_numbers():
    assert [spell(seconds) for seconds in (0.01234, 1.2345, 4321.0)] == ["12.3 ms", "1.23 s", "4321 s"]
    assert [size(count) for count in (12, 2048, 3 * 2**20, 5 * 2**30)] == ["12 B", "2 KiB", "3 MiB", "5 GiB"]


def test_the_table_has_a_line_for_each_and_the_plot_a_point(tmp_path):
    lines = [
        faster("sweep", "a|b", outcome("ours", 1.0), outcome("loop", 2.0), aim="6x", at=("tokens", tokens))
        for tokens in (12, 32)
    ]
    page = render([*lines, Line("faith", "", "not measured: needs sentences", "")], ["machine: one"])
    assert "- machine: one" in page
    assert page.count("| sweep | a&#124;b | 1 s | loop: 2 s | 2.00x | 6x |  |") == 2
    assert "| faith |  | not measured: needs sentences |  |  |  |  |" in page
    assert points(lines, "tokens") == {"ours": [(12, 1.0), (32, 1.0)], "loop": [(12, 2.0), (32, 2.0)]}
    save(lines, tmp_path / "scaling.svg")
    assert (tmp_path / "scaling.svg").read_text().count("<svg") == 1
    save([], tmp_path / "nothing.svg")
    assert not (tmp_path / "nothing.svg").exists()


def test_a_side_works_when_it_is_told_to(bench):
    settings = {"size": 8, "times": 1}
    (matmul,) = bench.compare(Side("matmul", "ours.heads:matmul"), **settings)
    assert (matmul.trouble, matmul.answer) == (None, {"operations": 1024})
    assert len(matmul.seconds) == 2
    assert matmul.peak > 2**20


def test_sides_that_are_missing_or_fail_say_why(bench):
    (nobody,) = bench.compare(Side("nobody", "peers.nobody:work", "nobody"))
    assert nobody.trouble == "not installed (benchmarks.peers.nobody)"
    (failed,) = bench.compare(Side("matmul", "ours.heads:matmul"))
    assert failed.trouble == "failed: KeyError: 'size'"
    assert failed.seconds == []


@pytest.mark.parametrize("name", ["llama", "bert"])
def test_the_sweep_agrees_with_the_loop(saved, name):
    settings = {**SETTINGS, "model": str(saved / name), "tokens": 12}
    text, same = compared(heads.swept(settings)(), heads.looped(settings)(), within=1e-3)
    assert same, text


def test_the_plain_loop_agrees_with_the_sweep(saved, tmp_path):
    settings = {**SETTINGS, "model": str(saved / "llama"), "tokens": 12, "to": str(tmp_path / "given.json")}
    models.shared_input(settings)()
    settings["input"] = settings["to"]
    text, same = compared(heads.swept(settings)(), huggingface.looped(settings)(), within=1e-3)
    assert same, text


def test_recording_changes_nothing(saved):
    settings = {**SETTINGS, "model": str(saved / "llama"), "tokens": 12, "times": 1}
    assert forward.recorded(settings)() == forward.alone(settings)()
    settings["tokens"] = 40
    assert forward.long_read(settings)() == forward.long_read_for_all(settings)() == forward.long_alone(settings)()


def test_what_a_peer_is_asked_for_is_what_faithfulness_gives(saved, tmp_path):
    settings = {**SETTINGS, "model": str(saved / "bert"), "to": str(tmp_path / "maps.json")}
    erasing.explained({**settings, "chosen": ["The cat sat on the mat while the rain kept falling."]})()
    settings["input"] = settings["to"]
    text, same = compared(erasing.judged(settings)(), erasing.tested(settings)(), within=1e-6)
    assert same, text


def test_the_command_says_what_it_can_not_measure(tmp_path):
    command = [sys.executable, "-m", "tests.benchmarks", "analyze", "--out", str(tmp_path), "--classifier", "nowhere"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "analyze  needs a classifier: set INTERPRET_SHARED, or give --classifier FOLDER" in done.stdout
    assert "not measured: needs a classifier" in (tmp_path / "results.md").read_text()
