"""GGUF files that are damaged, hostile or of no known architecture are refused in one line."""

import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
from bad_files import refused, refused_like


def test_a_gguf_file_is_a_language_model_only(saved):
    path = saved / "llama.gguf"
    refused(
        path,
        f"{path} is a GGUF file, and those are read for text-generation only, not for text-classification",
        task="text-classification",
    )


def test_several_gguf_files(saved, tmp_path):
    for name in ("a.gguf", "b.gguf"):
        shutil.copy(saved / "llama.gguf", tmp_path / name)
    refused(tmp_path, f"{tmp_path} has 2 GGUF files; give one of them, such as {tmp_path / 'a.gguf'}")


def gguf_with(saved: Path, path: Path, damage: Any) -> Path:
    path.write_bytes(damage((saved / "llama.gguf").read_bytes()))
    return path


@pytest.mark.parametrize("content", [b"", b"GGU", b"\x89PNG\r\n", b"version https://git-lfs"])
def test_files_that_are_no_gguf(tmp_path, content):
    path = tmp_path / "x.gguf"
    path.write_bytes(content)
    refused(path, f"{path} isn't a GGUF file; give one, or the folder of a model")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:4],
        lambda content: content[:100],
        lambda content: content[:5000],
        lambda content: content[:-1000],
        lambda content: content[:4] + struct.pack("<I", 9) + content[8:],
        lambda content: content[:8] + struct.pack("<Q", 2**60) + content[16:],
        lambda content: content[:16] + struct.pack("<Q", 2**60) + content[24:],
        lambda content: content[:24] + struct.pack("<Q", 2**62) + content[32:],
        lambda content: content.replace(b"general.architecture", b"general.\xff\xferchitecture", 1),
    ],
)
def test_damaged_gguf_files(saved, tmp_path, damage):
    path = gguf_with(saved, tmp_path / "x.gguf", damage)
    refused_like(path, f"{path} isn't a whole GGUF file, get it again: ")


def test_a_gguf_file_that_declares_a_million_layers(saved, tmp_path):
    key = b"llama.block_count" + struct.pack("<I", 4)

    def damage(content):
        assert content.count(key + struct.pack("<I", 2)) == 1
        return content.replace(key + struct.pack("<I", 2), key + struct.pack("<I", 1_000_000))

    path = gguf_with(saved, tmp_path / "x.gguf", damage)
    refused(
        path,
        f"{path} says llama.block_count = 1000000, but the weights have 21 tensors; the config doesn't belong to these "
        "weights",
    )


def test_a_gguf_file_of_an_unknown_architecture(saved, tmp_path):
    path = gguf_with(saved, tmp_path / "x.gguf", lambda content: content.replace(b"llama", b"lhama"))
    refused_like(path, f"{path} can't be read by transformers: ")


def test_a_gguf_file_that_lacks_a_tensor(saved, tmp_path):
    path = gguf_with(saved, tmp_path / "x.gguf", lambda content: content.replace(b"blk.1.ffn_up", b"blk.1.ffn_no"))
    refused(
        path,
        f"{path}: 1 tensors are not in its weights, such as model.layers.1.mlp.up_proj.weight; the file is incomplete "
        "or belongs to another config.json",
    )
