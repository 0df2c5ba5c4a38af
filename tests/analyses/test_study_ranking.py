"""Explanations ranked by a study: stored text by text, taken up again, and summarised."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from passes_for_tests import counted
from scipy.stats import kendalltau

from analyses.costs.method_costs import method_costs
from analyses.data_sets.rows import read_rows
from analyses.explanations.attribution import Attribution
from analyses.explanations.methods import explain, register, unregister
from analyses.ranking.judge import judge_explanations
from analyses.ranking.max_sensitivity import max_sensitivity
from analyses.ranking.measures_of_study import chosen_measures
from analyses.studies.prepared import Prepared, prepare
from analyses.studies.study import study
from analyses.verdicts.measurement import Draws
from interpret.cli import main
from interpret.errors import CaptureError, InputError
from interpret.subjects.text import TextSubject
from reports.study.page import render_study
from reports.study.ranking import FAR_FROM_ZERO

FEW = Draws(permutations=3, replacements=2, orders=3)
NAMES = ["last-layer attention", "saliency"]
TEXTS = (
    "the cat sat on the mat", "a quiet film , slow at first", "the old boat had come back", "the soup was cold now",
    "nobody knew why the rain kept falling on the old boat", "the bread was dry but the cake was wonderful at first",
    "a wonderful film", "don't forget your gloves , she said", "the harbour was quiet at first",
)  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text("text\n" + "".join(f'"{text}"\n' for text in TEXTS))
    return path


def prepared(data: Path, subject: TextSubject, names: list[str] = NAMES) -> Prepared:
    return prepare(subject, read_rows(data), draws=FEW, methods=names)


def test_a_record_has_what_judging_its_text_gives(data: Path, bert: TextSubject, tmp_path: Path) -> None:
    ready = prepared(data, bert)
    study(ready, tmp_path / "out")
    row, record = 3, pq.read_table(tmp_path / "out" / "results.parquet").to_pylist()[3]
    example = ready.examples[row]
    maps = [explain(bert, example, name) for name in NAMES]
    judged = judge_explanations(bert, example, None, maps, eraser="delete", seed=row)
    assert record["ranked_methods"] == [*NAMES, "random orders"]
    assert record["ranked_families"] == ["attention", "gradient", "baseline"]
    for name in ("comprehensiveness", "sufficiency", "LDS", "sensitivity-n", "infidelity"):
        assert record[f"ranking_{name}"][:2] == pytest.approx(judged.values[name].tolist(), abs=1e-4)
        assert record[f"ranking_{name}"][2] == pytest.approx(float(judged.random[name].mean()), abs=1e-4)
    assert record["ranking_input_rank"][0] == pytest.approx(record["input_rank"], abs=1e-6)  # the verdict's own
    halves = zip(record["ranking_comprehensiveness"], record["ranking_sufficiency"], strict=True)
    assert record["ranking_faithfulness"] == pytest.approx([sum(pair) / 2 for pair in halves], abs=1e-6)
    wanted = kendalltau(maps[0].scores.numpy(), maps[1].scores.numpy()).statistic
    assert record["ranked_tau"][0] == pytest.approx(wanted, abs=1e-6) and record["ranked_tau"][1:] == [None, None]
    assert record["ranked_left_out"] == ["", "", ""]


def test_the_summary_is_over_the_records(data: Path, bert: TextSubject, tmp_path: Path) -> None:
    ready, costs = prepared(data, bert), []
    found = study(ready, tmp_path / "out", costed=costs.append)["ranking"]
    assert found is not None and found["primary"] == "faithfulness" and found["texts"] == 9
    assert found["instead"] == "9 texts are too few to name an explanation; it takes 50."
    records = pq.read_table(tmp_path / "out" / "results.parquet").to_pylist()
    for each in found["methods"]:
        place = [*NAMES, "random orders"].index(each["name"])
        values = [record["ranking_faithfulness"][place] for record in records]
        known = [value for value in values if value is not None]
        assert each["means"]["faithfulness"]["mean"] == pytest.approx(np.mean(known), abs=1e-6)
        assert each["means"]["faithfulness"]["undefined"] == len(values) - len(known)
        assert (each["over_attention"] is None) == (each["name"] == "last-layer attention")
    floor = next(each for each in found["methods"] if each["name"] == "random orders")
    assert floor["is_floor"] and floor["means"]["faithfulness"]["mean"] == pytest.approx(0, abs=1e-6)
    saliency = next(each for each in found["methods"] if each["name"] == "saliency")
    assert (saliency["passes"], saliency["gradient_passes"]) == (0, 1) and "{" not in saliency["about"]
    middle = ready.examples[4]  # of nine, in the order of their lengths
    again = method_costs(bert, middle, NAMES, runs=1)
    assert found["cost_text"] == {
        "row": ready.rows.numbers[4], "words": len(middle.units), "tokens": len(middle.ids),
        "flops": again.plain_pass.flops, "memory": again.plain_pass.memory,
    }  # fmt: skip
    assert (saliency["work"], saliency["memory"]) == (again.row("saliency").work, again.row("saliency").memory)
    assert [row.seconds > 0 for row in costs[0].rows] == [True, True] and "seconds" not in str(found)
    assert (floor["passes"], floor["work"], floor["memory"]) == (None, None, None)


def test_a_study_that_lost_a_part_is_made_whole_byte_by_byte(data: Path, bert: TextSubject, tmp_path: Path) -> None:
    study(prepared(data, bert), tmp_path / "out")
    wanted = {name: (tmp_path / "out" / name).read_bytes() for name in ("results.parquet", "summary.json")}
    (tmp_path / "out" / "parts" / "00001.parquet").unlink()
    (tmp_path / "out" / "summary.json").unlink()
    study(prepared(data, bert), tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in wanted} == wanted
    with pytest.raises(InputError, match=r"has another study: options.methods was .* and is now .*"):
        study(prepared(data, bert, [*NAMES, "input x gradient"]), tmp_path / "out")


def test_a_study_without_a_ranking_is_as_before(data: Path, bert: TextSubject, tmp_path: Path) -> None:
    found = study(prepared(data, bert, []), tmp_path / "out")
    assert found["ranking"] is None and "methods" not in found["study"]["options"]
    assert not any("rank" in name and name.startswith("rank") and "ing_" in name for name in _columns(tmp_path / "out"))


def _columns(folder: Path) -> list[str]:
    return list(pq.read_table(folder / "results.parquet").column_names)


def test_a_method_of_ones_own_is_known_by_its_code_and_one_that_fails_is_left_out(
    data: Path, bert: TextSubject, tmp_path: Path
) -> None:
    @register("place", about="Later {many} first.", gradient_passes=0)
    def place(subject, example, decision, shared):  # type: ignore[no-untyped-def]
        return Attribution.from_scores("place", example, list(range(len(example.units))))

    @register("blind", about="Reads nothing.", gradient_passes=0)
    def blind(subject, example, decision, shared):  # type: ignore[no-untyped-def]
        raise CaptureError("this model has nothing to read")

    try:
        ready = prepared(data, bert, ["place", "blind"])
        found = study(ready, tmp_path / "out")
        digests = found["study"]["options"]["own_methods"]
        assert set(digests) == {"place", "blind"} and len(set(digests.values())) == 2
        ranking = found["ranking"]
        assert ranking is not None and ranking["left_out"] == {"blind": "this model has nothing to read"}
        assert {each["name"] for each in ranking["methods"]} == {"last-layer attention", "place", "random orders"}
        plan = ready.plan()
    finally:
        unregister("place")
        unregister("blind")
    assert plan.passes > prepared(data, bert, []).plan().passes


def test_the_plan_prices_the_ranking(data: Path, bert: TextSubject, tmp_path: Path) -> None:
    ready, plans = prepared(data, bert, ["fast"]), []
    with counted(bert) as total:
        study(ready, tmp_path / "out", planned=plans.append)
    longest = max(len(example.ids) for example in ready.examples)
    assert total[0] / longest == pytest.approx(plans[0].passes, rel=0.35)


def test_the_command_ranks_by_default_and_says_so(data: Path, saved: Path, tmp_path: Path) -> None:
    def ran(*options: str) -> str:
        arguments = ["study", str(data), "--model", str(saved / "bert"), "--replacements", "2", "--no-texts"]
        done = CliRunner().invoke(main, [*arguments, *options])
        assert done.exit_code == (2 if "," in options[-1] or options[-1] == "nonsense" else 0), done.output
        return done.output

    said = ran("--out", str(tmp_path / "fast"))
    assert "instead    9 texts are too few to name an explanation; it takes 50." in said
    assert "worse than chance on " in said and "saliency" in said
    assert re.search(r"saliency .* costs 2\.\d+ x a pass, .* [kM]?B, .* s\n", said)
    summary = json.loads((tmp_path / "fast" / "summary.json").read_text())
    assert summary["study"]["options"]["methods"][0] == "last-layer attention"
    assert summary["study"]["options"]["ranking_eraser"] == "delete"
    assert "instead" not in ran("--out", str(tmp_path / "none"), "--methods", "none")
    wrong = ran("--out", str(tmp_path / "x"), "--methods", "none,saliency")
    assert "--methods was none, saliency; give none alone, or without it the names to rank" in wrong
    assert "there is no method 'nonsense'" in ran("--out", str(tmp_path / "x"), "--methods", "nonsense")


FURTHER = ["soft comprehensiveness", "max-sensitivity"]


def test_further_measures_are_taken_where_they_are_asked_for(data: Path, bert: TextSubject, tmp_path: Path) -> None:
    def ready(*measures: str) -> Prepared:
        return prepare(bert, read_rows(data), draws=FEW, methods=NAMES, measures=measures)

    study(ready("usual"), tmp_path / "usual")
    assert "measures" not in json.loads((tmp_path / "usual" / "study.json").read_text())["options"]
    asked, plans = ready("usual", *FURTHER), []
    with counted(bert) as total:
        summary = study(asked, tmp_path / "more", planned=plans.append)
    longest = max(len(example.ids) for example in asked.examples)
    assert total[0] / longest == pytest.approx(plans[0].passes, rel=0.35)
    assert plans[0].passes > 3 * ready("usual").plan().passes
    row, records = 3, pq.read_table(tmp_path / "more" / "results.parquet").to_pylist()
    example = asked.examples[row]
    maps = [explain(bert, example, name, eraser="delete") for name in NAMES]
    soft = judge_explanations(bert, example, None, maps, eraser="delete", soft=10, seed=row)
    got = records[row]["ranking_soft_comprehensiveness"]
    assert got[:2] == pytest.approx(soft.values["soft comprehensiveness"].tolist(), abs=1e-4)
    assert got[2] == pytest.approx(float(soft.random["soft comprehensiveness"].mean()), abs=1e-4)
    alone = [max_sensitivity(bert, example, None, name, seed=row, eraser="delete") for name in NAMES]
    *moves, of_random = records[row]["ranking_max-sensitivity"]
    assert moves == pytest.approx(alone, rel=1e-3) and of_random is None
    found = summary["ranking"]
    assert found is not None and [each["name"] for each in found["measures"]][-2:] == FURTHER
    page = render_study(summary, records, linked=[], command="interpret study data.csv")
    (soft_chart, *others) = re.findall(r"<h3>(?:Soft|Max).*?</p>", page, re.DOTALL)
    assert FAR_FROM_ZERO in soft_chart and len(others) == 1 and FAR_FROM_ZERO not in others[0]
    plain = pq.read_table(tmp_path / "usual" / "results.parquet").to_pylist()
    assert all(
        record.items() >= {**other, "ranked_passes": record["ranked_passes"]}.items()
        for record, other in zip(records, plain, strict=True)
    )
    wanted = {name: (tmp_path / "more" / name).read_bytes() for name in ("results.parquet", "summary.json")}
    (tmp_path / "more" / "parts" / "00001.parquet").unlink()
    (tmp_path / "more" / "summary.json").unlink()
    study(ready("usual", *FURTHER), tmp_path / "more")
    assert {name: (tmp_path / "more" / name).read_bytes() for name in wanted} == wanted


def test_measures_are_chosen_by_name_and_the_one_that_ranks_is_always_there() -> None:
    assert [each.name for each in chosen_measures(["LDS"])] == ["faithfulness", "LDS"]
    assert [each.name for each in chosen_measures(["all"])][7:] == [FURTHER[0], "soft sufficiency", FURTHER[1]]
    with pytest.raises(InputError) as error:
        chosen_measures(["usual", "AUC"])
    assert str(error.value) == (
        "there is no measure 'AUC'; there are faithfulness, comprehensiveness, sufficiency, input rank, LDS, "
        "sensitivity-n, infidelity, soft comprehensiveness, soft sufficiency, max-sensitivity, and the sets usual, all"
    )


def test_the_command_takes_further_measures(data: Path, saved: Path, tmp_path: Path) -> None:
    arguments = ["study", str(data), "--model", str(saved / "bert"), "--replacements", "2", "--no-texts"]
    arguments += ["--methods", "saliency", "--out", str(tmp_path / "out")]
    wrong = CliRunner().invoke(main, [*arguments, "--measures", "AUC"])
    assert wrong.exit_code == 2 and "there is no measure 'AUC'; there are faithfulness, " in wrong.output
    done = CliRunner().invoke(main, [*arguments, "--measures", "max-sensitivity"])
    assert done.exit_code == 0, done.output
    assert re.search(r"\n +max-sensitivity \(less is better\): \S.* 0\.\d\d, .* \d\.\d\d\n", done.output)
    (line,) = (each for each in done.output.splitlines() if "max-sensitivity (less is better)" in each)
    values = [float(each) for each in re.findall(r"\d\.\d\d", line)]
    assert len(values) == 2 and values[0] < values[1]
    page, chart = (tmp_path / "out" / "report.html").read_text(), "<h3>Max-sensitivity (less is better)</h3>"
    assert chart in page and '<th scope="col">max-sensitivity (less is better)</th>' in page
    shown = page.partition(chart)[2].partition("</table>")[0]
    assert re.findall(r'scope="row">([^<]*)</th>', shown)[0] in ("saliency", "last-layer attention")
    assert shown.count("<circle") == 2 and "random orders" not in shown  # which read nothing that could move
