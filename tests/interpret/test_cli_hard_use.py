"""Hard use of the command line: odd names, full and closed streams, signals, and locales without UTF-8."""

import json
import os
import pty
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from interpret.cli import main
from interpret.errors import InputError
from interpret.system.writing import require_folder, require_writable, write_whole

TEXT = "a warm and funny film"
COMMAND = [sys.executable, "-c", "from interpret.cli import main; main()"]
# A command that imports nothing heavy: "write" stops before it renames what it wrote, "fail" is refused at its work.
LIGHT = """
import os, signal, sys
from pathlib import Path
from interpret.cli import main
from interpret.cli.options import errors_in_one_line
from interpret.cli.progress import progress_bar, progress_line
from interpret.errors import InputError
from interpret.system.writing import write_whole

@main.command()
def write():
    os.replace = lambda *names: signal.pause()
    write_whole(Path("report.html"), "new")

@main.command()
def fail():
    with errors_in_one_line(), progress_bar("measuring") as progress:
        progress(1, 3)
        progress_line()("reading")
        raise InputError("the text has\\nno words")

signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore some
signal.signal(signal.SIGHUP, signal.SIG_DFL)
main()
"""


def error_of(*arguments: str) -> str:
    """The one line of a command that refused."""
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, done.stdout) == (2, ""), (done.output, done.exception)
    (line,) = done.stderr.splitlines()
    return line.removeprefix("Error: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze", TEXT, "--out"), ("analyze", TEXT, "--json"), ("analyze", "--file"), ("doctor", "--json"),
        ("doctor", "--all", "--out"), ("pair", TEXT, "warm", "funny", "film", "--figure"),
    ],
)  # fmt: skip
def test_a_name_that_only_a_folder_can_have_is_no_file(arguments: tuple[str, ...]) -> None:
    assert f"'{arguments[-1]}': 'there/' ends as the name of a folder does; give that of a file" in error_of(
        *arguments, "there/"
    )
    assert f"'{arguments[-1]}': the name is empty; give that of a file" in error_of(*arguments, "")


def test_what_can_not_be_written_is_told_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for link, name in (("itself", "itself"), ("one", "other"), ("other", "one")):
        Path(link).symlink_to(name)
    os.mkfifo("pipe")
    for check, name, said in (
        (require_writable, "itself", "itself is a link that leads to itself; remove it, or give another name"),
        (require_writable, "one", "one is a link that leads to itself; remove it, or give another name"),
        (require_writable, "pipe", "pipe is a pipe that nobody reads; start what reads it first, or give a file"),
        (require_folder, "one", "one is a link that leads to nothing, so it can't be a folder; remove it"),
    ):
        with pytest.raises(InputError) as error:
            check(Path(name))
        assert str(error.value) == said
    assert sorted(os.listdir()) == ["itself", "one", "other", "pipe"]


def test_what_is_read_is_not_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT)
    Path("link").symlink_to("text.txt")
    for arguments in (
        ("--file", "text.txt", "--out", "link"),
        ("text.txt", "--json", "link"),
        (TEXT, "--corpus", "text.txt", "--out", "link"),
    ):
        assert error_of("analyze", *arguments) == "link is what is to be read; give another name for what is written"
    assert "text.txt is what is to be read" in error_of("doctor", "text.txt", "--json", "text.txt")
    assert Path("text.txt").read_text() == TEXT


def test_a_file_keeps_its_mode_and_may_have_a_long_name(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    path.touch(mode=0o600)
    write_whole(path, "caf\udcc3\udca9 \udce9")  # bytes as Python reads them in the C locale, and half a character
    assert path.read_bytes() == b"caf\xc3\xa9 \\udce9"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("analyze", TEXT, "--position"), "is neither a number from 1 on nor 'all'"),
        (("analyze", TEXT, "--max-memory"), "this is more memory than there can be"),
        (("doctor", "--tokens"), "--tokens must be lengths of texts with commas between"),
        (("pair", TEXT, "warm", "funny", "film", "--draws"), "is not a valid integer range"),
    ],
)
def test_a_number_of_thousands_of_digits_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    assert said in error_of(*arguments, "9" * 5000)


def test_text_is_utf_8() -> None:
    said = error_of("pair", TEXT, "warm", "caf\udce9", "film")
    assert said.startswith("Invalid value for 'FIRST': this is not UTF-8 text; convert it first")
    assert "'schöner'" in error_of("pair", TEXT, "sch\udcc3\udcb6ner", "film", "warm")


def test_text_and_names_are_read_in_the_c_locale(tmp_path: Path) -> None:
    """In which Python, unless it is let, takes each byte beyond ASCII for half a character."""
    text = "ein schöner, „rührender“ film"
    done = subprocess.run(
        [*COMMAND, "analyze", text, "--quick", "--json", "zahlen-ü.json", "--out", "ü.html"],
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().endswith("report     ü.html\n")
    found = json.loads((tmp_path / "zahlen-ü.json").read_text("utf-8"))
    assert found["text"] == text and f"'{text}'" in found["run"]["command"]
    assert "rührender" in (tmp_path / "ü.html").read_text("utf-8")


@pytest.mark.parametrize(("redirected", "reason"), [(">/dev/full", "No space left on device"), (">&-", "not writable")])
@pytest.mark.parametrize("option", ["--help", "--version", "analyze --help"])
def test_what_can_not_be_printed_is_one_line(option: str, redirected: str, reason: str) -> None:
    done = subprocess.run(["sh", "-c", f'"$@" {option} {redirected}', "sh", *COMMAND], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == f"Error: standard output can't be written ({reason}); give another place\n"


@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>&-", "<&- >&- 2>&-"])
def test_an_error_that_can_not_be_told_still_has_its_exit_code(redirected: str) -> None:
    done = subprocess.run(["sh", "-c", f'"$@" study {redirected}', "sh", *COMMAND], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_no_part_of_a_file(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "report.html").write_text("old")
    with subprocess.Popen([sys.executable, "-c", LIGHT, "write"], cwd=tmp_path, stderr=subprocess.PIPE) as process:
        while not list(tmp_path.glob(".*.part")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        _, said = process.communicate()
    expected = (1, b"\nAborted!\n") if number == signal.SIGINT else (-number, b"")
    assert (process.returncode, said) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "old"


def test_an_error_after_progress_is_one_line_of_its_own() -> None:
    wanted = "Error: the text has\\nno words"
    piped = subprocess.run([sys.executable, "-c", LIGHT, "fail"], capture_output=True, text=True)
    assert (piped.returncode, piped.stdout, piped.stderr) == (2, "", f"{wanted}\n")
    screen, terminal = pty.openpty()
    shown = subprocess.run([sys.executable, "-c", LIGHT, "fail"], stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    said = os.read(screen, 2**16).decode()
    os.close(screen)
    assert shown.returncode == 2
    assert "measuring" in said and said.endswith(f"\n\r\x1b[2K{wanted}\r\n")
