"""`interpret knockout`: what is printed and written is what the functions return, and wrong options are one line."""

import json
import re

import pytest
from click.testing import CliRunner

import interpret
from analyses import knockout, knockout_report, look_back
from interpret.attention.checks import Check
from interpret.cli import main
from interpret.cli.numbered import ObjectType
from interpret.subjects import forward_pass
from interpret.subjects.text import TextSubject
from reports.long_range.page import render_knockout

TEXT = "Slow at first, then wonderful."


def run(*arguments):
    return CliRunner().invoke(main, ["knockout", TEXT, "--draws", "99", *map(str, arguments)])


def error_of(*arguments):
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, ""), (done.output, done.exception)
    return done.stderr.removeprefix("Error: ").rstrip("\n")


def test_what_is_written_is_what_the_functions_return(tmp_path):
    options = ("--to", "wonderful", "--layers", "1-2", "--head", "1.2", "--head", "2.4", "--window", 1)
    done = run(
        *options, "--distance", "2-", "--direction", "forward", "--tolerance", 0.5, "--json", tmp_path / "a.json"
    )
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "a.json").read_text("utf-8"))
    subject = interpret.load()
    wanted = knockout(
        subject, TEXT, layers=range(2), heads=[(0, 1), (1, 3)], window=1, direction="forward", distance=(2, None),
        to_words=["wonderful"], draws=99,
    )  # fmt: skip
    assert found["by_word"]["columns"] == ["wonderful"]
    assert found["whole"]["fall"] == wanted.whole.fall and found["whole"]["edges"] == wanted.whole.edges
    assert found["by_distance"]["fall"] == wanted.by_distance.fall.tolist()
    assert found["mean_distance"] == wanted.mean_distance.tolist()
    assert found["look_back"]["distance"] == look_back(subject, TEXT, tolerance=0.5, draws=99).distance
    assert found["command"].startswith("interpret knockout --layers")
    assert f"look back  {found['look_back']['distance']} of 8 tokens" in done.stdout
    assert done.stdout.count("\n  layer ") == 4 and "smallest possible p 0.010" in done.stdout


def test_the_page_is_that_of_the_report_in_python(tmp_path):
    done = run("--out", tmp_path / "page.html", "--layers", 1, "--head", "1.2", "--head", "1.4", "--to", "wonderful")
    assert done.exit_code == 0 and done.stdout.endswith(f"report     {tmp_path / 'page.html'}\n"), done.output
    found = knockout_report(
        interpret.load(), TEXT, layers=range(1), heads=[(0, 1), (0, 3)], to_words=["wonderful"], draws=99
    )
    command = (
        f"interpret knockout --layers 1 --head 1.2 --head 1.4 --to wonderful --draws 99 --out {tmp_path}/page.html"
    )
    page = render_knockout(found.to_dict(f"{command} '{TEXT}'"))
    assert (tmp_path / "page.html").read_text("utf-8") == page
    found.save(tmp_path / "saved.html")
    assert (tmp_path / "saved.html").read_text("utf-8") == render_knockout(found.to_dict())


def test_the_command_says_what_python_does():
    printed, found = run().stdout, knockout_report(interpret.load(), TEXT, draws=99)
    for line in found.summary()[1:]:
        said = re.sub(r"^(all 216 edges cut: |by \w+: |looks back over )", "", line)
        assert said in printed
    assert len(found.summary()) == 6


def test_attention_is_recorded_once(monkeypatch):
    ran = []
    monkeypatch.setattr(forward_pass, "_run", lambda *asked, run=forward_pass._run: ran.append(1) or run(*asked))
    knockout_report(interpret.load(), TEXT, draws=9)
    assert len(ran) == 1


def test_a_failed_check_is_said_by_the_exit_code(monkeypatch, tmp_path):
    failed = (Check("logits are those of the model left alone", 1.0, 1e-5),)
    record = TextSubject.record
    monkeypatch.setattr(TextSubject, "record", lambda *asked, **more: (record(*asked, **more)[0], failed))
    done = run("--out", tmp_path / "page.html")
    assert done.exit_code == 3 and "1 check failed. Do not rely on" in (tmp_path / "page.html").read_text("utf-8")


def test_one_file_isnt_written_twice(tmp_path):
    path = tmp_path / "a.html"
    assert error_of("--out", path, "--json", path) == f"--out and --json are both {path}; give two names"
    assert error_of("--out", "-").startswith("a report isn't printed; give --out the name of a file")


def test_json_alone_is_printed():
    found = json.loads(run("--from", "[CLS]", "--target", "negative", "--json", "-").stdout)
    assert found["decision"]["label"] == "negative" and found["by_word"]["rows"] == ["[CLS]"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--layers", "3-"), "Invalid value for '--layers': '3-' is no range from 1 on, such as 8 or 8-20"),
        (("--layers", "0"), "Invalid value for '--layers': '0' is no range from 1 on, such as 8 or 8-20"),
        (("--distance", "9-8"), "Invalid value for '--distance': '9-8' is no range from 1 on, such as 8, 8-20 or 8-"),
        (("--head", "3"), "Invalid value for '--head': '3' is no head, such as 3.11: layer 3, head 11, both from 1"),
        (
            ("--head", "0.1"),
            "Invalid value for '--head': '0.1' is no head, such as 3.11: layer 3, head 11, both from 1",
        ),
    ],
)
def test_wrong_options_are_one_line(options, said):
    assert error_of(*options) == f"{said}; see interpret knockout --help"


def test_what_the_model_has_not_got_is_one_line():
    assert error_of("--layers", "4") == "layers of this model are 0 to 2 (1 to 3 in commands), not range(3, 4)"
    assert error_of("--to", "terrible") == (
        "the text has no word 'terrible'; its words are: Slow, at, first, ,, then, wonderful, ."
    )
    assert error_of("--context", "a film") == (
        "built-in sentiment model is for text-classification, which takes --pair, not --context"
    )


def test_the_command_can_be_run_again(tmp_path):
    done = run(
        "--layers", "1-2", "--head", "1.2", "--head", "2.4", "--distance", "2-", "--to", "wonderful", "--json", "-"
    )
    command = json.loads(done.stdout)["command"]
    assert command == (
        "interpret knockout --layers 1-2 --head 1.2 --head 2.4 --to wonderful --distance 2- --draws 99 --json - "
        f"'{TEXT}'"
    )


def test_heads_count_from_1_in_every_command_and_from_0_in_code(tmp_path):
    kind = ObjectType()
    assert kind.convert("head:5.3", None, None) == "head:4.2" and kind.as_typed("head:4.2") == "head:5.3"
    assert kind.convert("rollout", None, None) == kind.as_typed("rollout") == "rollout"
    (tmp_path / "films.csv").write_text("text\nA fine film.\nA dull film.\n")
    asked = ["study", str(tmp_path / "films.csv"), "--out", str(tmp_path / "out"), "--plan", "--methods", "none"]
    for head, said in (
        ("head:0.1", "'0.1' is no head, such as 3.11: layer 3, head 11, both from 1; see interpret study --help"),
        (
            "head:4.1",
            "the model has no head:3.0; it has layers 0 to 2, with heads 0 to 3 (1 to 3 and 1 to 4 in commands)",
        ),
    ):
        done = CliRunner().invoke(main, [*asked, "--object", head])
        assert done.exit_code == 2 and done.stderr.rstrip().endswith(said), done.stderr
