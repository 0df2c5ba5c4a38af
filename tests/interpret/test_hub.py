"""Models of the Hugging Face Hub, from its cache; no test asks the Hub itself."""

import shutil
from pathlib import Path

import pytest
from saved_models import same_weights, save_gguf

import interpret
from interpret.subjects.tasks.language_model import NextToken


def write_cache(cache: Path, name: str, files: Path) -> None:
    """Puts a model where the Hub's client keeps what it has downloaded."""
    folder = cache / f"models--{name.replace('/', '--')}"
    shutil.copytree(files, folder / "snapshots" / "0123456789abcdef0123456789abcdef01234567")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("0123456789abcdef0123456789abcdef01234567")


@pytest.fixture
def hub_cache(tmp_path, monkeypatch) -> Path:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_model_of_the_hub_that_was_downloaded_before(saved, hub_cache):
    write_cache(hub_cache, "someone/tiny-bert", saved / "bert")
    subject = interpret.load("someone/tiny-bert")
    assert subject.name == "someone/tiny-bert"
    assert same_weights(subject.model, interpret.load(saved / "bert").model)


def test_a_gguf_file_of_the_hub_that_was_downloaded_before(hub_cache, tmp_path):
    (tmp_path / "files").mkdir()
    save_gguf(tmp_path / "files" / "tiny.q8.gguf")
    write_cache(hub_cache, "someone/tiny-gguf", tmp_path / "files")
    assert type(interpret.load("someone/tiny-gguf/tiny.q8.gguf")) is NextToken


def test_what_is_asked_of_the_hub(saved, monkeypatch, tmp_path):
    """Weights are asked for only after the description was looked at, and pickle files only when allowed."""
    import huggingface_hub

    asked = []

    def download(name, *, allow_patterns):
        asked.append(allow_patterns)
        return str(tmp_path / name)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    shutil.copytree(saved / "bert", tmp_path / "bert")
    interpret.load("bert")
    assert asked.pop() == ["model.safetensors"]
    described = asked.pop()
    assert "config.json" in described and not any("safetensors" in name and "index" not in name for name in described)
    with pytest.raises(interpret.InputError, match="no language model head"):
        interpret.load("bert", task="text-generation")
    assert asked == [described]
    (tmp_path / "bert" / "model.safetensors").unlink()
    with pytest.raises(interpret.InputError, match="has no weights"):
        interpret.load("bert")
    assert not any("bin" in name for names in asked for name in names)
    with pytest.raises(interpret.InputError, match="has no weights"):
        interpret.load("bert", allow_pickle=True)
    assert "pytorch_model.bin" in asked[-1]
