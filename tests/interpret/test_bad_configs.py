"""A config.json that is damaged, hostile or of another kind of model is refused in one line."""

import pytest
from bad_files import change, refused, refused_like
from transformers import BertConfig, BertForMaskedLM

import interpret
from interpret.errors import InputError
from interpret.loading.description import listed
from interpret.subjects.tasks import TASKS

SUPPORTED = listed([f"{subject.model_classes} ({task})" for task, subject in TASKS.items()], "and")


@pytest.mark.parametrize("content", ["", "{", "\ufffd", "[" * 100_000])
def test_a_config_that_is_no_json(bert_folder, content):
    path = bert_folder / "config.json"
    path.write_text(content)
    refused_like(bert_folder, f"{path} isn't readable JSON: ", "; get this file again")


def test_a_config_that_is_bytes_or_a_folder_or_a_list(bert_folder):
    path = bert_folder / "config.json"
    path.write_bytes(b"\xff\xfe\x00")
    refused_like(bert_folder, f"{path} isn't readable JSON: ", "; get this file again")
    path.write_text("[1, 2]")
    refused(bert_folder, f"{path} must hold a JSON object, not list; get this file again")
    path.unlink()
    path.mkdir()
    refused_like(bert_folder, f"{path} isn't readable JSON: ", "; get this file again")


def test_a_type_that_is_not_known(bert_folder):
    import transformers

    change(bert_folder / "config.json", model_type="berd")
    refused(
        bert_folder,
        f"{bert_folder} is of the type 'berd', which transformers {transformers.__version__} doesn't know; a newer "
        "transformers may, or config.json is damaged",
    )


def test_code_that_comes_with_a_model_is_never_run(bert_folder):
    (bert_folder / "own.py").write_text("raise SystemExit('this was run')")
    change(bert_folder / "config.json", model_type="own", auto_map={"AutoConfig": "own.Config", "AutoModel": "own.M"})
    refused(
        bert_folder,
        f"{bert_folder} brings Python code of its own (auto_map in config.json), which is never run; use a model whose "
        "architecture is part of transformers",
    )


def test_code_that_comes_with_a_known_architecture_is_not_run_either(bert_folder):
    (bert_folder / "own.py").write_text("raise SystemExit('this was run')")
    names = dict.fromkeys(("AutoConfig", "AutoModelForSequenceClassification"), "own.Thing")
    change(bert_folder / "config.json", auto_map=names)
    change(bert_folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["own.Thing", "own.Thing"]})
    try:
        subject = interpret.load(bert_folder)
    except InputError as error:
        assert "custom code" in str(error)
    else:
        assert type(subject.model).__module__.startswith("transformers.models.bert")


def test_settings_that_can_not_be_loaded(bert_folder):
    change(bert_folder / "config.json", quantization_config={"quant_method": "awq"})
    refused(
        bert_folder,
        f"{bert_folder} has quantized weights, which aren't loaded by name; use the model they were made from, or a "
        "GGUF file, or load it with transformers and give interpret.load(model, tokenizer=tokenizer) in Python",
    )
    change(bert_folder / "config.json", quantization_config=None, is_encoder_decoder=True)
    refused(
        bert_folder,
        f"{bert_folder} is an encoder-decoder model, and those are read for translation only, not for "
        "text-classification; use one with a single stack of layers",
    )


def test_adapters(bert_folder):
    (bert_folder / "adapter_config.json").write_text("{}")
    refused(
        bert_folder,
        f"{bert_folder} holds an adapter, not a whole model; merge it into its model and give that folder",
    )


def test_models_for_other_tasks(tmp_path):
    config = BertConfig(vocab_size=99, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    BertForMaskedLM(config).save_pretrained(tmp_path)
    refused(
        tmp_path,
        f"{tmp_path} is a BertForMaskedLM, which isn't supported; supported are {SUPPORTED}",
    )
    refused(
        tmp_path,
        f"{tmp_path} is a BertForMaskedLM, not a …ForSequenceClassification: this checkpoint has no trained "
        "classification head; leave the task out, or give a model that has it",
        task="text-classification",
    )


def test_a_task_that_a_model_was_not_made_for(saved):
    refused(
        saved / "gpt2",
        f"{saved / 'gpt2'} is a GPT2LMHeadModel, not a …ForSequenceClassification: this checkpoint has no trained "
        "classification head; leave the task out, or give a model that has it",
        task="text-classification",
    )
    refused(
        saved / "bert",
        f"{saved / 'bert'} is a BertForSequenceClassification, not a …ForCausalLM: this checkpoint has no language "
        "model head that goes from left to right; leave the task out, or give a model that has it",
        task="text-generation",
    )


def test_a_config_that_names_no_task(gpt2_folder):
    change(gpt2_folder / "config.json", architectures=None)
    refused(
        gpt2_folder,
        f"config.json of {gpt2_folder} doesn't say what it was made for (architectures); name it with --task (task= "
        f"in Python): supported are {SUPPORTED}",
    )
    change(gpt2_folder / "config.json", architectures="GPT2")
    refused(
        gpt2_folder, f"config.json of {gpt2_folder} must list names as its architectures, not 'GPT2'",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"num_hidden_layers": 1_000_000}, "num_hidden_layers = 1000000"),
        ({"num_hidden_layers": 10**18}, "num_hidden_layers = 1000000000000000000"),
        ({"text_config": {"n_layer": 2000}}, "n_layer = 2000"),
        ({"num_labels": 10**9}, "num_labels = 1000000000"),
    ],
)
def test_a_config_that_declares_a_million_layers(bert_folder, values, said):
    change(bert_folder / "config.json", **values)
    refused(
        bert_folder,
        f"{bert_folder / 'config.json'} says {said}, but the weights have 41 tensors; the config doesn't belong to "
        "these weights",
    )


@pytest.mark.parametrize(
    "values", [{"hidden_size": 400_000}, {"vocab_size": 10**10}, {"intermediate_size": 10**9}]
)  # fmt: skip
def test_a_config_that_declares_more_numbers_than_there_are(bert_folder, values):
    change(bert_folder / "config.json", **values)
    with pytest.raises(InputError) as caught:
        interpret.load(bert_folder)
    start, end = f"{bert_folder / 'config.json'} describes a model of ", "the config doesn't belong to these weights"
    assert str(caught.value).startswith(start) and str(caught.value).endswith(end)


@pytest.mark.parametrize(
    "values",
    [{"hidden_size": 33}, {"hidden_size": -32}, {"hidden_size": "wide"}, {"hidden_act": "no-such"}, {"vocab_size": 0}],
)
def test_a_config_that_makes_no_model(bert_folder, values):
    change(bert_folder / "config.json", **values)
    with pytest.raises(InputError, match=r"^[^\n]+$"):
        interpret.load(bert_folder)
