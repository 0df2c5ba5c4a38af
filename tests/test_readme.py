"""README and guides say what is true: code runs, commands exist, numbers are those of a run."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

import interpret
from analyses.decision.judgement import judge, usual_source
from analyses.heads.word_pairs import word_pairs
from analyses.verdicts.verdict import BARS
from interpret.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LONGEST = 120  # lines of the front door; everything else is in docs/
SENTENCE = "The cat sat on the mat."


def guide(name):
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"))
def test_python_runs(code, capsys):
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip()


def test_the_first_command_writes_a_report(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = blocks("bash")[0].split("&&")[-1]
    program, *arguments = shlex.split(command)
    assert program == ".venv/bin/interpret"
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "positive" in result.stdout
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "gripping" in report
    assert len(report) < 2_000_000


def test_every_command_is_in_the_readme():
    assert all(f"interpret {command}" in README for command in main.commands)


def test_every_picture_is_there():
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", README + guide("tasks").replace("](../", "]("))
    assert len(pictures) == 6
    assert all((ROOT / picture).is_file() for picture in pictures)


def test_every_page_that_the_readme_names_is_there():
    named = [link for link in re.findall(r"\]\(([^#)]+)", README) if "://" not in link]
    assert len(named) > 10
    assert all((ROOT / link).is_file() for link in named)


def test_the_readme_stays_a_front_door():
    assert len(README.splitlines()) <= LONGEST


def test_the_guide_for_contributors_sets_up_as_the_readme_does():
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    setup = README.partition("## Run the tests")[2].partition("```bash\n")[2].partition("```")[0]
    assert setup.strip() and setup in contributing


def test_the_verdict_has_the_words_that_the_guide_explains():
    assert re.findall(r"^- \*\*(.+?)\*\*:", guide("verdicts"), re.MULTILINE) == [
        "supported",
        "not supported",
        "inconclusive",
    ]


def worked_example(subject):
    """The table's column as a run gives it: heads, clearest head, fall, what random heads do, p."""
    example = subject.encode(SENTENCE)
    found = word_pairs(subject, example, subject.decide(example), word="cat", first="sat", second="mat")
    lead = found.first - found.second
    layer, head = divmod(int(lead.argmax()), lead.shape[1])
    random = sorted(found.random.abs().tolist())
    return [
        f"{int(found.preferring.sum())} of {found.preferring.numel()}",
        f"layer {layer + 1} head {head + 1}: {found.first[layer, head]:.3f} against {found.second[layer, head]:.3f}",
        f"{-found.fall:+.3f}",
        f"{random[int(0.95 * len(random))]:.3f}",
        f"{found.p_value:.3f}",
    ]


def column(number):
    """The same from the README's table."""
    rows = [line.split("|")[1:-1] for line in README.splitlines() if line.startswith("| ")]
    wanted = ("heads that", "the clearest", "change of its", "95 % of draws", "p-value")
    return [row[number].strip() for start in wanted for row in rows if row[0].strip().startswith(start)]


def numbers(texts):
    return [[float(number) for number in re.findall(r"[-+]?\d+\.?\d*", text)] for text in texts]


def test_the_worked_example_is_what_the_bert_gives(shared):
    measured = worked_example(interpret.load(shared / "models" / "minilm-sst2"))
    assert numbers(measured) == [pytest.approx(row, abs=0.02) for row in numbers(column(1))]


def test_the_worked_example_is_what_smollm2_gives(smollm2):
    measured = worked_example(smollm2)
    assert numbers(measured) == [pytest.approx(row, abs=0.02) for row in numbers(column(2))]


def row_of(task):
    """What the table of tasks says of one: command, decision, answer."""
    return next(line.split("|")[2:5] for line in guide("tasks").splitlines() if line.startswith(f"| {task} |"))


def measured_components(subject, text, second=None, **encoding):
    """The decision, and the components and the answer of the verdict on it."""
    example = subject.encode(text, second, **encoding)
    decision = subject.decide(example)
    judgement = judge(subject, example, decision, usual_source(subject, example), source="vocabulary")
    values = {each.name: each.value for each in judgement.verdict.findings}
    return decision, values, judgement.verdict.answer


@pytest.mark.parametrize(
    ("task", "folder", "said"),
    [
        ("extractive question answering", "minilm-caption-qa", {"use": r"by (0\.\d+) of", "share": r"(\d+) % of what"}),
        ("translation", "marian-multi30k-en-de", {"use": r"use (\S+),", "share": r"share (\S+)\)"}),
        ("image classification", "vit-cifar10", {"share": r"(\d+) % of what"}),
    ],
)
def test_the_table_of_tasks_says_what_its_commands_give(shared, monkeypatch, task, folder, said):
    command, decides, answer = row_of(task)
    words = shlex.split(command.strip(" `"))
    options = dict(zip(words[3:-2:2], words[4:-2:2], strict=True))
    place = {"position": int(options["--position"]) - 1} if "--position" in options else {}
    monkeypatch.chdir(ROOT)
    subject = interpret.load(shared / "models" / folder)
    decision, values, verdict = measured_components(subject, words[2], options.get("--context"), **place)
    label, probability = re.search(r"“(.+?)” \((.+?)\)", decides).groups()
    assert decision.label.strip() == label and decision.probability == pytest.approx(float(probability), abs=0.002)
    assert answer.strip().startswith(f"*{verdict}*")
    for name, pattern in said.items():
        found = re.search(pattern, answer).group(1)
        number = float(found) if "." in found else 1 - float(found) / 100  # what goes round is what isn't shared
        assert values[name] == pytest.approx(number, abs=0.02), name


def test_the_thresholds_of_a_study_are_those_of_the_rule():
    lines = guide("data_sets").splitlines()
    rows = {line.split("|")[1].strip(): line.split("|")[3:5] for line in lines if line.count("|") == 6}
    for name, bars in BARS.items():
        assert [cell.strip() for cell in rows[name]] == [f"{bars.floor:.2f}", f"{bars.bar:.2f}"]
