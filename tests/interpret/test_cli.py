"""The command line as a user meets it: right use, wrong use, and what is left on the disk after each."""

import errno
import json
import os
import re
import shlex
import subprocess
import sys

import pytest
from click.testing import CliRunner

from interpret.cli import main
from interpret.loading.description import listed
from interpret.subjects.tasks import TASKS
from interpret.system.writing import require_writable, write_whole

TEXT = "the plot drags but the cast is very warm"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments, stdin=None):
        return CliRunner().invoke(main, list(map(str, arguments)), input=stdin)

    return invoke


def error_of(result):
    """The one line on standard error of a command that refused."""
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


def test_a_text_and_a_model_give_a_report_and_a_summary(run, saved, tmp_path):
    result = run("analyze", TEXT, "--model", saved / "bert", "--quick", "--figures", "figures")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == [
        *("decision", "attention", "instead", "errors", "took", "report")
    ]
    parts = [line for line in lines if "holds from" in line]
    assert [line.split()[0] for line in parts] == ["use", "rank", "input", "top", "share"]
    assert re.search(r"errors +\d+ of \d+ such answers were wrong on models whose truth is known", result.stdout)
    assert result.stderr == ""
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert {path.suffix for path in (tmp_path / "figures").iterdir()} == {".svg", ".png"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figures", "report.html"]


def test_a_plan_is_one_line_and_leaves_nothing_behind(run, saved, tmp_path):
    result = run("analyze", TEXT, "--model", saved / "bert", "--quick", "--plan")
    assert result.exit_code == 0, result.output
    assert re.fullmatch(r"planned    [\d.]+ (s|min|h) and [\d.]+ [kMG]B of memory, [\d,]+ passes\n", result.stdout)
    several = run("analyze", TEXT, "--model", saved / "llama", "--generate", "2", "--no-verdict", "--plan")
    assert re.fullmatch(r"planned    .* passes\n", several.stdout), several.output
    assert list(tmp_path.iterdir()) == []


def test_plan_and_outcome_stand_side_by_side(run, saved):
    for arguments in (("--quick", "--model", saved / "bert"), ("--generate", "1", "--model", saved / "llama")):
        lines = run("analyze", TEXT, *arguments).stdout.splitlines()
        (took,) = [line for line in lines if line.startswith("took")]
        size, span = r"[\d.]+ [MG]B", r"[\d.]+ (s|min|h)"
        assert re.fullmatch(rf"took       {span} and {size} of memory \(planned: {span} and {size}\)", took)


def test_too_little_memory_is_told_before_anything_is_written(run, saved, tmp_path):
    line = error_of(run("analyze", TEXT, "--model", saved / "bert", "--max-memory", "20MB"))
    assert re.fullmatch(
        r"this needs about [\d.]+ [MG]B of memory and may take 20 MB; give a shorter text, a smaller --dtype, or more "
        r"memory \(--max-memory, where the machine has it\)",
        line,
    )
    assert error_of(run("analyze", TEXT, "--model", saved / "bert", "--max-memory", "plenty")) == (
        "Invalid value for '--max-memory': a size of memory must be a number and a unit, such as 4GB or 512MB, not "
        "'plenty'; see interpret analyze --help"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (
            ("--out", "-", "--json", "numbers.json"),
            "a report isn't printed; give --out the name of a file, or print the numbers with --json -",
        ),
        (("--out", "a.html", "--json", "./a.html"), "--out and --json are both a.html; give two names"),
        (
            ("--out", f"{'n' * 300}/a.html"),
            f"{'n' * 300}/a.html can't be used (File name too long); give another place",
        ),
        (
            ("--seed", "-1"),
            "Invalid value for '--seed': -1 is not in the range 0<=x<=4294967295; see interpret analyze --help",
        ),
        (
            ("--plan", "--target", "foo"),
            "MODEL has no label 'foo'; its labels are bad, good, or their numbers 0 to 1",
        ),
    ],
)
def test_what_can_not_be_written_or_drawn_is_told_first(run, saved, tmp_path, options, complaint):
    wanted = complaint.replace("MODEL", str(saved / "bert"))
    assert error_of(run("analyze", TEXT, "--model", saved / "bert", *options)) == wanted
    assert list(tmp_path.iterdir()) == []


def test_what_a_link_names_is_written(run, saved, tmp_path):
    (tmp_path / "link.html").symlink_to("there.html")
    assert run("analyze", TEXT, "--model", saved / "bert", "--quick", "--out", "link.html").exit_code == 0
    assert (tmp_path / "link.html").is_symlink() and (tmp_path / "there.html").read_text().startswith("<!doctype html>")
    twice = ("--out", "link.html", "--json", "there.html")
    assert error_of(run("analyze", TEXT, *twice)) == "--out and --json are both link.html; give two names"
    (tmp_path / "lost.html").symlink_to("missing/there.html")
    assert error_of(run("analyze", TEXT, "--out", "lost.html")) == (
        f"{tmp_path / 'missing'} is not a folder, so there.html can't be written there; make it first"
    )


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    require_writable(pipe)
    write_whole(pipe, "page")
    assert os.read(reader, 9) == b"page" and pipe.is_fifo()
    os.close(reader)


def test_json_on_standard_output_is_all_of_it_and_repeats(run, saved, tmp_path):
    arguments = ("analyze", TEXT, "--model", saved / "bert", "--quick", "--seed", "4", "--json", "-")
    once, again = (json.loads(run(*arguments).stdout) for _ in range(2))
    for found in (once, again):
        assert found["run"].pop("seconds") > 0
        assert found["run"].pop("memory") > 0
        assert found["run"].pop("planned")["seconds"] > 0
    assert once == again
    assert once["schema"] == "interpret-attention/analysis/3"
    assert once["faithfulness"]["random_orders"] == 100
    assert once["run"]["seed"] == 4
    assert shlex.split(once["run"]["command"]) == [
        *("interpret", "analyze", "--json", "-", "--seed", "4", "--quick", "--model", str(saved / "bert"), TEXT)
    ]
    assert {check["passed"] for check in once["checks"]} == {True}


def test_words_that_replace_others_can_come_from_a_file(run, saved, tmp_path):
    (tmp_path / "texts.csv").write_text(f"text\n{TEXT}\n{TEXT} again\n", encoding="utf-8")
    arguments = ("analyze", TEXT, "--model", saved / "bert", "--quick", "--json", "-")
    found = json.loads(run(*arguments, "--corpus", tmp_path / "texts.csv").stdout)
    assert found["verdict"]["replacements"] == "corpus unigram by length and case"
    assert json.loads(run(*arguments).stdout)["verdict"]["replacements"].startswith("the model's vocabulary")
    assert "missing.csv" in error_of(run(*arguments, "--corpus", "missing.csv"))


def test_explanations_are_chosen_by_name(run, saved):
    arguments = ("analyze", TEXT, "--model", saved / "llama", "--json", "-", "--methods")
    found = json.loads(run(*arguments, "saliency, leave-one-out", "--quick").stdout)
    names = ["last-layer attention", "saliency", "leave-one-out"]
    assert [entry["method"] for entry in found["maps"]] == names
    assert [entry["method"] for entry in found["faithfulness"]["maps"]] == names
    assert "--methods" in found["run"]["command"]
    every = json.loads(run(*arguments, "saliency", "--generate", "1", "--no-verdict").stdout)
    assert [entry["method"] for entry in every["steps"][0]["maps"]] == names
    assert error_of(run(*arguments, "magic")).startswith("there is no method 'magic'; there are last-layer attention, ")


def test_a_causal_model_and_a_target(run, saved):
    result = run("analyze", TEXT, "--model", saved / "llama", "--target", "#7", "--quick", "--json", "-")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["decision"]["target"] == 7
    assert found["model"]["causal"] is True
    assert found["faithfulness"]["eraser"] == "delete"


def test_text_may_come_from_a_file_or_standard_input(run, saved, tmp_path):
    (tmp_path / "text.txt").write_text(f"{TEXT}\n", encoding="utf-8")
    model = ("--model", saved / "bert", "--quick", "--json", "-")
    by_file = json.loads(run("analyze", "--file", "text.txt", *model).stdout)
    by_pipe = json.loads(run("analyze", *model, stdin=f"{TEXT}\n").stdout)
    assert by_file["text"] == by_pipe["text"] == TEXT
    assert by_file["maps"] == by_pipe["maps"]


def test_a_text_that_looks_like_an_option_can_be_run_again(run, saved):
    arguments = ["analyze", "--model", saved / "bert", "--quick", "--json", "-", "--", f"--{TEXT}"]
    command = json.loads(run(*arguments).stdout)["run"]["command"]
    assert shlex.split(command)[-2:] == ["--", f"--{TEXT}"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--file", "none.txt"], "none.txt can't be read (No such file or directory); give the name of a text file"),
        ([TEXT, "--file", "a"], "the text was given twice, as an argument and by --file; give one"),
        ([""], "the text is empty; give one of at least two words"),
        ([TEXT, "--out", "no/where.html"], "no is not a folder, so where.html can't be written there; make it first"),
        ([TEXT, "--json", "."], ". is a folder; give the name of a file"),
        ([TEXT, "--target", "great"], "has no label 'great'; its labels are"),
        ([TEXT, "--target", "great", "--figures", "new/figures"], "has no label 'great'; its labels are"),
        (
            [TEXT, "--figures", "/dev/null/x"],
            "/dev/null is a file, so /dev/null/x can't be a folder; give another name",
        ),
        ([TEXT, "--task", "juggling"], f"the task must be {listed(TASKS)}, not 'juggling'"),
        ([TEXT, "--device", "abacus"], "the device 'abacus' can't be used here: "),
        (["warm " * 500], "shorten it, or cut it with --truncate (truncate=True in Python)"),
        ([TEXT, "--model", "./nothing"], "there is no folder or file ./nothing"),
        (
            [TEXT, "--seed", "x"],
            "Invalid value for '--seed': 'x' is not a valid integer range; see interpret analyze --help",
        ),
        ([TEXT, "--modle", "x"], "; see interpret analyze --help"),
    ],
)
def test_what_cant_be_used_is_told_in_one_line(run, saved, tmp_path, arguments, message):
    if "--model" not in arguments:
        arguments = [*arguments, "--model", saved / "bert"]
    assert message in error_of(run("analyze", *arguments))
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_file_is_no_text(run, saved, tmp_path):
    (tmp_path / "cat.jpg").write_bytes(b"an image")
    said = error_of(run("analyze", "cat.jpg", "--model", saved / "bert"))
    assert said == (
        f"'cat.jpg' is the name of a file, and {saved / 'bert'} reads texts; read the text in it with --file, or give "
        "--model one that looks at images"
    )
    assert error_of(run("analyze", "warm " * 1000, "--model", saved / "bert")).endswith("(truncate=True in Python)")


def test_a_command_that_is_not_there_is_told_in_one_line(run):
    assert error_of(run("analyse")).startswith("No such command 'analyse'")


def test_a_file_that_is_no_text_is_told(run, tmp_path):
    (tmp_path / "text.txt").write_bytes(b"caf\xe9")
    assert error_of(run("analyze", "--file", "text.txt")) == "text.txt is not UTF-8 text (byte 3); convert it first"


def test_a_full_disk_leaves_the_old_report(run, saved, tmp_path, monkeypatch):
    (tmp_path / "report.html").write_text("old")

    def full(source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    assert error_of(run("analyze", TEXT, "--model", saved / "bert", "--quick")) == (
        "report.html can't be written (No space left on device); give another place, with space and permission"
    )
    assert (tmp_path / "report.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_failed_check_has_an_exit_code_of_its_own(run, saved, monkeypatch):
    from interpret.attention.recording import Check, Recording

    monkeypatch.setattr(Recording, "checks", lambda self: (Check("something is right", 1.0, 0.5),))
    result = run("analyze", TEXT, "--model", saved / "bert", "--quick", "--json", "-")
    assert result.exit_code == 3
    caveats = json.loads(result.stdout)["caveats"]
    assert "A self-check failed (something is right): don't rely on what is shown here." in caveats


def test_pair_tells_heads_and_effect(run, saved):
    result = run("pair", TEXT, "cast", "warm", "plot", "--model", saved / "bert", "--draws", "100", "--figure", "p.svg")
    assert result.exit_code == 0, result.output
    assert "heads put more on cast-warm than on cast-plot" in result.stdout
    found = json.loads(run("pair", TEXT, "cast", "warm", "plot", "--model", saved / "bert", "--json").stdout)
    layers, heads = len(found["first"]), len(found["first"][0])
    places = [(layer, head) for layer in range(layers) for head in range(heads)]
    assert found["preferring"] == sum(found["first"][i][j] > found["second"][i][j] for i, j in places)
    assert len(found["random"]) == 200
    long = ("pair", f"{TEXT} {'warm ' * 500}", "cast", "warm", "plot", "--model", saved / "bert", "--draws", "100")
    assert "or cut it with --truncate" in error_of(run(*long))
    assert run(*long, "--truncate").exit_code == 0


@pytest.mark.parametrize("command", main.commands)
def test_every_command_has_help_with_an_example(run, command):
    text = run(command, "--help").stdout
    assert "Example" in text
    assert f"interpret {command}" in text


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom interpret.cli import main\n"
        "try:\n    main(['analyze', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'captum', 'numpy', 'scipy'} & set(sys.modules)\nassert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
