"""Weights that are missing, damaged, dangerous or of another model are refused in one line."""

import json
import pickle
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from bad_files import change, change_weights, refused, refused_like
from saved_models import save_llama

import interpret
from interpret.errors import InputError


def test_a_folder_without_weights(bert_folder):
    (bert_folder / "model.safetensors").unlink()
    refused(
        bert_folder,
        f"{bert_folder} has no weights: there must be a model.safetensors, or its parts with "
        "model.safetensors.index.json",
    )


@pytest.mark.parametrize("name", ["pytorch_model.bin", "pytorch_model.bin.index.json"])
def test_pickle_files_are_refused(bert_folder, name):
    (bert_folder / "model.safetensors").rename(bert_folder / name)
    refused(
        bert_folder,
        f"{bert_folder} has its weights as pickle files only, which can carry code; convert them to safetensors, or "
        "load them with --allow-pickle (allow_pickle=True in Python)",
    )


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.write_text, (self.path, "this was run")


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_code_in_a_pickle_file_is_not_run_even_when_allowed(bert_folder, tmp_path, how):
    (bert_folder / "model.safetensors").unlink()
    trap = {"classifier.weight": Trap(tmp_path / "trace")}
    if how == "torch":
        torch.save(trap, bert_folder / "pytorch_model.bin")
    else:
        (bert_folder / "pytorch_model.bin").write_bytes(pickle.dumps(trap))
    refused_like(bert_folder, f"the weights in {bert_folder} can't be loaded: ", allow_pickle=True)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:20],
        lambda content: b"\xff" * 8 + content[8:],
        lambda content: struct.pack("<Q", 10) + content[8:],
        lambda content: content.replace(b'"F32"', b'"F99"', 1),
        lambda content: b"version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 12345\n",
    ],
)
def test_damaged_weights(bert_folder, damage):
    path = bert_folder / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    refused_like(bert_folder, f"{path} isn't a whole safetensors file, get it again: ")


def test_weights_that_can_not_be_opened(bert_folder, monkeypatch):
    import safetensors

    def denied(path, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(safetensors, "safe_open", denied)
    path = bert_folder / "model.safetensors"
    refused_like(bert_folder, f"{path} isn't a whole safetensors file, get it again: [Errno 13] Permission denied")


def test_a_missing_tensor(bert_folder):
    change_weights(bert_folder, bert__encoder__layer__1__output__dense__weight=None)
    refused(
        bert_folder,
        f"{bert_folder}: 1 tensors are not in its weights, such as bert.encoder.layer.1.output.dense.weight; "
        "the file is incomplete or belongs to another config.json",
    )


def test_a_missing_head(bert_folder):
    change_weights(bert_folder, classifier__weight=None, classifier__bias=None)
    refused(
        bert_folder,
        f"{bert_folder}: this checkpoint has no trained classification head (classifier.bias is not in its weights); "
        "train it first, or give a model that was",
    )


def test_a_layer_too_many_in_the_config(bert_folder):
    change(bert_folder / "config.json", num_hidden_layers=3)
    with pytest.raises(InputError, match=r": 16 tensors are not in its weights, such as bert\.encoder\.layer\.2\."):
        interpret.load(bert_folder)


def test_a_layer_too_few_in_the_config(bert_folder):
    change(bert_folder / "config.json", num_hidden_layers=1)
    refused(
        bert_folder,
        f"{bert_folder}: the weights have layers that config.json doesn't count, such as "
        "bert.encoder.layer.1.attention.output.LayerNorm.bias; the two don't belong together",
    )


def test_tensors_of_other_shapes(bert_folder):
    change_weights(bert_folder, classifier__weight=lambda weight: torch.zeros(3, 32))
    refused(
        bert_folder,
        f"{bert_folder}: classifier.weight has the shape [3, 32] in the weights and [2, 32] by config.json; "
        "the two don't belong together",
    )


def test_weights_of_another_model(bert_folder, saved):
    shutil.copy(saved / "llama" / "model.safetensors", bert_folder)
    with pytest.raises(InputError, match=r": 41 tensors are not in its weights, such as bert\.embeddings\."):
        interpret.load(bert_folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_numbers(bert_folder, value):
    def spoilt(weight):
        return weight.index_fill(0, torch.tensor([3]), value)

    change_weights(bert_folder, bert__encoder__layer__0__attention__self__query__weight=spoilt)
    refused(
        bert_folder,
        f"{bert_folder} has weights that aren't numbers (NaN or infinite) in "
        "bert.encoder.layer.0.attention.self.query.weight; get the model again, or train it again with a lower "
        "learning rate or in float32",
    )


def test_weights_too_large_for_half_precision(tmp_path):
    save_llama(tmp_path)
    change_weights(tmp_path, model__norm__weight=lambda weight: weight * 1e6)
    interpret.load(tmp_path)
    with pytest.raises(InputError, match=r"weights that aren't numbers \(NaN or infinite\) in model\.norm\.weight; "):
        interpret.load(tmp_path, dtype="float16")


@pytest.fixture
def in_parts(tmp_path) -> Path:
    model = save_llama(tmp_path / "parts")
    (tmp_path / "parts" / "model.safetensors").unlink()
    model.save_pretrained(tmp_path / "parts", max_shard_size="60KB")
    return tmp_path / "parts"


def test_an_index_that_leads_out_of_the_folder(in_parts, saved):
    index = in_parts / "model.safetensors.index.json"
    places = json.loads(index.read_text())["weight_map"]
    for elsewhere in ("../llama/model.safetensors", str(saved / "llama" / "model.safetensors"), "..", "a\\b", ""):
        change(index, weight_map=dict.fromkeys(places, elsewhere))
        refused(
            in_parts, f"{index} names a file outside of its folder, {elsewhere!r}, which isn't followed",
        )  # fmt: skip


def test_an_index_of_files_that_are_not_there(in_parts):
    parts = sorted(in_parts.glob("model-*.safetensors"))
    parts[1].unlink()
    refused(in_parts, f"{in_parts} lacks {parts[1].name}, one of the {len(parts)} files of its weights; get it again")


@pytest.mark.parametrize("places", [None, {}, [], {"a": 1}])
def test_an_index_that_says_nothing(in_parts, places):
    index = in_parts / "model.safetensors.index.json"
    change(index, weight_map=places)
    refused(in_parts, f'{index} must have a "weight_map" from tensors to files; get this file again')
