"""Sanity checks of a study's ranked explanations: what is found, stored and said, and that nothing else changes."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from click.testing import CliRunner
from passes_for_tests import counted

import interpret
from analyses import sanity_checks
from analyses.data_sets.rows import read_rows
from analyses.explanations.attribution import Attribution
from analyses.explanations.methods import register, unregister
from analyses.studies.fingerprint import fingerprint_of
from analyses.studies.prepared import Prepared, prepare
from analyses.studies.sanity.columns import checked_rows, sanity_columns
from analyses.studies.sanity.schema import SanityDict
from analyses.studies.schema import StudyDict
from analyses.studies.study import study
from analyses.verdicts.measurement import Draws
from interpret.cli import main
from interpret.cli.sanity import sanity_lines
from interpret.errors import InputError
from interpret.subjects.text import TextSubject

FEW = Draws(permutations=2, replacements=2, orders=2)
TEXTS = (
    "a gripping , funny and moving film", "dull and slow , without a plot at all", "the cast is warm and very clever",
    "not a good film , for it never ends and the plot is thin", "a tender and beautiful picture of a family at work",
    "the worst of all this year , and the longest", "slow at first , then wonderful to the very end",
    "an awful script , but the cast is superb and the music is moving", "flat , boring and far too long for its plot",
)  # fmt: skip
NAMES = ["saliency", "word place"]


@pytest.fixture(scope="module", autouse=True)
def word_place() -> Iterator[None]:
    """A method that looks at places and at nothing of the model."""

    @register("word place", about="Later {many} first.", gradient_passes=0)
    def place(subject, example, decision, shared):  # type: ignore[no-untyped-def]
        return Attribution.from_scores("word place", example, list(range(len(example.units))))

    yield
    unregister("word place")


@pytest.fixture(scope="module")
def shipped() -> TextSubject:
    loaded = interpret.load()
    assert isinstance(loaded, TextSubject)
    return loaded


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sanity")
    (path / "data.csv").write_text("text\n" + "".join(f'"{text}"\n' for text in TEXTS))
    return path


@pytest.fixture(scope="module")
def data(folder: Path) -> Path:
    return folder / "data.csv"


@pytest.fixture(scope="module")
def found(data: Path, folder: Path, shipped: TextSubject, word_place: None) -> StudyDict:
    """A study of nine texts, one of which is checked."""
    return study(prepared(data, shipped, 1), folder / "checked")


def prepared(data: Path, subject: TextSubject, sanity: int | None, names: list[str] = NAMES) -> Prepared:
    return prepare(subject, read_rows(data), draws=FEW, methods=names, sanity=sanity)


def records(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(folder / "results.parquet").to_pylist()
    return found


def sanity_of(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name.startswith("sanity_")}


def checks_of(found: StudyDict) -> SanityDict:
    assert found["ranking"] is not None
    return found["ranking"]["sanity"]


def test_a_method_that_ignores_the_model_is_blind_and_a_gradient_is_not(found: StudyDict, folder: Path) -> None:
    sanity, stored = checks_of(found), records(folder / "checked")
    (checked,) = (record for record in stored if record["sanity_methods"] is not None)
    assert stored.index(checked) == 4 and sanity["rows"] == [checked["row"]] and sanity["left_out"] == {}
    blind = sanity["methods"]["word place"]
    assert blind["finding"] == "blind" and blind["shuffled"]["low"] == pytest.approx(1) and blind["changed_by"] == []
    assert sanity["methods"]["saliency"]["finding"] != "blind"
    assert sanity["stages"] == ["head", "layer 3", "layer 2", "layer 1", "embeddings"]
    names = checked["sanity_methods"]
    cascade = np.reshape(checked["sanity_cascade"], (len(names), 2, 5))[names.index("saliency")]
    assert sanity["methods"]["saliency"]["cascade"] == pytest.approx(cascade.mean(axis=0))
    assert all(value is None for each in stored if each is not checked for value in sanity_of(each).values())


def test_it_is_what_sanity_checks_find(found: StudyDict, data: Path, shipped: TextSubject) -> None:
    ready = prepared(data, shipped, 1)
    wanted = sanity_checks(shipped, ready.examples[4], NAMES, draws=2, noises=2, seed=4)  # 4: the row
    assert ready.checked == (4,)
    for row in wanted.rows:
        each = checks_of(found)["methods"][row.method]
        assert each["cascade"] == pytest.approx(list(row.cascade)) and each["checks"] == pytest.approx(row.checks)
        assert each["shuffled"]["mean"] == pytest.approx(row.shuffled.mean) and each["shuffled"]["count"] == 2
        assert each["smooth"]["mean"] == pytest.approx(row.smooth.mean) and each["said"] == row.sentence()


def test_checks_change_nothing_else_and_without_them_a_study_is_as_before(
    found: StudyDict, data: Path, folder: Path, shipped: TextSubject
) -> None:
    none = study(prepared(data, shipped, 0), folder / "none")
    assert fingerprint_of(prepared(data, shipped, None)) == none["study"]  # the usual, of so few texts
    for file in ("study.json", "results.parquet", "summary.json"):
        assert b"sanity" not in (folder / "none" / file).read_bytes()
    for one, other in zip(records(folder / "checked"), records(folder / "none"), strict=True):
        assert {name: value for name, value in one.items() if name not in sanity_of(one)} == other
    options = found["study"]["options"]
    assert (options["sanity_texts"], options["sanity_draws"], options["sanity_noises"]) == (1, 2, 2)
    ranking = found["ranking"]
    assert ranking is not None
    assert {name: value for name, value in ranking.items() if name != "sanity"} == none["ranking"]


def test_a_study_that_lost_a_part_is_made_whole_byte_by_byte(
    found: StudyDict, data: Path, folder: Path, shipped: TextSubject
) -> None:
    out = folder / "checked"
    wanted = {name: (out / name).read_bytes() for name in ("results.parquet", "summary.json")}
    (out / "parts" / "00001.parquet").unlink()  # where no text is checked, so that its columns have no type
    (out / "summary.json").unlink()
    study(prepared(data, shipped, 1), out)
    assert {name: (out / name).read_bytes() for name in wanted} == wanted
    with pytest.raises(InputError, match=r"has another study: options.sanity_texts was 1 and is now 2;"):
        study(prepared(data, shipped, 2), out)


def test_weights_that_cannot_be_shuffled_leave_the_ranking(data: Path, bert: TextSubject, tmp_path: Path) -> None:
    packed = torch.nn.Parameter(torch.ones(2, dtype=torch.int8), requires_grad=False)
    bert.model.register_parameter("packed", packed)
    few = tmp_path / "few.csv"
    few.write_text("\n".join(data.read_text().splitlines()[:3]))
    sanity = checks_of(study(prepared(few, bert, 2, ["saliency"]), tmp_path / "out"))
    assert sanity["methods"] == {} and len(sanity["rows"]) == 2
    assert sanity["left_out"] == {
        "sanity checks": (
            "weights must be numbers in memory to be shuffled, and some are torch.int8 on cpu; load the model without "
            "quantization and without offloading"
        )
    }


def test_the_texts_are_spread_over_lengths() -> None:
    assert checked_rows(3, 200, is_ranked=True) == checked_rows(None, 200, is_ranked=True) == (33, 100, 166)
    assert checked_rows(9, 9, is_ranked=True) == tuple(range(9)) and checked_rows(1, 2, is_ranked=True) == (1,)
    assert checked_rows(None, 49, is_ranked=True) == checked_rows(None, 200, is_ranked=False) == ()
    assert len(checked_rows(None, 50, is_ranked=True)) == 3 and checked_rows(0, 50, is_ranked=True) == ()


def test_what_cannot_be_checked_is_refused(data: Path, shipped: TextSubject) -> None:
    with pytest.raises(InputError) as error:
        prepared(data, shipped, 10)
    assert str(error.value) == "sanity checks can be made on 0 to 9 texts of this study, not on 10"
    with pytest.raises(InputError) as error:
        prepared(data, shipped, 2, [])
    assert str(error.value) == (
        "sanity checks are of ranked explanations, and none are ranked; rank some, or check 0 texts"
    )


def test_the_plan_prices_the_checks(data: Path, shipped: TextSubject) -> None:
    names = ["saliency", "leave-one-out"]
    ready = prepared(data, shipped, 1, names)
    with counted(shipped) as total:
        columns = sanity_columns(
            shipped, ready.examples[4], shipped.decide(ready.examples[4]), names, is_checked=True, seed=0
        )
    assert "leave-one-out" in columns["sanity_methods"]
    longest = max(len(example.ids) for example in ready.examples)
    planned = ready.plan().passes - prepared(data, shipped, 0, names).plan().passes
    assert total[0] / longest == pytest.approx(planned, rel=0.35)


def test_the_lines_of_the_command_say_what_is_found(found: StudyDict) -> None:
    assert found["ranking"] is not None
    said = sanity_lines(found["ranking"])
    assert re.fullmatch(r"sanity     With all .* weights shuffled, .*1 stays the same.* \(1 text\)\.", said[0])
    assert (
        "           Word place is blind to the model's weights: all shuffled, its map stays (rank correlation 1.00 "
        "[1.00, 1.00])."
    ) in said[1:]
    unchecked: Any = {name: value for name, value in found["ranking"].items() if name != "sanity"}
    assert sanity_lines(unchecked) == []
    failed: Any = {**found["ranking"], "sanity": {**checks_of(found), "methods": {}, "left_out": {"a": "it is so"}}}
    assert sanity_lines(failed) == ["sanity     No explanation could be checked: it is so."]


def test_the_command_takes_the_number_of_texts(data: Path, tmp_path: Path) -> None:
    arguments = ["study", str(data), "--methods", "saliency", "--out", str(tmp_path / "out"), "--plan", "--sanity"]
    plans = {}
    for number in ("0", "2", "10"):
        plans[number] = CliRunner().invoke(main, [*arguments, number])
    passes = [int(re.findall(r"([\d,]+) passes", plans[number].output)[0].replace(",", "")) for number in ("0", "2")]
    assert passes[1] > passes[0] and plans["10"].exit_code == 2
    assert "sanity checks can be made on 0 to 9 texts of this study, not on 10" in plans["10"].output
