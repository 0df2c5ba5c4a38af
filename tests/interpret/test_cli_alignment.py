"""`interpret analyze --gold`: what it shows, and what it refuses."""

import json

import pytest
from click.testing import CliRunner
from saved_models import byte_pairs, save_tokenizer
from translators_for_tests import save_translator

from interpret.cli import main

SOURCE, TARGET = "The cat sat on the mat", "A quiet film"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("marian")
    save_translator(folder, "marian")
    # With a special token, so that something is left of a source without its words.
    save_tokenizer(folder, byte_pairs(start=True), pad_token="<pad>", eos_token="<end>", bos_token="<s>")
    return folder


def run(*arguments):
    return CliRunner().invoke(main, ["analyze", *map(str, arguments)])


def error_of(result):
    assert result.exit_code == 2 and result.stdout == ""
    return result.stderr.removeprefix("Error: ").strip()


def test_an_alignment_is_in_the_report_the_json_and_the_summary(folder, tmp_path):
    out, numbers = tmp_path / "page.html", tmp_path / "numbers.json"
    result = run(
        SOURCE, "--target-text", TARGET, "--gold", "0-0 1-1 2?2", "--model", folder, "--quick", "--out", out,
        "--json", numbers,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = json.loads(numbers.read_text())["alignment"]
    assert found["source"] == SOURCE.split() and found["target"] == TARGET.split()
    assert found["gold"] == {"sure": [[0, 0], [1, 1]], "possible": [[0, 0], [1, 1], [2, 2]]}
    assert len(found["error_rates"]) == 8  # two layers, by weights and norms, at two positions
    shown = [each for each in found["error_rates"] if (each["by"], each["aligned"]) == ("weights", "output")]
    said = ", ".join(f"{each['layer']} {each['error_rate']:.1%}" for each in shown)
    assert f"alignment  error rate by weights: {said}" in result.stdout.splitlines()
    assert 'id="alignment"' in out.read_text()


def test_gold_that_means_nothing_is_refused(folder, saved, tmp_path):
    out = ("--out", tmp_path / "page.html")
    wrong = run(SOURCE, "--gold", "0-0", "--model", saved / "bert", *out)
    assert (
        error_of(wrong)
        == f"{saved / 'bert'} is for text-classification, which aligns no words, so --gold means nothing"
    )
    several = run(SOURCE, "--target-text", TARGET, "--position", "all", "--gold", "0-0", "--model", folder, *out)
    assert error_of(several) == (
        "--gold is shown beside one decision, and several tokens are explained; leave one of them out"
    )
    outside = run(SOURCE, "--target-text", TARGET, "--gold", "0-3", "--model", folder, *out)
    assert error_of(outside).startswith(
        "the gold alignment has the link 0-3, but the source has 6 words and the target 3"
    )
