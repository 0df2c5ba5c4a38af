"""`interpret doctor` as a user meets it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from interpret.cli import main
from interpret.doctor import examination, table
from interpret.doctor.check_result import CheckResult
from interpret.doctor.table import TableRow


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(main, ["doctor", *map(str, arguments)])


def error_of(result: Result) -> str:
    """The one line on standard error of a command that refused."""
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


def test_a_model_that_is_well_gets_a_screen_and_exit_code_0(saved: Path) -> None:
    result = run(saved / "llama", "--tokens", "8,100")
    assert result.exit_code == 0, (result.output, result.exception)
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["model", str(saved / "llama")]
    assert lines[1].startswith("class       LlamaForCausalLM (llama), for text-generation")
    assert lines[4].split(maxsplit=2)[2] == "transformers' attention interface"
    checks = lines[lines.index("checks on a small random input") + 1 : lines.index("analyses") - 1]
    assert len(checks) == 12 and {line.split()[0] for line in checks} == {"ok"}
    analyses = lines[lines.index("analyses") + 1 :][:7]
    assert {line.split()[0] for line in analyses} == {"yes"}
    assert "estimates for one text, from sizes and one measured pass" in lines
    assert lines[-2].split()[0] == "8" and lines[-1].endswith("longer than it can read")


def test_json_holds_all_of_it_and_the_built_in_model_is_the_default(tmp_path: Path) -> None:
    printed = json.loads(run("--json", "-", "--tokens", "16").stdout)
    assert printed["schema"] == "interpret-attention/doctor/1"
    assert printed["model"]["architecture"] == "native" and printed["passed"] is True
    assert printed["checked"] == "the model" and printed["attention_calls"] == 3
    first = printed["checks"][0]
    assert (first["outcome"], first["detail"]) == ("not applicable", "the model offers none")
    assert [cost["tokens"] for cost in printed["estimates"]] == [16]
    result = run("--json", tmp_path / "found.json", "--tokens", "16")
    assert result.exit_code == 0 and result.stdout.startswith("model       built-in sentiment model")
    assert json.loads((tmp_path / "found.json").read_text("utf-8"))["model"] == printed["model"]


def test_a_config_is_enough_for_what_a_model_would_be(saved: Path) -> None:
    result = run(saved / "bert" / "config.json", "--config-only")
    assert result.exit_code == 0, (result.output, result.exception)
    assert "checks on a small random model of this config" in result.stdout
    assert "no pass (time isn't known)" in result.stdout
    tried = "(tried on a small random model of this config, so weights weren't looked at)"
    assert f"  yes     interpret analyze {tried}" in result.stdout.splitlines()


def test_the_exit_code_is_0_only_where_an_analysis_would_run(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": "fnet", "architectures": ["FNetForSequenceClassification"]}), "utf-8")
    result = run(path, "--config-only")
    assert result.exit_code == 3
    assert f"  no      interpret analyze: {path} (FNetForSequenceClassification) has no attention" in result.stdout


def test_a_failed_check_is_exit_code_3(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> CheckResult:
        return CheckResult("a batch answers as each input alone", "failed", 0.25, 1e-5)

    monkeypatch.setattr(examination, "check_batching", fails)
    result = run(saved / "gpt2")
    assert result.exit_code == 3
    assert "  FAILED  a batch answers as each input alone: 2.5e-01 (at most 1e-05)" in result.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere/at/all/x",), "nowhere/at/all/x"),
        (("one", "--model", "two"), "the model was given twice, as an argument and by --model; give one"),
        (("--tokens", "12,no"), "--tokens must be lengths of texts with commas between, such as 128,512, not '12,no'"),
        (("--config-only",), "--config-only needs a model: a folder with a config.json, that file, or a hub id"),
        (("--all",), "--all examines every architecture and takes --out for its table, and no model"),
        (("--out", "x.md"), "--all examines every architecture and takes --out for its table, and no model"),
        (("--json", "no/such/folder/x.json"), "no/such/folder is not a folder, so x.json can't be written there; make "
         "it first"),
    ],
)  # fmt: skip
def test_wrong_use_is_refused_in_one_line(arguments: tuple[str, ...], says: str) -> None:
    found = error_of(run(*arguments))
    assert found == says or (arguments[0].startswith("nowhere") and says in found)


def test_all_writes_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [TableRow("a", "text-generation", "verified", 2, "interface", 0.0, 0.0, "yes")]
    monkeypatch.setattr(table, "examine_all", lambda **_: rows)
    result = run("--all", "--out", tmp_path / "table.md")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["1 of 1 verified", f"table  {tmp_path / 'table.md'}"]
    assert "| a | verified | yes | 2 | interface | 0 | 0 |  |" in (tmp_path / "table.md").read_text("utf-8")
