"""What a report says of a model can be checked by hand."""

import hashlib

import pytest
import torch
from saved_models import (
    byte_pairs,
    random_model,
    save_gpt2,
)

import interpret
from interpret.native import ClassifierConfig, TransformerClassifier
from interpret.subjects.models.facts import model_facts
from interpret.subjects.tasks.language_model import NextToken


def test_facts(saved):
    subject = interpret.load(str(saved / "llama"))
    weights = (saved / "llama" / "model.safetensors").read_bytes()
    facts = subject.facts
    assert facts.name == str(saved / "llama") == subject.name
    assert facts.architecture == "LlamaForCausalLM"
    assert facts.parameters == sum(weight.numel() for weight in subject.model.parameters())
    assert facts.sha256 == hashlib.sha256(weights).hexdigest()
    assert (facts.kernel, facts.dtype) == ("sdpa", "float32")
    assert subject.facts is facts


def test_weights_that_are_tied_count_once(gpt2):
    tied = gpt2.model.get_output_embeddings().weight
    assert tied is gpt2.model.get_input_embeddings().weight
    assert gpt2.facts.parameters == sum(weight.numel() for weight in gpt2.model.state_dict().values()) - tied.numel()


def test_facts_without_files_change_with_the_weights():
    one, two = random_model("causal", "gpt2", byte_pairs()), random_model("causal", "gpt2", byte_pairs())
    first, second = NextToken("one", one, byte_pairs()), NextToken("two", two, byte_pairs())
    assert first.facts.sha256 == second.facts.sha256
    with torch.no_grad():
        two.transformer.h[0].mlp.c_fc.bias[0] += 1
    assert NextToken("two", two, byte_pairs()).facts.sha256 != first.facts.sha256


def test_facts_when_the_file_is_gone(tmp_path):
    save_gpt2(tmp_path)
    subject = interpret.load(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(interpret.InputError, match=r"^the weights of .* can't be read again for their hash: "):
        subject.facts  # noqa: B018


@pytest.mark.parametrize("attention", ["full", "window", "linear"])
def test_the_kernel_of_a_native_model_is_that_of_its_layers(attention):
    window = 2 if attention == "window" else None
    config = ClassifierConfig(
        vocabulary=9, positions=8, hidden=8, layers=1, heads=2, inner=8, labels=("a", "b"), attention=attention,
        window=window,
    )  # fmt: skip
    expected = "sdpa" if attention == "full" else attention
    assert model_facts("x", TransformerClassifier(config)).kernel == expected
