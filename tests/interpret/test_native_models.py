"""Native classifiers and language models: padding, embeddings in the place of ids, and `attend` on them."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from interpret.attention.editing import editing
from interpret.attention.edits import zero_head
from interpret.attention.recording import recording
from interpret.errors import InputError
from interpret.native.classifier import TransformerClassifier
from interpret.native.config import ClassifierConfig, LanguageModelConfig
from interpret.native.language_model import TransformerLanguageModel

SIZES = {"vocabulary": 20, "hidden": 12, "layers": 3, "heads": 4, "inner": 20, "positions": 10}
CONFIGS = {
    "classifier": ClassifierConfig(**SIZES, labels=("bad", "fair", "good")),
    "post-norm classifier": ClassifierConfig(**SIZES, norm="post"),
    "language model": LanguageModelConfig(**SIZES, key_heads=2),
    "post-norm language model": LanguageModelConfig(**SIZES, norm="post"),
}
IDS = torch.randint(0, 20, (2, 7), generator=torch.Generator().manual_seed(0))


def build(name: str) -> nn.Module:
    torch.manual_seed(1)
    config = CONFIGS[name]
    model = (TransformerClassifier if config.kind == "classifier" else TransformerLanguageModel)(config)
    for parameter in model.parameters():
        if parameter.ndim == 2:
            nn.init.normal_(parameter, std=0.4)
    return model.eval()


def step_by_step(model: nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """The model's answer from its weights alone: one text, PyTorch's attention function, no blocks of ours."""
    weights, config = model.state_dict(), model.config

    def linear(name, hidden):
        return functional.linear(hidden, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(name, hidden):
        return functional.layer_norm(hidden, (config.hidden,), weights[f"{name}.weight"], weights[f"{name}.bias"])

    def attention(name, hidden):
        query, key, value = (linear(f"{name}.{part}", hidden) for part in ("query", "key", "value"))
        query, key, value = (part.unflatten(-1, (-1, 3)).transpose(0, 1) for part in (query, key, value))
        shared = len(query) // len(key)
        key, value = key.repeat_interleave(shared, 0), value.repeat_interleave(shared, 0)
        causal = config.kind == "language model"
        written = functional.scaled_dot_product_attention(query, key, value, is_causal=causal)
        return linear(f"{name}.output", written.transpose(0, 1).flatten(1))

    hidden = weights["embedding.token.weight"][ids] + weights["embedding.position.weight"][: len(ids)]
    for layer in range(config.layers):
        for part in ("attention", "feed_forward"):
            name = f"blocks.{layer}.{part}"
            inputs = norm(f"{name}_residual.norm", hidden) if config.norm == "pre" else hidden
            if part == "attention":
                added = attention(name, inputs)
            else:
                added = linear(f"{name}.narrow", functional.gelu(linear(f"{name}.widen", inputs)))
            hidden = hidden + added
            if config.norm == "post":
                hidden = norm(f"{name}_residual.norm", hidden)
    if config.norm == "pre":
        hidden = norm("norm", hidden)
    if config.kind == "classifier":
        return linear("readout", hidden[0])
    return hidden @ weights["embedding.token.weight"].T


@pytest.mark.parametrize("name", CONFIGS)
def test_logits_are_those_computed_step_by_step(name):
    model = build(name)
    logits = model(input_ids=IDS).logits
    assert logits.shape == {"classifier": (2, 3), "post-norm classifier": (2, 2)}.get(name, (2, 7, 20))
    for text, row in zip(IDS, logits, strict=True):
        torch.testing.assert_close(row, step_by_step(model, text), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_padding_on_either_side_changes_nothing(name, side, dtype):
    model = build(name)
    alone = model(input_ids=IDS[:1, :4]).logits
    place = slice(3, 7) if side == "left" else slice(0, 4)
    ids, mask = IDS.clone(), torch.ones(2, 7, dtype=dtype)
    ids[0], mask[0] = 5, 0
    ids[0, place], mask[0, place] = IDS[0, :4], 1
    padded = model(input_ids=ids, attention_mask=mask).logits
    shown = padded[:1] if padded.ndim == 2 else padded[:1, place]
    torch.testing.assert_close(shown, alone, rtol=0, atol=1e-5)
    torch.testing.assert_close(padded[1:], model(input_ids=IDS[1:]).logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", CONFIGS)
def test_token_vectors_may_stand_in_for_ids(name):
    model = build(name)
    vectors = model.get_input_embeddings()(IDS).detach().requires_grad_()
    logits = model(inputs_embeds=vectors).logits
    assert torch.equal(logits, model(input_ids=IDS).logits)
    (gradient,) = torch.autograd.grad(logits.square().sum(), vectors)
    assert (gradient.abs().sum(-1) > 0).all()


@pytest.mark.parametrize("name", CONFIGS)
def test_recording_reads_every_layer_and_changes_nothing(name):
    model = build(name)
    mask = torch.tensor([[1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1, 1]])
    alone = model(input_ids=IDS, attention_mask=mask).logits
    with recording(model) as record:
        assert torch.equal(model(input_ids=IDS, attention_mask=mask).logits, alone)
    assert [call.name for call in record.calls] == [f"blocks.{layer}.attention" for layer in range(3)]
    assert record.stacked(0).shape == (3, 4, 7, 7)
    assert record.calls[0].is_causal == (CONFIGS[name].kind == "language model")
    assert all(check.passed for check in record.checks()), record.checks()


@pytest.mark.parametrize("name", CONFIGS)
def test_a_silenced_head_is_a_zeroed_block_of_the_output_projection(name):
    model, cut = build(name), build(name)
    with torch.no_grad():
        cut.blocks[1].attention.output.weight[:, 3:6] = 0
    with editing(model, zero_head(1, 1)):
        edited = model(input_ids=IDS).logits
    torch.testing.assert_close(edited, cut(input_ids=IDS).logits, rtol=0, atol=1e-5)
    assert not torch.allclose(edited, model(input_ids=IDS).logits, atol=1e-3)


def test_a_classifier_without_attention_answers_the_same_for_every_text():
    model = build("classifier")
    for block in model.blocks:
        nn.init.zeros_(block.attention.output.weight)
    logits = model(input_ids=torch.cat([torch.full((2, 1), 2), IDS], dim=1)).logits
    torch.testing.assert_close(logits[0], logits[1])


def test_too_long_an_input_is_refused():
    with pytest.raises(InputError) as caught:
        build("classifier")(input_ids=torch.zeros(1, 11, dtype=torch.long))
    assert str(caught.value) == "the model reads at most 10 tokens, but the input has 11; shorten it"


@pytest.mark.parametrize("both", [True, False])
def test_one_kind_of_input_is_wanted(both):
    inputs = {"input_ids": IDS, "inputs_embeds": torch.zeros(2, 7, 12)} if both else {}
    with pytest.raises(ValueError) as caught:
        build("language model")(**inputs)
    assert str(caught.value) == "give either input_ids or inputs_embeds"


@pytest.mark.parametrize("name", CONFIGS)
def test_configs_come_back_from_plain_values(name):
    config = CONFIGS[name]
    assert type(config).from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": 0}, "layers must be a whole number from 1 to 16777216, not 0"),
        ({"hidden": "12"}, "hidden must be a whole number from 1 to 16777216, not '12'"),
        ({"positions": True}, "positions must be a whole number from 1 to 16777216, not True"),
        ({"key_heads": 0}, "key_heads must be a whole number from 1 to 16777216, not 0"),
        ({"norm": "none"}, "norm must be 'pre' or 'post', not 'none'"),
        ({"dropout": 1}, "dropout must be at least 0 and below 1, not 1"),
        (
            {"heads": 5},
            "heads must divide hidden and key_heads must divide heads, but hidden is 12, heads 5 and key_heads None",
        ),
        ({"labels": "ab"}, "labels must be names, not 'ab'"),
        ({"labels": ["a", "a"]}, "labels must be at least two different names, not ['a', 'a']"),
    ],
)
def test_impossible_settings_are_refused(change, message):
    values = {**CONFIGS["classifier"].to_dict(), **change}
    with pytest.raises(ValueError) as caught:
        ClassifierConfig.from_dict(values)
    assert str(caught.value) == message


def test_missing_and_unknown_settings_are_named():
    values = CONFIGS["language model"].to_dict()
    values["depth"] = values.pop("layers")
    with pytest.raises(ValueError) as caught:
        LanguageModelConfig.from_dict(values)
    assert str(caught.value) == (
        "a language model has the settings ['attention', 'dropout', 'global_positions', 'heads', 'hidden', 'inner', "
        "'key_heads', 'layers', 'norm', 'positions', 'vocabulary', 'window']; missing: ['layers'], not known: ['depth']"
    )


def test_a_config_can_be_varied():
    assert replace(CONFIGS["classifier"], layers=1).layers == 1
