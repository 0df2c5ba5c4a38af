"""Native models on disk: what is written comes back, and what doesn't fit is refused with the reason."""

import json
import os
import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from interpret import native
from interpret.errors import InputError
from interpret.native.vocabulary import SPECIAL, word_pieces

PIECES = (*SPECIAL, "a", "fine", "poor", "film", "##s", ".")
SIZES = {"vocabulary": len(PIECES), "hidden": 8, "layers": 2, "heads": 2, "inner": 12, "positions": 16}


def built(kind: str = "classifier") -> native.TransformerClassifier | native.TransformerLanguageModel:
    torch.manual_seed(0)
    if kind == "classifier":
        return native.TransformerClassifier(native.ClassifierConfig(**SIZES, labels=("poor", "fine"))).eval()
    return native.TransformerLanguageModel(native.LanguageModelConfig(**SIZES, norm="post")).eval()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    native.save(tmp_path / "model", built(), word_pieces(PIECES))
    return tmp_path / "model"


@pytest.mark.parametrize("kind", ["classifier", "language model"])
def test_a_model_comes_back_as_it_was(kind, tmp_path):
    model = built(kind)
    native.save(tmp_path / "deep" / "model", model, word_pieces(PIECES))
    loaded = native.load(str(tmp_path / "deep" / "model"))
    ids = torch.tensor([loaded.tokenizer.encode("A fine film.").ids])
    assert loaded.kind == kind
    assert loaded.model.config == model.config
    assert torch.equal(loaded.model(input_ids=ids).logits, model(input_ids=ids).logits)
    assert not loaded.model.training
    assert all(parameter.requires_grad for parameter in loaded.model.parameters())
    assert ids.tolist() == [[2, 5, 6, 8, 10, 3]]
    assert sorted(os.listdir(tmp_path / "deep" / "model")) == ["config.json", "model.safetensors", "tokenizer.json"]


def test_half_precision_on_disk_is_float32_in_memory(tmp_path):
    model = built()
    native.save(tmp_path, model, word_pieces(PIECES), dtype=torch.float16)
    stored = load_file(tmp_path / "model.safetensors")
    loaded = native.load(tmp_path).model.state_dict()
    assert {weight.dtype for weight in stored.values()} == {torch.float16}
    assert {weight.dtype for weight in loaded.values()} == {torch.float32}
    assert all(torch.equal(loaded[name], weight.half().float()) for name, weight in model.state_dict().items())


def test_special_tokens_are_found_by_their_role(tmp_path):
    roles = {"mask": "[MASK]", "end": "[SEP]", "start": "<s>"}
    native.save(tmp_path, built(), word_pieces(PIECES), special_tokens=roles)
    loaded = native.load(tmp_path)
    assert loaded.special_tokens == {"mask": "[MASK]", "end": "[SEP]"}
    assert (loaded.special_id("mask"), loaded.special_id("end"), loaded.special_id("start")) == (4, 3, None)


def test_native_folders_are_told_from_others(folder, tmp_path):
    assert native.is_native(folder)
    assert not native.is_native(tmp_path / "nowhere")
    (folder / "config.json").write_text("[1")
    assert not native.is_native(folder)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    assert not native.is_native(folder)


def test_an_interrupted_save_leaves_the_old_model_whole(folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    write = Path.write_bytes

    def disk_full(path, content):
        if "tokenizer" in path.name:
            write(path, content[:10])
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", disk_full)
    with pytest.raises(OSError, match="No space left on device"):
        native.save(folder, built("language model"), word_pieces(PIECES))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_other_files_of_the_folder_stay(folder):
    (folder / "MODEL_CARD.md").write_text("mine")
    native.save(folder, built(), word_pieces(PIECES))
    assert (folder / "MODEL_CARD.md").read_text() == "mine"
    assert stat.S_IMODE((folder / "config.json").stat().st_mode) & stat.S_IRUSR


def refusal(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        native.load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(folder), "FOLDER")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert refusal(folder) == (
        f"a native model is a folder with config.json, model.safetensors, tokenizer.json; FOLDER has no {name}"
    )


WEIGHTS = "FOLDER/model.safetensors doesn't fit its config.json"


def without(weights):
    del weights["readout.bias"]


def with_more(weights):
    weights["extra"] = torch.zeros(1)


def misshapen(weights):
    weights["readout.bias"] = torch.zeros(3)


def not_a_number(weights):
    weights["blocks.1.attention.query.weight"][0, 0] = torch.nan


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without, f"{WEIGHTS}; missing: ['readout.bias'], not known: []"),
        (with_more, f"{WEIGHTS}; missing: [], not known: ['extra']"),
        (misshapen, f"{WEIGHTS}: readout.bias must be (2,), not (3,)"),
        (
            not_a_number,
            "FOLDER/model.safetensors has weights that aren't numbers (NaN or infinite) in "
            "blocks.1.attention.query.weight; train it again",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder, damage, message):
    weights = load_file(folder / "model.safetensors")
    damage(weights)
    save_file(weights, folder / "model.safetensors")
    assert refusal(folder) == message


def test_a_cut_off_weights_file_is_refused(folder):
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[:-10])
    message = refusal(folder)
    assert message.startswith("FOLDER/model.safetensors isn't a readable safetensors file (")
    assert message.endswith("); copy the model again")


CONFIG = "FOLDER/config.json"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"format": "interpret-native/2"},
            f'{CONFIG} must say "format": "interpret-native/1", not \'interpret-native/2\'; another version wrote it',
        ),
        (
            {"kind": "painter"},
            f"{CONFIG} must have \"sizes\" and a \"kind\" of ['classifier', 'language model'], not 'painter'",
        ),
        (
            {"kind": ["classifier"]},
            f"{CONFIG} must have \"sizes\" and a \"kind\" of ['classifier', 'language model'], not ['classifier']",
        ),
        ({"sizes": {**SIZES, "hidden": -8}}, None),
        ({"special_tokens": None}, f'{CONFIG} must have "special_tokens", each a name, not None'),
        ({"special_tokens": {"mask": "<mask>"}}, "the tokenizer in FOLDER doesn't know the special token <mask>"),
    ],
)
def test_configs_that_make_no_sense_are_refused(folder, change, message):
    config = json.loads((folder / "config.json").read_text())
    if "sizes" in change:
        change["sizes"] = {**config["sizes"], "hidden": -8}
        message = f"{CONFIG}: hidden must be a whole number from 1 to 16777216, not -8"
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    assert refusal(folder) == message


@pytest.mark.parametrize("content", ["", "{", "[" * 100_000, "\udcff"])
def test_a_config_that_is_no_json_is_refused(folder, content):
    (folder / "config.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    message = refusal(folder)
    assert message.startswith(f"{CONFIG} isn't readable JSON (")
    assert message.endswith("); the model must be saved again")


@pytest.mark.parametrize(
    ("size", "value", "message"),
    [
        ("layers", 10**7, "config.json in FOLDER says 10000000 layers, but the weights have 2"),
        ("inner", 2**24, f"{WEIGHTS}: blocks.0.feed_forward.widen.weight must be (16777216, 8), not (12, 8)"),
        ("hidden", 2**40, f"{CONFIG}: hidden must be a whole number from 1 to 16777216, not 1099511627776"),
    ],
)
def test_a_config_that_declares_a_giant_is_refused_at_once(folder, size, value, message):
    config = json.loads((folder / "config.json").read_text())
    config["sizes"][size] = value
    (folder / "config.json").write_text(json.dumps(config))
    assert refusal(folder) == message


def test_a_tokenizer_that_can_not_be_read_is_refused(folder):
    (folder / "tokenizer.json").write_text("{}")
    message = refusal(folder)
    assert message.startswith("FOLDER/tokenizer.json isn't a readable tokenizer (")
    assert message.endswith("); the model must be saved again")


def test_a_tokenizer_of_another_model_is_refused(folder):
    word_pieces((*PIECES, "more", "words")).save(str(folder / "tokenizer.json"))
    assert refusal(folder) == "the tokenizer in FOLDER has ids up to 12, but the model only 11"
