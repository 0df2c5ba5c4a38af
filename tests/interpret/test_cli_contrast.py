"""`--against` on the command line, and what reports say of a contrast."""

import json

import pytest
from click.testing import CliRunner

from interpret.cli import main
from reports.analysis import wording

TEXT = "Slow at first, then wonderful."


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, list(map(str, arguments)))


def test_a_contrast_is_told_as_one_in_summary_report_and_json(run, tmp_path):
    result = run("analyze", TEXT, "--target", "negative", "--against", "positive", "--quick", "--json", "found.json")
    assert result.exit_code == 0, result.output
    line = result.stdout.splitlines()[0]
    assert line == "decision   negative rather than positive (probability 0.082 of the two, logit margin -2.41)"
    found = json.loads((tmp_path / "found.json").read_text())
    decision = found["decision"]
    assert (decision["label"], decision["against"], decision["predicted"]) == ("negative", "positive", "positive")
    assert wording.sureness(found) == [
        "Asked is why this one rather than ‘positive’: of these two, the model puts 8.2% on it, whatever it puts on "
        "others.",
        "Its score trails that of ‘positive’ by 2.41 logits; this difference is the margin.",
    ]
    assert wording.decision_lead(found) == "You asked about"
    page = (tmp_path / "report.html").read_text()
    assert "<title>Not supported: attention and the decision ‘negative’ rather than ‘positive’</title>" in page
    assert "--against positive" in found["run"]["command"]
    assert (
        "The question is why “negative” rather than “positive”: the margin is the logit of the one minus that of the "
        "other, and the probability is that of the one given that it is one of the two." in found["caveats"]
    )


def test_a_pair_of_words_is_held_against_the_margin_of_two_labels(run):
    arguments = ("pair", "The cat sat on the mat.", "cat", "sat", "mat", "--draws", 100, "--json")
    plain, contrast = (json.loads(run(*arguments, *more).stdout) for more in ((), ("--against", "negative")))
    assert contrast["decision"] == f"{plain['decision']} rather than negative"
    assert contrast["fall"] == plain["fall"]  # of two labels the margin is the same


def test_several_tokens_have_no_contrast(run, saved):
    result = run("analyze", "The cat sat", "--model", saved / "gpt2", "--generate", 2, "--against", " mat")
    assert result.stderr == (
        "Error: --against is about one decision, and several tokens are explained; give the tokens by --continuation "
        "or --target-text\n"
    )


def test_a_plan_refuses_what_the_analysis_would(run):
    result = run("analyze", TEXT, "--against", "neutral", "--plan")
    assert result.stderr == (
        "Error: built-in sentiment model has no label 'neutral'; its labels are negative, positive, or their numbers 0 "
        "to 1\n"
    )
