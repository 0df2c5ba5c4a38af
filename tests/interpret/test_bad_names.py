"""Options, paths and names of which no model comes: one line says what was wanted, what came, and the way out."""

from pathlib import Path

import pytest
from bad_files import refused, refused_like

from interpret.loading.description import listed
from interpret.subjects.tasks import TASKS


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"task": "sentiment"}, f"the task must be {listed(TASKS)}, not 'sentiment'"),
        ({"dtype": "int8"}, "dtype must be auto, float32, bfloat16, float16, not 'int8'"),
        ({"sink": "ignore"}, "sink must be drop or keep, not 'ignore'"),
    ],
)
def test_options(saved, options, wanted):
    refused(saved / "bert", wanted, **options)


@pytest.mark.parametrize("device", ["gpu", "meta", "cuda:99", "cpu:x", ""])
def test_devices(saved, device):
    refused_like(saved / "bert", f"the device {device!r} can't be used here: ", "; cpu always can", device=device)


def test_a_path_that_is_not_there(tmp_path):
    refused(tmp_path / "nothing", f"there is no folder or file {tmp_path / 'nothing'}")
    refused("./nothing", "there is no folder or file ./nothing")
    refused("~/no/such/model", "there is no folder or file ~/no/such/model")


@pytest.mark.parametrize("name", ["some folder", "a/b/c", "a\0b", "models/x.gguf/y", "x" * 5000 + "!"])
def test_a_name_that_is_no_path_and_no_id(name):
    refused(name, f"there is no folder or file {name}, and it can't be the id of a model on the Hub either")


def test_an_empty_name():
    refused("", "the name of the model is empty; give a folder, a .gguf file or the id of a model on the Hub")


@pytest.mark.parametrize("name", ["no-such-model", "nobody/no-such-model", "nobody/no-such-model/x.gguf"])
def test_an_id_that_the_hub_does_not_give(name):
    refused_like(
        name,
        f"{name} is neither a folder or file here nor a model that the Hugging Face Hub gave (",
        "); check the spelling, or download it and give its folder",
    )


def test_files_that_are_no_model(saved, tmp_path):
    weights = saved / "bert" / "model.safetensors"
    refused(weights, f"{weights} is a file; give the folder of a model, with its config.json, or a .gguf file")
    wanted = (
        f"{tmp_path} has no config.json; give a folder in transformers' format, a .gguf file, or the id of a model on "
        "the Hugging Face Hub"
    )
    refused(tmp_path, wanted)


def test_a_folder_that_can_not_be_read(tmp_path, monkeypatch):
    def denied(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", denied)
    refused_like(tmp_path, f"the folder {tmp_path} can't be read: [Errno 13] Permission denied")
