"""`interpret.load` finds every kind of model, and gives just the model that was saved."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import torch
from saved_models import (
    byte_pairs,
    random_model,
    same_weights,
    save_bert,
    save_gguf,
    save_gpt2,
    save_llama,
    save_tokenizer,
)
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
from transformers.utils import logging

import interpret
from interpret import native
from interpret.native import ClassifierConfig, LanguageModelConfig, TransformerClassifier, TransformerLanguageModel
from interpret.subjects.tasks.classification import TextClassification
from interpret.subjects.tasks.language_model import NextToken

TEXT = "The cat sat on the mat."


@pytest.mark.parametrize(
    ("folder", "kind", "layers"),
    [("bert", TextClassification, 2), ("gpt2", NextToken, 2), ("llama", NextToken, 2)],
)
def test_a_folder_gives_the_saved_model(saved, folder, kind, layers):
    subject = interpret.load(saved / folder)
    head = AutoModelForSequenceClassification if kind is TextClassification else AutoModelForCausalLM
    plain = head.from_pretrained(saved / folder)
    assert type(subject) is kind and type(subject.model) is type(plain)
    assert same_weights(subject.model, plain)
    example = subject.encode(TEXT)
    with torch.no_grad():
        logits = plain(input_ids=example.ids[None]).logits
    expected = logits if kind is TextClassification else logits[:, -1]
    assert torch.allclose(subject.logits(example.ids[None]), expected, atol=1e-6)
    record, checks = subject.record(example)
    assert len(record) == layers and all(check.passed for check in checks)
    assert not subject.model.training


def test_weights_in_several_files(tmp_path):
    model = save_llama(tmp_path / "one")
    save_llama(tmp_path / "many")
    (tmp_path / "many" / "model.safetensors").unlink()
    model.save_pretrained(tmp_path / "many", max_shard_size="40KB")
    shards = sorted((tmp_path / "many").glob("model-*.safetensors"))
    assert len(shards) > 2
    one, many = interpret.load(tmp_path / "one"), interpret.load(tmp_path / "many")
    assert same_weights(one.model, many.model)
    assert many.facts.sha256 == hashlib.sha256(b"".join(shard.read_bytes() for shard in shards)).hexdigest()


def test_pickle_files_when_allowed(tmp_path):
    model = save_bert(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    assert same_weights(interpret.load(tmp_path, allow_pickle=True).model, model)


def test_safetensors_come_before_pickle_files(tmp_path):
    model = save_bert(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"not looked at")
    assert same_weights(interpret.load(tmp_path, allow_pickle=True).model, model)


@pytest.mark.parametrize(
    ("stored", "asked", "used"),
    [
        (torch.float16, "auto", torch.float32),
        (torch.bfloat16, "auto", torch.float32),
        (torch.float32, "bfloat16", torch.bfloat16),
        (torch.float16, "float16", torch.float16),
        (torch.float16, "float32", torch.float32),
    ],
)
def test_precision(tmp_path, stored, asked, used):
    random_model("causal", "llama", byte_pairs()).to(stored).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, byte_pairs())
    subject = interpret.load(tmp_path, dtype=asked)
    assert {weight.dtype for weight in subject.model.parameters()} == {used}
    assert subject.facts.dtype == str(used).removeprefix("torch.")
    subject.decide(subject.encode(TEXT))


def test_a_model_that_has_no_fused_kernel_runs_with_its_own(tmp_path):
    random_model("causal", "gpt_oss", byte_pairs()).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, byte_pairs())
    subject = interpret.load(tmp_path)
    assert subject.facts.kernel == "eager"
    assert all(check.passed for check in subject.record(subject.encode(TEXT))[1])


def test_a_config_can_choose_no_kernel_and_no_other_file(tmp_path):
    save_gpt2(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"attn_implementation": "somebody/kernel", "output_attentions": True}
    config |= {"transformers_weights": "../model.safetensors", "fusion_config": {"patch_embeddings": True}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert interpret.load(tmp_path).facts.kernel == "sdpa"


def test_tasks(saved):
    assert interpret.load(saved / "bert", task="text-classification").task == "text-classification"
    assert interpret.load(saved / "gpt2", task="text-generation").task == "text-generation"


def test_a_task_for_a_config_that_names_none(tmp_path):
    save_gpt2(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["architectures"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert type(interpret.load(tmp_path, task="text-generation")) is NextToken


def test_causality_is_found_by_looking(saved, tmp_path):
    assert interpret.load(saved / "gpt2").is_causal and interpret.load(saved / "llama").is_causal
    assert not interpret.load(saved / "bert").is_causal
    save_gpt2(tmp_path, "classifier")
    assert interpret.load(tmp_path).is_causal


def test_erasers(bert, gpt2):
    assert (bert.erasers, bert.mask_id) == (("mask", "delete"), 4)
    assert (gpt2.erasers, gpt2.mask_id) == (("delete",), None)


def test_a_gguf_file_and_a_folder_with_only_one(saved, tmp_path):
    model = save_gguf(tmp_path / "tiny.gguf")
    (tmp_path / "notes.txt").write_text("no model")
    for name in (tmp_path / "tiny.gguf", tmp_path):
        subject = interpret.load(name)
        assert type(subject) is NextToken
        assert same_weights(subject.model, model)
        assert subject.encode(TEXT).ids.tolist() == byte_pairs().encode(TEXT).ids
        assert subject.facts.sha256 == hashlib.sha256((tmp_path / "tiny.gguf").read_bytes()).hexdigest()
        assert subject.longest == 66
        with torch.no_grad():
            expected = model(input_ids=subject.encode(TEXT).ids[None]).logits[:, -1]
        assert torch.allclose(subject.logits(subject.encode(TEXT).ids[None]), expected, atol=1e-5)


def test_without_a_name_the_shipped_model_is_loaded():
    subject = interpret.load()
    assert subject.name == "built-in sentiment model" and subject.labels == ("negative", "positive")
    assert subject.erasers == ("mask", "delete") and not subject.is_causal
    shipped = Path(native.__file__).parent / "sentiment" / "model.safetensors"
    assert subject.facts.sha256 == hashlib.sha256(shipped.read_bytes()).hexdigest()
    for text, label in {
        "A lovely, warm and funny story.": "positive",
        "A dull and pointless mess.": "negative",
    }.items():
        example = subject.encode(text)
        assert subject.decide(example).label == label
        assert all(check.passed for check in subject.record(example)[1])


def small_classifier() -> TransformerClassifier:
    sizes = dict(vocabulary=byte_pairs().get_vocab_size(), hidden=16, layers=2, heads=2, inner=24, positions=40)
    return TransformerClassifier(ClassifierConfig(**sizes, labels=("cold", "warm"))).eval()


def small_language_model() -> TransformerLanguageModel:
    sizes = dict(vocabulary=byte_pairs().get_vocab_size(), hidden=16, layers=2, heads=4, inner=24, positions=40)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TransformerLanguageModel(LanguageModelConfig(**sizes, key_heads=2)).eval()


def test_a_native_classifier(tmp_path):
    model = small_classifier()
    native.save(tmp_path, model, byte_pairs(), special_tokens={"mask": "<pad>"})
    subject = interpret.load(tmp_path)
    assert type(subject) is TextClassification and subject.labels == ("cold", "warm")
    assert (subject.longest, subject.is_causal, subject.mask_id) == (40, False, 0)
    assert same_weights(subject.model, model)
    example = subject.encode(TEXT)
    assert all(check.passed for check in subject.record(example)[1])
    assert subject.decide(example, "warm").target == 1
    expected = hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    assert subject.facts.sha256 == expected and subject.facts.kernel == "sdpa"


def test_a_native_language_model(tmp_path):
    native.save(tmp_path, small_language_model(), byte_pairs())
    subject = interpret.load(tmp_path)
    assert type(subject) is NextToken and subject.is_causal and subject.longest == 40
    example = subject.encode(TEXT)
    decision = subject.decide(example)
    assert subject.find_label(decision.label) == decision.target
    assert all(check.passed for check in subject.record(example)[1])
    with pytest.raises(interpret.InputError, match="is a native language model, made for text-generation, not for"):
        interpret.load(tmp_path, task="text-classification")


def test_loading_is_silent_and_leaves_the_log_as_it_was(saved, capfd):
    logging.set_verbosity_warning()
    interpret.load(saved / "bert")
    interpret.load(saved / "llama.gguf")
    with pytest.raises(interpret.InputError):
        interpret.load(saved / "bert", task="text-generation")
    assert logging.get_verbosity() == logging.WARNING
    assert capfd.readouterr() == ("", "")
    assert os.environ["HF_HUB_OFFLINE"] == "1"


def test_smollm2(smollm2):
    assert smollm2.facts.architecture == "LlamaForCausalLM"
    assert smollm2.facts.parameters == 134_515_008
    assert (smollm2.longest, smollm2.is_causal, smollm2.facts.kernel) == (8192, True, "sdpa")
    record, checks = smollm2.record(smollm2.encode(TEXT))
    assert record.stacked().shape == (30, 9, 7, 7)
    assert all(check.passed for check in checks)


def test_minilm(shared):
    folder = shared / "models" / "minilm-sst2"
    subject = interpret.load(folder)
    assert subject.labels == ("negative", "positive") and subject.longest == 512
    plain = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    assert same_weights(subject.model, plain)
    assert len(subject.record(subject.encode(TEXT))[0]) == 6


@pytest.mark.parametrize(
    ("folder", "task"),
    [
        ("minilm-caption-qa", "question-answering"),
        ("marian-multi30k-en-de", "translation"),
        ("vit-cifar10", "image-classification"),
    ],
)
def test_real_models_of_other_tasks_load(shared, folder, task):
    subject = interpret.load(shared / "models" / folder)
    assert subject.task == task
    given = {
        "question-answering": ("Who sat?", "The cat sat on the mat."),
        "translation": (TEXT,),
        "image-classification": (shared / "data" / "cifar10" / "cat_0000.jpg",),
    }[task]
    example = subject.encode(*given)
    assert all(check.passed for check in subject.record(example)[1]) and subject.decide(example).margin > 0
