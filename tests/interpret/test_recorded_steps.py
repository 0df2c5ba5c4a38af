"""A recording of several passes, as `generate` makes them, against one pass over the whole text."""

from typing import Any

import pytest
import torch
from tiny_models import LANGUAGE_MODELS, TRANSLATORS, tiny_inputs, tiny_model
from torch import Tensor, nn
from transformers import FalconConfig, FalconForCausalLM, StaticCache

import interpret
from analyses.explanations.attention_only.rollout import attention_rollout
from interpret.attention.recording import Recording, recording
from interpret.doctor.building import default_config
from interpret.doctor.building import tiny_model as build_tiny
from interpret.errors import CaptureError

PROMPT = 9
OBSERVED = ("bloom", "falcon")  # which compute attention by code of their own


def language_model(family: str, kernel: str | None = None) -> nn.Module:
    if family != "falcon":
        return tiny_model("causal", family, kernel=kernel)
    torch.manual_seed(0)
    sizes = {"vocab_size": 99, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    return FalconForCausalLM._from_config(FalconConfig(**sizes), attn_implementation=kernel or "sdpa").eval()


def prompt(rows: int = 1) -> Tensor:
    return tiny_inputs("causal")["input_ids"][:rows]


def generated(model: nn.Module, ids: Tensor, **options: Any) -> tuple[Recording, Tensor]:
    """A recording of `generate`, which writes five tokens, and the text that it gives without a recording as well."""
    options = {"max_new_tokens": 5, "min_new_tokens": 5, "do_sample": False, "pad_token_id": 0, **options}
    torch.manual_seed(0)
    alone = model.generate(ids, **options)
    torch.manual_seed(0)
    with recording(model) as record:
        written = model.generate(ids, **options)
    assert torch.equal(written, alone)
    return record, written


def of_one_pass(family: str, written: Tensor, **inputs: Tensor) -> tuple[Tensor, ...]:
    with torch.no_grad():
        model = language_model(family, "eager")
        maps: tuple[Tensor, ...] = model(written, **inputs, output_attentions=True).attentions
    return maps


def failed(record: Recording) -> list[str]:
    return [check.name for check in record.checks() if not check.passed]


@pytest.mark.parametrize("cache", ["dynamic", "static"])
@pytest.mark.parametrize("family", [*LANGUAGE_MODELS, *OBSERVED])
def test_rows_of_every_step_and_whole_maps_are_those_of_one_pass(family: str, cache: str) -> None:
    record, written = generated(language_model(family), prompt(2), cache_implementation=cache)
    expected = of_one_pass(family, written)
    assert (record.steps, len(record.step(3))) == (5, len(expected))
    for number in range(5):
        step, seen = record.step(number), PROMPT + number
        for layer, maps in enumerate(expected):
            first = 0 if number == 0 else seen - 1
            torch.testing.assert_close(step.weights(layer), maps[:, :, first:seen, :seen], rtol=0, atol=2e-6)
        assert failed(step) == []
    whole = record.whole()
    for layer, maps in enumerate(expected):
        torch.testing.assert_close(whole.weights(layer), maps[:, :, :-1, :-1], rtol=0, atol=2e-6)
    assert failed(whole) == []


def test_a_step_is_a_recording_like_any_other() -> None:
    model = tiny_model("causal", "llama")
    record, written = generated(model, prompt(2))
    with torch.no_grad(), recording(model) as one:
        model(written[:, :-1])
    step, whole = record.step(2), record.whole()
    assert (step.steps, len(step), step.way) == (1, 2, "interface")
    assert step.stacked(1).shape == (2, 4, 1, 11)
    assert all(step.visible(each).all() for each in range(2))
    torch.testing.assert_close(step.row(1, 3, 0, example=1), one.weights(1)[1, 3, 10, :11])
    torch.testing.assert_close(step.output(1), one.output(1)[:, 10:11])
    torch.testing.assert_close(whole.output(1), one.output(1))
    torch.testing.assert_close(whole.calls[1].values_per_head, one.calls[1].values_per_head)
    assert all(torch.equal(whole.visible(each), one.visible(each)) for each in range(2))
    torch.testing.assert_close(whole.calls[1].rows(7, 12), one.weights(1)[:, :, 7:12], rtol=0, atol=1e-6)
    for each in range(2):
        theirs = attention_rollout(one, example=each).flow
        torch.testing.assert_close(attention_rollout(whole, example=each).flow, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
def test_a_batch_that_is_padded_on_the_left(kernel: str) -> None:
    ids, told = prompt(2), torch.ones(2, PROMPT, dtype=torch.long)
    told[1, :3] = 0
    record, written = generated(tiny_model("causal", "llama", kernel=kernel), ids, attention_mask=told)
    told = torch.cat([told, told.new_ones(2, 5)], dim=1)
    expected = of_one_pass("llama", written, attention_mask=told, position_ids=(told.cumsum(1) - 1).clamp(min=0))
    for layer in range(2):
        found, wanted = record.whole().weights(layer), expected[layer][:, :, :-1, :-1]
        torch.testing.assert_close(found[0], wanted[0], rtol=0, atol=2e-6)
        torch.testing.assert_close(found[1, :, 3:], wanted[1, :, 3:], rtol=0, atol=2e-6)
    assert [failed(record.step(number)) for number in range(5)] == [[]] * 5


@pytest.mark.parametrize("cache", ["dynamic", "static"])
@pytest.mark.parametrize("length", [9, 3])
@pytest.mark.parametrize("family", TRANSLATORS)
def test_an_encoder_that_runs_once_has_its_numbers_in_every_step(family: str, length: int, cache: str) -> None:
    model, ids = tiny_model("translator", family), prompt()[:, :length]
    record, written = generated(model, ids, cache_implementation=cache, decoder_start_token_id=2)
    with torch.no_grad(), recording(model) as one:
        model(input_ids=ids, decoder_input_ids=written[:, :-1])
    whole = record.whole()
    assert [call.name for call in record.step(3).calls] == [call.name for call in one.calls]
    for layer in range(len(one)):
        torch.testing.assert_close(whole.weights(layer), one.weights(layer), rtol=0, atol=2e-6)
    assert failed(whole) == []


def test_passes_of_other_ways_to_generate() -> None:
    model = tiny_model("causal", "llama")
    record, _ = generated(model, prompt(), do_sample=True, num_return_sequences=3)
    assert record.whole().stacked(2).shape == (2, 4, 13, 13)
    record, written = generated(model, prompt(), prefill_chunk_size=4)
    maps = of_one_pass("llama", written)
    torch.testing.assert_close(record.whole().weights(1), maps[1][:, :, :-1, :-1], rtol=0, atol=2e-6)
    repeated = prompt().repeat(1, 2)
    record, written = generated(model, repeated, prompt_lookup_num_tokens=3, max_new_tokens=9)  # drafts, some rejected
    read = min(record.whole().weights(1).shape[2], written.shape[1])
    torch.testing.assert_close(
        record.whole().weights(1)[:, :, :read, :read],
        of_one_pass("llama", written)[1][:, :, :read, :read],
        rtol=0,
        atol=2e-6,
    )
    with torch.inference_mode():
        record, _ = generated(model, prompt())
    assert failed(record.whole()) == []
    record, written = generated(model, prompt(), use_cache=False)
    torch.testing.assert_close(record.step(4).weights(1), of_one_pass("llama", written[:, :-1])[1], rtol=0, atol=2e-6)
    record, _ = generated(model, prompt(), max_new_tokens=1, min_new_tokens=1)
    assert record.step(0).weights(0).shape == record.weights(0).shape == record.whole().weights(0).shape


def test_beams_that_change_places_have_their_rows_but_no_common_map() -> None:
    record, _ = generated(tiny_model("causal", "llama"), prompt(), num_beams=4)
    assert record.step(2).weights(0).shape == (4, 4, 1, 11)
    assert failed(record.step(4)) == []
    with pytest.raises(CaptureError) as error:
        record.whole()
    assert str(error.value) == (
        "the passes of this recording don't read one text on (its beams changed places, its cache was changed between "
        "two of them, or each read a text of its own), so they have no common map; run one pass over the whole text"
    )


def test_a_buffer_that_is_emptied_later_takes_nothing_from_the_recording() -> None:
    model = tiny_model("causal", "llama")
    cache = StaticCache(config=model.config, max_cache_len=20)
    with recording(model) as record:
        written = model.generate(prompt(), max_new_tokens=4, min_new_tokens=4, do_sample=False, past_key_values=cache)
    cache.reset()
    maps = of_one_pass("llama", written[:, :-1])
    torch.testing.assert_close(record.whole().weights(1), maps[1], rtol=0, atol=2e-6)


def test_keys_and_values_are_kept_once_for_all_steps() -> None:
    record, _ = generated(tiny_model("causal", "llama"), prompt(), max_new_tokens=60, min_new_tokens=60)
    kept = {}
    for call in record.calls:
        for tensor in (call.key, call.value):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    last = record.calls[-1]
    at_the_end = 2 * (last.key.nbytes + last.value.nbytes)
    assert sum(kept.values()) < 6 * at_the_end  # each step's own copies would be 30 times that


def test_a_wrapper_that_lets_the_model_inside_generate() -> None:
    class Wrapper(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = tiny_model("causal", "llama")

        def forward(self, ids: Tensor) -> Any:
            return self.inside(ids)

    wrapper = Wrapper()
    with recording(wrapper) as record:
        wrapper.inside.generate(prompt(), max_new_tokens=3, min_new_tokens=3, do_sample=False, pad_token_id=0)
    assert (record.steps, len(record.step(1))) == (3, 2)
    with torch.no_grad(), recording(wrapper) as record:
        wrapper(prompt())
    assert (record.steps, len(record)) == (1, 2)


def test_what_has_no_one_meaning_is_refused() -> None:
    model = tiny_model("causal", "llama")
    record, _ = generated(model, prompt())
    for ask in (lambda: record.weights(0), lambda: len(record), record.checks):
        with pytest.raises(CaptureError) as error:
            ask()
        assert str(error.value) == (
            "this recording saw 5 forward passes, so a layer's number has no one meaning; take one of them with "
            "record.step(number), from 0 to 4, or run one pass over the whole text"
        )
    for number in (-1, 5):
        with pytest.raises(IndexError) as wrong:
            record.step(number)
        assert str(wrong.value) == f"step must be from 0 to 4, not {number}"
    with recording(model) as two:
        for _ in range(2):
            model.generate(prompt(), max_new_tokens=3, min_new_tokens=3, do_sample=False, pad_token_id=0)
    with pytest.raises(CaptureError) as error:
        two.step(1)
    assert str(error.value) == (
        "2 texts were generated in this recording, so the number of a step has no one meaning; open a new `recording` "
        "for each"
    )
    with pytest.raises(CaptureError) as error:
        attention_rollout(record.step(1))
    assert str(error.value) == (
        "attention through layers needs maps with as many queries as keys, not 1 and 10; of `generate` take "
        "record.whole(), or run one pass over the whole text"
    )


def test_several_plain_passes_are_had_by_their_numbers() -> None:
    model = tiny_model("causal", "llama")
    with torch.no_grad(), interpret.recording(model) as record:
        model(prompt())
        model(prompt()[:, :4])
    maps = of_one_pass("llama", prompt()[:, :4])
    torch.testing.assert_close(record.step(1).weights(0), maps[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", ["zamba", "zamba2"])
def test_a_layer_that_is_told_its_place_by_each_call_has_its_rows_in_every_step(family: str) -> None:
    model = build_tiny(default_config(family), "text-generation")
    record, written = generated(model, prompt())
    with torch.no_grad(), recording(model) as one:
        model(written[:, :-1])
    for layer in range(len(one)):
        torch.testing.assert_close(record.whole().weights(layer), one.weights(layer), rtol=0, atol=2e-6)
