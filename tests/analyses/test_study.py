"""A study from a file to its summary, stopped and taken up again."""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner, Result
from saved_models import SENTENCES

from analyses.data_sets.rows import read_rows
from analyses.explanations.attribution import Attribution
from analyses.explanations.methods import register, unregister
from analyses.explanations.shared import Shared
from analyses.statistics import gini_correlation
from analyses.studies.prepared import Prepared, prepare
from analyses.studies.study import study
from analyses.verdicts.effects_in_context import effects_in_context
from analyses.verdicts.measure import measure
from analyses.verdicts.measurement import Draws
from analyses.verdicts.objects_of_study import object_of_study
from analyses.verdicts.thresholds import BARS
from analyses.verdicts.words_of_row import Content
from interpret.cli import main
from interpret.errors import InputError
from interpret.interventions.decision_row import read_row
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject
from interpret.subjects.text import TextSubject
from reports.study.page import render_study

FEW = Draws(permutations=3, replacements=2, orders=3)
WORDS = [word.strip(".,;") for sentence in SENTENCES for word in sentence.split()]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twelve texts of five to nine words, the last one empty."""
    choose = random.Random(0)
    path = tmp_path / "data.csv"
    rows = [" ".join(choose.choices(WORDS, k=5 + number % 5)) for number in range(12)]
    path.write_text(
        "text,label\n" + "".join(f"{text},{('bad', 'good')[n % 2]}\n" for n, text in enumerate(rows)) + ",bad\n"
    )
    return path


def prepared(data: Path, subject: TextSubject, seed: int = 0) -> Prepared:
    return prepare(subject, read_rows(data), draws=FEW, seed=seed)


def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("results.parquet", "summary.json")}


def test_every_text_is_measured_once_and_the_summary_says_what_was_left_out(
    data: Path, bert: TextSubject, tmp_path: Path
) -> None:
    steps: list[tuple[int, int]] = []
    found = study(prepared(data, bert), tmp_path / "out", progress=lambda *step: steps.append(step))
    table = pq.read_table(tmp_path / "out" / "results.parquet").to_pylist()
    assert sorted(record["row"] for record in table) == list(range(1, 13))
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == found
    assert found["verdict"]["answer"] == "inconclusive" and found["verdict"]["examples"] == 12
    assert found["verdict"]["because"][0] == "12 examples are too few; a verdict needs 50"
    assert [each["name"] for each in found["verdict"]["components"]] == ["use", "rank", "input rank", "top", "share"]
    assert {note["kind"]: note["count"] for note in found["notes"]}["empty"] == 1
    assert found["accuracy"]["count"] == 12
    assert found["accuracy"]["correct"] == sum(record["label"] == record["predicted"] for record in table)
    assert steps[0] == (0, 2) and steps[-1] == (2, 2)


def test_a_record_is_what_measuring_its_text_gives(data: Path, bert: TextSubject, tmp_path: Path) -> None:
    ready = prepared(data, bert)
    study(ready, tmp_path / "out")
    record = pq.read_table(tmp_path / "out" / "results.parquet").to_pylist()[0]
    alike = [example for example in ready.examples if len(example.ids) == len(ready.examples[0].ids)]
    decisions = [bert.decide(example) for example in alike]
    found = measure(bert, alike, decisions, ready.resampler, draws=FEW, seed=0)[0]
    assert record["text"] == ready.examples[0].text and record["predicted"] == decisions[0].label
    for name, value in asdict(found).items():
        if name != "p_luck":  # of single texts only
            assert record[name] == (list(value) if isinstance(value, tuple) else value), name
    assert found.words == len(ready.examples[0].units)
    assert 0 <= found.share <= 1 and found.spread > 0
    assert sum(found.shown) == pytest.approx(1) and 0 < found.sink < 1


def test_spread_and_halves_are_those_of_the_replacements(data: Path, bert: TextSubject) -> None:
    """From the draws themselves, made again in the order in which `measure` makes them."""
    ready = prepared(data, bert)
    example = ready.examples[-1]
    decision = bert.decide(example)
    found = measure(bert, [example], [decision], ready.resampler, draws=FEW, seed=5)[0]
    generator = torch.Generator().manual_seed(5)
    others = bert.scores(ready.resampler.shuffled(example, FEW.like, generator), decision.target).margin
    assert found.spread == pytest.approx(float((others - decision.margin).square().mean() / 2), rel=1e-3)
    assert found.reach == pytest.approx(float((others - decision.margin).abs().mean()), rel=1e-3)
    row = read_row(bert, example.ids[None], torch.tensor([decision.target]), readout=decision.readout)
    content = Content.of([example])
    walked = effects_in_context(row, [example], content, ready.resampler, walks=FEW.replacements, generator=generator)
    assert found.share == pytest.approx(float(walked.share[0]), abs=1e-4)
    shares = content.shares(row.read_by())[0].double().numpy()
    for half, falls in enumerate(walked.falls[0]):  # of two walks, each is a round
        effects = falls.abs().double().numpy()
        large = np.where(effects > effects.max() / 20, effects, 0)
        lesser = min(gini_correlation(effects, shares), gini_correlation(shares, large))
        assert found.input_rank_halves[half] == pytest.approx(lesser, abs=1e-3)


def test_a_study_that_lost_a_part_or_its_end_is_made_whole_byte_by_byte(
    data: Path, bert: TextSubject, tmp_path: Path
) -> None:
    study(prepared(data, bert), tmp_path / "whole")
    study(prepared(data, bert), tmp_path / "out")
    wanted = files(tmp_path / "whole")
    assert files(tmp_path / "out") == wanted
    first = tmp_path / "out" / "parts" / "00000.parquet"
    first.write_bytes(first.read_bytes()[:100])
    (tmp_path / "out" / "summary.json").unlink()
    study(prepared(data, bert), tmp_path / "out")
    assert files(tmp_path / "out") == wanted


def test_a_folder_of_another_study_is_refused(data: Path, bert: TextSubject, tmp_path: Path) -> None:
    study(prepared(data, bert), tmp_path / "out")
    with pytest.raises(InputError, match="has another study: seed"):
        study(prepared(data, bert, seed=1), tmp_path / "out")


def test_the_command_prints_the_answer_and_where_the_results_are(data: Path, saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = [
        "study",
        str(data),
        "--model",
        str(saved / "bert"),
        "--out",
        str(out),
        "--replacements",
        "2",
        "--methods",
        "none",
    ]
    done = CliRunner().invoke(main, [*arguments, "--no-texts"])
    assert done.exit_code == 0, done.output
    assert "attention  inconclusive" in done.stdout and f"results    {out}" in done.stdout
    assert "12 examples are too few" in done.stdout
    assert (out / "summary.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.csv"], "nowhere.csv"),
        (["{data}", "--text-column", "body"], "body"),
        (["{data}", "--model", "./no-such-model"], "there is no folder or file ./no-such-model"),
    ],
)
def test_what_can_t_be_used_is_said_in_one_line(data: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    arguments = [argument.format(data=data) for argument in arguments]
    done = CliRunner().invoke(main, ["study", *arguments, "--out", str(tmp_path / "out")])
    assert done.exit_code == 2 and said in done.stderr
    assert done.stderr.count("\n") == 1 and not (tmp_path / "out").exists()


@pytest.fixture
def place() -> Iterator[None]:
    """A method whose scores are a word's place: later words first, as in the trivial baseline; their signs vary."""

    @register("place", about="Where the word stands.", gradient_passes=0)
    def place(subject: Subject, example: Example, decision: Decision, shared: Shared) -> Attribution:
        scores = torch.tensor([(-1.0) ** unit * unit for unit in range(len(example.units))])
        return Attribution("place", "perturbation", True, scores, example.spread(scores))

    yield
    unregister("place")


def test_a_method_of_ones_own_is_put_to_the_test(data: Path, bert: TextSubject, tmp_path: Path, place: None) -> None:
    ready = prepare(bert, read_rows(data), object_key="method:place", draws=FEW)
    found = study(ready, tmp_path / "out")
    assert [each["name"] for each in found["verdict"]["components"]] == ["input rank", "top"]
    assert found["object"] == "the magnitude of each word's score by the method 'place'"
    assert found["study"]["options"]["object"] == "method:place" and found["error_rate"] is None
    failures = [each["failure"] for each in found["verdict"]["components"]]
    assert failures[1] == "the words that this method ranks first do no more than random words"
    records = pq.read_table(tmp_path / "out" / "results.parquet").to_pylist()
    assert [record["input_ways"][0] for record in records] == [record["position_rank"] for record in records]
    assert all(record["top"] is not None for record in records)
    assert {record[name] for record in records for name in ("use", "rank", "p_luck", "share", "sink")} == {None}
    page = render_study(found, records)
    assert "Do the scores of “place” show which words this model’s decisions depend on?" in page
    assert "Do words with larger scores matter more?" in page and "Place ranks the words" in page


def test_a_method_is_named_on_the_command_line(data: Path, saved: Path, tmp_path: Path, place: None) -> None:
    def run(key: str) -> Result:
        options = ["--model", str(saved / "bert"), "--object", key, "--limit", "4", "--methods", "none", "--no-texts"]
        return CliRunner().invoke(main, ["study", str(data), "--out", str(tmp_path / "out"), *options])

    assert run("method:place").stdout.startswith("place      inconclusive\n")
    refused = run("method:nowhere")
    assert refused.exit_code == 2 and refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("Error: there is no method 'nowhere'; there are last-layer attention, attention ")
    assert refused.stderr.endswith("rarer first, place, and the sets all, fast, usual\n")


def test_other_objects_have_their_own_words_and_no_error_rate(data: Path, bert: TextSubject, tmp_path: Path) -> None:
    for key, parts in (("rollout", ["rank", "input rank", "top"]), ("head:0.1", list(BARS))):
        ready = prepare(bert, read_rows(data), object_key=key, draws=FEW)
        found = study(ready, tmp_path / key.replace(":", "-"))
        assert [each["name"] for each in found["verdict"]["components"]] == parts
        assert found["object"] == object_of_study(key).name and found["claim"] == object_of_study(key).claim
        assert found["study"]["options"]["object"] == key and found["error_rate"] is None
    with pytest.raises(InputError, match=r"the model has no head:0\.99; it has layers 0 to"):
        prepare(bert, read_rows(data), object_key="head:0.99")
    with pytest.raises(InputError, match="there is no object 'median'"):
        prepare(bert, read_rows(data), object_key="median")
