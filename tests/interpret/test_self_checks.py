"""Self-checks hold a recording against what ran, whatever a mask lets see; rows that see nothing are the kernel's."""

import math

import pytest
import torch
from tiny_models import tiny_inputs, tiny_model
from torch import Tensor, nn
from torch.nn import functional
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

from interpret.attention.editing import editing
from interpret.attention.edits import permute_row, set_weights
from interpret.attention.recording import Recording, recording

LENGTH = 9
CAUSAL = torch.ones(LENGTH, LENGTH).tril().bool()
REAL = torch.ones(2, LENGTH).bool()
REAL[1, :3] = False


def ids() -> Tensor:
    return tiny_inputs("causal")["input_ids"]


def seen(kind: str) -> Tensor:
    """`batch 1 query key`: a prefix that sees itself both ways, padding on the left, or no position itself."""
    if kind == "prefix":
        mask = CAUSAL.clone()
        mask[:4, :4] = True
        return mask.expand(2, 1, -1, -1)
    return CAUSAL & REAL[:, None, None, :] if kind == "padding" else CAUSAL.tril(-1).expand(2, 1, -1, -1)


def added(mask: Tensor, number: float, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.zeros(mask.shape, dtype=dtype).masked_fill(~mask, number)


def recorded(model: nn.Module, *args: Tensor, **inputs: Tensor) -> Recording:
    with torch.no_grad(), recording(model) as record:
        model(*args, **inputs)
    return record


def failed(record: Recording) -> list[tuple[str, float]]:
    return [(check.name, check.value) for check in record.checks() if not check.passed]


def gap(record: Recording, layer: int = 0) -> float:
    """By how much weights times values miss what the kernel wrote, in all rows, the blind ones included."""
    call = record.calls[layer]
    values = call.value.repeat_interleave(2, dim=1).float()
    written = (record.weights(layer).float() @ values).transpose(1, 2)
    return float((written - record.output(layer).float()).abs().max() / record.output(layer).float().abs().max())


@pytest.mark.parametrize("kind", ["prefix", "padding", "blind"])
@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_every_row_is_what_the_kernel_used_under_masks_of_the_users(kind: str, kernel: str, dtype: torch.dtype) -> None:
    model = tiny_model("causal", "llama", kernel=kernel, dtype=dtype)
    exact = 1e-5 if dtype == torch.float32 else 2e-2
    for number in (torch.finfo(dtype).min, -1e4, -100.0, -math.inf):
        if math.isinf(number) and kernel == "eager" and kind != "prefix":
            continue  # gives NaN, in the model as well
        record = recorded(model, ids(), attention_mask=added(seen(kind), number, dtype))
        assert (failed(record), gap(record) <= exact) == ([], True), number
    if kernel == "sdpa":
        record = recorded(model, ids(), attention_mask=seen(kind))
        assert (failed(record), gap(record) <= exact) == ([], True)
        blind = ~seen(kind).any(dim=-1, keepdim=True)
        assert not (record.weights(1) * blind).any()
        assert torch.equal(record.calls[1].visible, seen(kind))


def test_what_is_seen_is_what_the_mask_leaves_a_weight() -> None:
    model = tiny_model("causal", "llama")
    for number, hides in ((-1e9, True), (-1e4, True), (-65504.0, True), (-100.0, False)):
        record = recorded(model, ids(), attention_mask=added(seen("prefix"), number))
        assert torch.equal(record.visible(example=0)[1], seen("prefix")[0, 0]) == hides


def test_edits_leave_rows_that_see_nothing_as_the_kernel_has_them() -> None:
    model, mask = tiny_model("causal", "llama"), seen("blind")
    with torch.no_grad():
        expected = model(ids(), attention_mask=mask).logits
    own = recorded(model, ids(), attention_mask=mask).weights(0)
    for edit in (set_weights(0, own), permute_row(0, [1, 2], [0, 1])):
        with torch.no_grad(), editing(model, edit), recording(model) as record:
            edited = model(ids(), attention_mask=mask).logits
        torch.testing.assert_close(edited, expected, rtol=1e-5, atol=1e-5)
        assert failed(record) == []
        assert not record.weights(0)[:, :, 0].any()


def test_a_mask_handed_over_by_position_is_told_as_well() -> None:
    model = tiny_model("causal", "llama")
    record = recorded(model, ids(), REAL.long())
    assert torch.equal(record.attention_mask, REAL.long())
    record.calls[0].replaced = torch.full_like(record.weights(0), 0.5)
    record.calls[0].__dict__.pop("weights")
    assert "no weight on padding" in dict(failed(record))


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
def test_a_causal_model_whose_modules_say_what_they_dont_do(kernel: str) -> None:
    model = tiny_model("causal", "llama", kernel=kernel)
    for module in model.modules():
        if hasattr(module, "is_causal"):
            module.is_causal = False  # sdpa then looks ahead; the eager function goes by its mask
    record = recorded(model, ids())
    assert (failed(record), bool(record.weights(0)[0, 0, 0, 1:].any())) == ([], kernel == "sdpa")
    for module in model.modules():
        if hasattr(module, "is_causal"):
            del module.is_causal  # of which sdpa makes a causal one
    record = recorded(model, ids())
    assert (failed(record), bool(record.weights(0)[0, 0, 0, 1:].any())) == ([], False)


def test_a_decoder_as_long_as_its_padded_encoder() -> None:
    inputs = {"input_ids": ids(), "attention_mask": REAL.long(), "decoder_input_ids": ids()}
    for family in ("bart", "t5"):
        assert failed(recorded(tiny_model("translator", family), **inputs)) == []


def gemma3(kernel: str) -> nn.Module:
    torch.manual_seed(0)
    text = {"vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 8}
    vision = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = Gemma3Config(
        text_config={**text, "num_key_value_heads": 2, "intermediate_size": 48, "initializer_range": 0.3},
        vision_config={**vision, "image_size": 28, "patch_size": 7},
        mm_tokens_per_image=4, image_token_index=63, boi_token_index=62, eoi_token_index=61,
    )  # fmt: skip
    model = Gemma3ForConditionalGeneration(config).eval()
    model.set_attn_implementation(kernel)
    return model


def image_and_text() -> dict[str, Tensor]:
    words = torch.tensor([[5, 6, 62, 63, 63, 63, 63, 61, 7, 8]])
    pixels = torch.randn(1, 3, 28, 28, generator=torch.Generator().manual_seed(2))
    return {"input_ids": words, "token_type_ids": (words == 63).long(), "pixel_values": pixels}


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
def test_tokens_of_an_image_see_each_other_and_have_their_layers_while_generating(kernel: str) -> None:
    model, inputs = gemma3(kernel), image_and_text()
    one = recorded(model, **inputs)
    assert failed(one) == []
    assert one.weights(len(one) - 1)[0, :, 3, 4:7].min() > 0 == one.weights(len(one) - 1)[0, :, 3, 7:].max()
    with recording(model) as record:
        model.generate(**inputs, max_new_tokens=3, min_new_tokens=3, do_sample=False, pad_token_id=0)
    for number in range(3):
        step = record.step(number)
        assert ([call.name for call in step.calls], failed(step)) == ([call.name for call in one.calls], [])
    for layer in range(len(one)):
        torch.testing.assert_close(record.step(0).weights(layer), one.weights(layer), rtol=0, atol=1e-6)


class OwnAttention(nn.Module):
    """Attention written out, or by PyTorch's kernel, with what people do to rows of it."""

    num_heads = 4

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.is_causal = way, True
        self.embedding, self.projection = nn.Embedding(99, 32), nn.Linear(32, 96)

    def forward(self, words: Tensor) -> Tensor:
        query, key, value = self.projection(self.embedding(words)).unflatten(-1, (3, 4, 8)).permute(2, 0, 3, 1, 4)
        strict = CAUSAL.tril(-1)
        if self.way.startswith("kernel"):
            numbers = {"kernel least": torch.finfo(torch.float32).min, "kernel -inf": -math.inf}
            mask = added(strict, numbers[self.way]) if self.way in numbers else strict
            dropped = 0.5 if self.way == "kernel dropout" else 0.0
            written = functional.scaled_dot_product_attention(query, key, value, mask, dropped)
        else:
            scores = query @ key.mT / 8**0.5
            if self.way == "not a number":
                weights = scores.masked_fill(~strict, -math.inf).softmax(dim=-1).nan_to_num(0)
            elif self.way == "dropout":
                weights = functional.dropout(scores.softmax(dim=-1), 0.5)
            else:
                weights = scores.softmax(dim=-1) * torch.tensor([1, 0, 0.5, 1]).view(4, 1, 1)
            written = weights @ value
        return written.transpose(1, 2).flatten(2)


@pytest.mark.parametrize(
    "way", ["not a number", "dropout", "head mask", "kernel flags", "kernel least", "kernel -inf", "kernel dropout"]
)
def test_modules_of_ones_own(way: str) -> None:
    model = OwnAttention(way)
    with torch.no_grad(), recording(model) as record:
        answer = model(ids())
    if way == "kernel dropout":  # drawn inside the kernel, so nobody knows the weights that it used
        assert [name for name, _ in failed(record)] == [
            "weights x values give what the kernel returned (dropout was on)"
        ]
        return
    assert failed(record) == []
    written = record.weights(0) @ record.calls[0].values_per_head
    torch.testing.assert_close(written.transpose(1, 2).flatten(2), answer, rtol=0, atol=1e-6)


def test_dropped_weights_are_those_of_an_eager_kernel_and_said_of_a_fused_one() -> None:
    inputs = tiny_inputs("classifier")
    assert failed(recorded(tiny_model("classifier", "bert", kernel="eager").train(), **inputs)) == []
    assert [name for name, _ in failed(recorded(tiny_model("classifier", "bert").train(), **inputs))] == [
        "weights x values give what the kernel returned (dropout was on)"
    ]
