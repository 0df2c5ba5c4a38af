"""`interpret knockout`: what is printed and written is what the functions return, and wrong options are one line."""

import json

import pytest
from click.testing import CliRunner

import interpret
from analyses import knockout, look_back
from interpret.cli import main

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
