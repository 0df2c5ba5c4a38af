"""Files of results: what stands in them for other programs, and what is refused."""

import json
import struct

import pandas
import pytest
import torch
from results_for_tests import SAMPLES, same, whole
from safetensors import safe_open

import analyses
from analyses.results.plain_data import Data
from analyses.results.saving import SCHEMA, save
from interpret.errors import InputError


def refusal(path):
    with pytest.raises(InputError) as error:
        analyses.read(path)
    return str(error.value)


def test_json_is_made_for_people(tmp_path):
    SAMPLES["HeadImportance"]().save(tmp_path / "heads.json")
    text = (tmp_path / "heads.json").read_text()
    found = json.loads(text)
    assert (found["schema"], found["type"]) == (SCHEMA, "HeadImportance")
    assert found["result"]["ablation"] == "mean"
    assert found["tensors"]["drop"]["dtype"] == "float32" and found["tensors"]["drop"]["shape"] == [2, 3]
    assert found["tensors"]["drop"]["values"][1][2] == "nan"
    assert '"tokens": ["[CLS]", "good", "</script>", "film"]' not in text  # brackets in a text leave its list as it is
    assert '"layers": ["layer 1", "layer 2"]' in text


def test_safetensors_hold_the_tensors_as_they_are(tmp_path):
    result = SAMPLES["Entropy"]()
    result.save(tmp_path / "entropy.safetensors")
    with safe_open(tmp_path / "entropy.safetensors", "pt") as file:
        assert set(file.keys()) == {"nats", "share"}
        assert torch.equal(file.get_tensor("share"), result.share)


def test_parquet_is_read_by_pandas_and_holds_a_table_once(tmp_path):
    result = SAMPLES["Entropy"]()
    result.save(tmp_path / "entropy.parquet")
    assert pandas.read_parquet(tmp_path / "entropy.parquet").equals(result.to_frame())
    own = json.loads(pandas_metadata(tmp_path / "entropy.parquet")[b"interpret"])
    assert own["columns"]["nats"] == {"column": "nats", "shape": [2, 3, 4]}


def pandas_metadata(path):
    from pyarrow import parquet

    return parquet.read_schema(path).metadata


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("suffix", [".json", ".safetensors", ".parquet"])
def test_numbers_of_other_precision_stay_so(dtype, suffix, tmp_path):
    values = torch.tensor([[1 / 3, float("nan")], [float("-inf"), 1e-7]], dtype=dtype)
    result = analyses.HeadGradients(values)
    result.save(tmp_path / f"heads{suffix}")
    assert same(analyses.read(tmp_path / f"heads{suffix}"), result)


@pytest.mark.parametrize("suffix", [".json", ".safetensors", ".parquet"])
def test_the_marks_of_token_ids_stay(suffix, tmp_path):
    from dataclasses import replace

    from interpret.subjects.inputs.token_ids import TokenIds

    ids = TokenIds.of(torch.arange(10), [0] * 9 + [1], [None] * 8 + [0, 1], [1] * 9 + [0])
    result = replace(whole(), example=replace(whole().example, ids=ids))
    result.save(tmp_path / f"analysis{suffix}")
    found = analyses.read(tmp_path / f"analysis{suffix}").example.ids
    assert isinstance(found, TokenIds)
    assert torch.equal(found.plain, torch.arange(10))
    assert (found.types.tolist(), found.unpadded.tolist()) == ([0] * 9 + [1], [1] * 9 + [0])
    assert found.in_second.tolist() == [False] * 9 + [True]


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(InputError) as error:
        SAMPLES["Plan"]().save(tmp_path / "plan.pkl")
    assert str(error.value) == (
        "a result is saved as .json, .safetensors, .parquet, not as 'plan.pkl'; give such a suffix"
    )
    assert list(tmp_path.iterdir()) == []
    assert refusal(tmp_path / "plan.pkl") == "a result is read from .json, .safetensors, .parquet, not from 'plan.pkl'"


def test_a_file_that_is_not_there(tmp_path):
    path = tmp_path / "none.json"
    assert refusal(path) == f"there is no file {str(path)!r}; give one that a result was saved to"


def test_files_of_others_are_refused(tmp_path):
    json_path, tensors, table = (tmp_path / f"theirs{suffix}" for suffix in (".json", ".safetensors", ".parquet"))
    json_path.write_text('{"schema": "something else"}')
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(2)}, tensors)
    pandas.DataFrame({"a": [1]}).to_parquet(table)
    assert refusal(json_path) == f"{json_path}: it wasn't saved by interpret; it has no schema of interpret's"
    for path in (tensors, table):
        assert refusal(path) == f"{path}: it wasn't saved by interpret; there is no description of a result in it"


def test_newer_files_and_unknown_types_are_refused(tmp_path):
    path = tmp_path / "result.json"
    SAMPLES["Plan"]().save(path)
    saved = json.loads(path.read_text())
    path.write_text(json.dumps({**saved, "schema": "interpret-attention/result/2"}))
    assert refusal(path) == (
        f"{path}: it has the schema 'interpret-attention/result/2', which is newer than this version of interpret; "
        "update interpret"
    )
    path.write_text(json.dumps({**saved, "schema": "interpret-attention/analysis/4"}))
    assert "'interpret-attention/analysis/4', which is newer" in refusal(path)
    path.write_text(json.dumps({**saved, "schema": "interpret-attention/calibration/3"}))
    assert refusal(path).startswith(
        f"{path}: it has the schema 'interpret-attention/calibration/3', and what can be read has {SCHEMA}, "
    )
    for name in ("Subject", "load", "os.system", "analyze", "Result", "__builtins__", ["Plan"], None):
        path.write_text(json.dumps({**saved, "type": name}))
        message = refusal(path)
        assert message == f"{path}: it holds a {name!r}, which is no known type of result; import what defines it first"


DAMAGES = {
    "a field of another type": lambda saved: saved["result"].update(passes="many"),
    "a field too many": lambda saved: saved["result"].update(more=1),
    "a field too few": lambda saved: saved["result"].pop("limit"),
    "a list in its place": lambda saved: saved.update(result=[]),
    "no content": lambda saved: saved.pop("result"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_content_is_refused(damage, tmp_path):
    path = tmp_path / "plan.json"
    SAMPLES["Plan"]().save(path)
    saved = json.loads(path.read_text())
    DAMAGES[damage](saved)
    path.write_text(json.dumps(saved))
    message = refusal(path)
    assert message.startswith(f"{path} is damaged (") and message.endswith("); save the result again")


def test_a_missing_field_is_named(tmp_path):
    path = tmp_path / "plan.json"
    SAMPLES["Plan"]().save(path)
    saved = json.loads(path.read_text())
    del saved["result"]["limit"]
    path.write_text(json.dumps(saved))
    assert refusal(path) == f"{path} is damaged (limit is missing); save the result again"


@pytest.mark.parametrize("suffix", [".json", ".safetensors", ".parquet"])
@pytest.mark.parametrize("name", ["HeadImportance", "Alignment"])
def test_half_a_file_is_refused(name, suffix, tmp_path):
    path = tmp_path / f"result{suffix}"
    SAMPLES[name]().save(path)
    content = path.read_bytes()
    for length in (0, 1, 20, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        message = refusal(path)
        assert message.startswith(f"{path} is damaged (") or "it wasn't saved by interpret" in message, message


@pytest.mark.parametrize(
    "change",
    [{"dtype": "complex64"}, {"dtype": "float32", "shape": [7]}, {"values": [["x", 1]]}, {"values": "os.system"}],
)
def test_a_damaged_tensor_is_refused(change, tmp_path):
    path = tmp_path / "heads.json"
    SAMPLES["HeadGradients"]().save(path)
    saved = json.loads(path.read_text())
    saved["tensors"]["drop"].update(change)
    path.write_text(json.dumps(saved))
    assert refusal(path) == (
        f"{path} is damaged (a tensor doesn't have the type or the shape that it claims); save the result again"
    )


def test_a_tensor_of_other_axes_is_refused(tmp_path):
    path = tmp_path / "heads.json"
    SAMPLES["HeadGradients"]().save(path)
    saved = json.loads(path.read_text())
    saved["tensors"]["drop"] = {"dtype": "float32", "shape": [6], "values": [0.0] * 6}
    path.write_text(json.dumps(saved))
    assert refusal(path) == f"{path} is damaged (drop is not what its type says); save the result again"


def test_a_lie_about_the_size_of_tensors_is_refused(tmp_path):
    path = tmp_path / "heads.safetensors"
    SAMPLES["HeadGradients"]().save(path)
    content = path.read_bytes()
    path.write_bytes(struct.pack("<Q", 2**40) + content[8:])
    assert refusal(path) == f"{path} is damaged (it is no safetensors file, or not all of it); save the result again"


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "plan.json"
    SAMPLES["Plan"]().save(path)
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", lambda *paths: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InputError, match="can't be written"):
        SAMPLES["Plan"]().save(path)
    assert path.read_bytes() == before and [each.name for each in tmp_path.iterdir()] == ["plan.json"]


def test_what_a_command_wrote_becomes_a_document(tmp_path):
    written = whole().to_dict("interpret analyze ...")
    (tmp_path / "analysis.json").write_text(json.dumps(written))
    found = analyses.read(tmp_path / "analysis.json")
    assert isinstance(found, analyses.AnalysisDocument)
    assert found.to_dict() == written


def test_a_folder_of_a_study_is_read(tmp_path):
    study = SAMPLES["StudyDocument"]()
    (tmp_path / "summary.json").write_text(json.dumps(study.to_dict()))
    assert same(analyses.read(tmp_path), study)


def test_a_result_of_ones_own_is_saved_and_read(tmp_path):
    from own_result import Balance

    Balance("left", (0.5, 0.25)).save(tmp_path / "balance.json")
    assert analyses.read(tmp_path / "balance.json") == Balance("left", (0.5, 0.25))


def test_too_much_beside_a_table_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("analyses.results.saving.MOST_METADATA", 100)
    with pytest.raises(InputError) as error:
        save(SAMPLES["Alignment"](), tmp_path / "alignment.parquet")
    assert str(error.value) == (
        "Alignment has too many numbers beside its table for a Parquet file; save it as .safetensors"
    )


def test_data_are_plain():
    tree = Data.of(SAMPLES["Alignment"]()).tree
    assert json.loads(json.dumps(tree)) == tree
