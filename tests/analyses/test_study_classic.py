"""A study with the classic tests: what is stored for each text, what is added up, and that the verdict is the same."""

import json
import math
import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from saved_models import SENTENCES

from analyses.classic.battery import ClassicTests, classic_tests
from analyses.data_sets.rows import read_rows
from analyses.export.json_schema import json_schema
from analyses.resumable.parts import packed, table_of, unpacked
from analyses.studies.classic_columns import classic_columns, classic_of
from analyses.studies.prepared import Prepared, prepare
from analyses.studies.schema import StudyDict
from analyses.studies.study import study
from analyses.verdicts.measurement import Draws
from interpret.cli import main
from interpret.errors import InputError
from interpret.subjects.text import TextSubject

FEW = Draws(permutations=3, replacements=2, orders=3)
STEPS = 3
WORDS = [word.strip(".,;") for sentence in SENTENCES for word in sentence.split()]
WHOLE = ClassicTests(
    words=4, tokens=5, eraser="delete", attention_gradient=0.5, attention_leave_one_out=math.nan,
    gradient_leave_one_out=-0.25, permutation=0.125, max_attention=0.5, conicity=0.25, divergence=0.375, feasible=4,
    restarts=5, top_flips=True, other_flips=False, divergence_difference=-0.0625, weight_difference=0.25,
    removed={"attention": 0.5, "gradient": math.nan, "attention x gradient": 0.25, "ascending attention": 1.0},
    random=(0.75, math.nan), uniform_margin_change=-0.5, uniform_probability_change=-0.125, uniform_flips=False,
    violated={"attention": False, "attention x gradient": True, "attention x norm": False},
    identifiability=(1.0, math.nan), is_identifiable=(True, False),
)  # fmt: skip
SHORT = replace(
    WHOLE, words=1, tokens=1, top_flips=None, other_flips=None, divergence_difference=math.nan, random=(),
    removed=dict.fromkeys(WHOLE.removed, math.nan),
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine texts of two to five words."""
    choose = random.Random(3)
    path = tmp_path_factory.mktemp("data") / "data.csv"
    path.write_text("text\n" + "".join(f"{' '.join(choose.choices(WORDS, k=2 + n % 4))}\n" for n in range(9)))
    return path


def prepared(data: Path, subject: TextSubject, *, classic: bool) -> Prepared:
    return prepare(subject, read_rows(data), draws=FEW, seed=2, classic=classic)


def records(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / "results.parquet").to_pylist()
    return found


@pytest.mark.parametrize("found", [WHOLE, SHORT])
def test_columns_can_be_stored_and_give_the_tests_back(found: ClassicTests) -> None:
    columns = classic_columns(found)
    assert all(name.startswith("classic_") for name in columns)
    assert "classic_removed_attention_x_gradient" in columns and "classic_violated_attention_x_norm" in columns
    stored = unpacked(packed(table_of([{"row": 1, **columns}, {"row": 2, **classic_columns(WHOLE)}]), {}))
    assert stored is not None
    first, second = stored[0].to_pylist()
    again = classic_of(first)
    assert again is not None and again.to_dict() == found.to_dict()
    assert list(again.removed) == list(found.removed) and list(again.violated) == list(found.violated)
    assert classic_of(second).to_dict() == WHOLE.to_dict()  # type: ignore[union-attr]


def test_each_field_has_columns_and_other_columns_are_no_tests() -> None:
    nested = {"removed", "violated"}
    columns = set(classic_columns(WHOLE))
    assert {f"classic_{field.name}" for field in fields(ClassicTests)} - columns == {f"classic_{n}" for n in nested}
    assert len(columns) == len(fields(ClassicTests)) - len(nested) + len(WHOLE.removed) + len(WHOLE.violated)
    assert classic_of({"row": 1, "text": "a classic", "use": 0.5}) is None


@pytest.fixture(scope="module", autouse=True)
def short_search() -> Iterator[None]:
    """The search takes most of the time, and other tests look at it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analyses.studies.prepared.ADVERSARY_STEPS", STEPS)
        yield


@pytest.fixture(scope="module")
def finished(data: Path, saved: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A study with the classic tests, and its summary."""
    import interpret

    out = tmp_path_factory.mktemp("classic") / "out"
    return out, study(prepared(data, interpret.load(saved / "bert"), classic=True), out)


def test_a_record_has_what_the_battery_says_of_its_text(
    finished: tuple[Path, dict[str, Any]], data: Path, bert: TextSubject
) -> None:
    ready = prepared(data, bert, classic=True)
    stored = records(finished[0])
    for row in (0, 8):
        example = ready.examples[row]
        seed = 2 * 1_000_003 + row
        alone = classic_tests(bert, example, bert.decide(example), seed=seed, eraser="delete", adversary_steps=STEPS)
        assert stored[row]["text"] == example.text
        assert classic_of(stored[row]).to_dict() == alone.to_dict()  # type: ignore[union-attr]


def test_the_summary_adds_them_up(finished: tuple[Path, dict[str, Any]]) -> None:
    out, summary = finished
    stored, found = records(out), summary["classic"]
    assert json.loads((out / "summary.json").read_text())["classic"] == found and found["texts"] == len(stored) == 9
    for name, entry in found["means"].items():
        values = [record[f"classic_{name}"] for record in stored if record[f"classic_{name}"] is not None]
        assert entry["mean"] == pytest.approx(np.mean(values)) and entry["count"] == len(values)
        assert entry["undefined"] == 9 - len(values)
    pairs = [(record["classic_top_flips"], record["classic_other_flips"]) for record in stored]
    cells = {(True, True): "both", (True, False): "top_only", (False, True): "other_only", (False, False): "neither"}
    for pair, cell in cells.items():
        assert found["flips"][cell] == pairs.count(pair)
    assert found["uniform_flips"]["mean"] == pytest.approx(np.mean([r["classic_uniform_flips"] for r in stored]))
    for name in ("attention", "attention x gradient", "attention x norm"):
        against = [record[f"classic_violated_{name.replace(' ', '_')}"] for record in stored]
        assert found["violations"][name]["mean"] == pytest.approx(np.mean(against))
    assert (found["rankings"][0]["first"], found["rankings"][0]["second"]) == ("attention", "random")
    assert all(each["adjusted"] is None or each["adjusted"] >= each["p_value"] for each in found["rankings"])


def test_every_field_of_it_is_written_down(finished: tuple[Path, dict[str, Any]]) -> None:
    documented = set(re.findall(r"[a-z_0-9]+", json.dumps(json_schema(StudyDict))))
    found = finished[1]["classic"]
    names = set(found) | set(found["means"]) | set(found["flips"]) | set(found["rankings"][0]) | set(found["free"])
    assert names <= documented


def test_all_else_is_as_without_them(
    finished: tuple[Path, dict[str, Any]], data: Path, bert: TextSubject, tmp_path: Path
) -> None:
    ready = prepared(data, bert, classic=False)
    plain = study(ready, tmp_path / "out")
    asked = dict(finished[1]["study"]["options"])
    assert asked.pop("classic_eraser") == "delete" and asked.pop("classic_adversary_steps") == STEPS
    assert plain["study"]["options"] == asked
    assert plain["classic"] is None
    differing = {name for name in plain if plain[name] != finished[1][name]}
    assert differing == {"study", "classic"}
    own = [{n: v for n, v in record.items() if not n.startswith("classic_")} for record in records(finished[0])]
    assert own == records(tmp_path / "out")
    with pytest.raises(InputError, match=r"has another study: options\.classic"):
        study(prepared(data, bert, classic=True), tmp_path / "out")


def test_stopped_and_taken_up_again_it_ends_with_the_same_bytes(
    finished: tuple[Path, dict[str, Any]], data: Path, bert: TextSubject, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(finished[0], tmp_path / "out"))
    (out / "summary.json").unlink()
    (out / "parts" / "00001.parquet").unlink()
    study(prepared(data, bert, classic=True), out)
    for name in ("results.parquet", "summary.json"):
        assert (out / name).read_bytes() == (finished[0] / name).read_bytes()


def test_the_command_runs_them_when_asked_and_the_page_shows_them(data: Path, saved: Path, tmp_path: Path) -> None:
    arguments = [
        "study",
        str(data),
        "--model",
        str(saved / "bert"),
        "--replacements",
        "2",
        "--methods",
        "none",
        "--no-texts",
    ]
    for name, more in (("with", ["--classic"]), ("without", [])):
        done = CliRunner().invoke(main, [*arguments, *more, "--out", str(tmp_path / name)])
        assert done.exit_code == 0, done.output
    shown, plain = ((tmp_path / name / "report.html").read_text(encoding="utf-8") for name in ("with", "without"))
    assert 'href="#classic"' in shown and "What the classic tests say" in shown and "McNemar’s exact test" in shown
    assert 'id="classic"' not in plain and 'href="#classic"' not in plain
    found = json.loads((tmp_path / "with" / "summary.json").read_text())
    assert found["classic"]["texts"] == 9
    assert json.loads((tmp_path / "without" / "summary.json").read_text())["verdict"] == found["verdict"]
