"""Inputs that begin alike, answered from one reading of the beginning: against each input run by itself."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, BambaConfig, LlamaConfig, MistralConfig

from interpret.interventions.decision_row import read_row
from interpret.subjects.models import reading_cost
from interpret.subjects.models.shared_prefix import SharedPrefix
from interpret.subjects.text import TextSubject

LAST_ONLY = {"use_cache": False, "logits_to_keep": 1}


class Counted:
    """How many tokens a model was given."""

    def __init__(self, model: Any) -> None:
        self.tokens = 0
        self.handle = model.register_forward_pre_hook(self._count, with_kwargs=True)

    def _count(self, _: Any, __: Any, kwargs: dict[str, Any]) -> None:
        self.tokens += kwargs["input_ids"].numel()


def alike(shared: int, rows: int = 100, tokens: int = 20) -> Tensor:
    """Random inputs of which the first differs from all others right after `shared` tokens."""
    ids = torch.randint(6, 60, (rows, tokens), generator=torch.Generator().manual_seed(3))
    ids[:, :shared] = ids[0, :shared]
    ids[:, shared : shared + 1] = 7
    ids[0, shared : shared + 1] = 6
    return ids


def tiny(config: type, **settings: Any) -> Any:
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config(vocab_size=64, **sizes, **settings)).eval()


def sharing(model: Any) -> SharedPrefix:
    return SharedPrefix(model, LAST_ONLY, lambda ids: model(input_ids=ids, **LAST_ONLY).logits[:, -1])


def answers(prefix: SharedPrefix, *parts: Tensor) -> Tensor:
    return torch.cat(list(prefix.answers(parts)))


def one_by_one(model: Any, ids: Tensor) -> Tensor:
    return torch.cat([model(input_ids=row[None]).logits[:, -1] for row in ids])


@torch.no_grad()
@pytest.mark.parametrize("name", ["gpt2", "llama"])
@pytest.mark.parametrize("shared", [4, 11, 19])
def test_the_answers_are_those_of_each_input_by_itself(name: str, shared: int, request: pytest.FixtureRequest) -> None:
    model: Any = request.getfixturevalue(name).model
    ids, prefix = alike(shared), sharing(model)
    expected = one_by_one(model, ids)
    for _ in range(2):  # the first time it is compared with a whole pass
        torch.testing.assert_close(answers(prefix, ids), expected, rtol=1e-4, atol=1e-5)
    count = Counted(model)
    answers(prefix, ids)
    assert count.tokens == shared + 100 * (20 - shared)  # the beginning once, the rest of each


@torch.no_grad()
def test_neighbours_that_share_more_than_all_do_are_read_together(llama: TextSubject) -> None:
    ids = torch.cat([alike(15), 60 - alike(12)])
    count = Counted(llama.model)
    found = answers(sharing(llama.model), ids)
    assert count.tokens == 15 + 100 * 5 + 12 + 100 * 8 + 20 + 5  # and one input, whole and the rest of it, to compare
    torch.testing.assert_close(found, one_by_one(llama.model, ids), rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_a_beginning_is_read_once_for_all_parts_that_share_it(name: str, request: pytest.FixtureRequest) -> None:
    model: Any = request.getfixturevalue(name).model
    first, prefix = alike(15), sharing(model)
    shorter, longer, other = first.clone(), first.clone(), 60 - first
    shorter[1:, 11] = 8  # 11 tokens alike
    longer[:, 15:18] = 9  # 18 tokens alike, 15 of them those of the first part
    longer[1:, 18] = 8
    parts = first, shorter, longer, other
    answers(prefix, *parts)  # the first time, one is compared with a whole pass
    count = Counted(model)
    found = answers(prefix, *parts)
    rest = 100 * (5 + 9 + 2 + 5)
    assert count.tokens == 15 + (18 - 15) + 15 + rest
    torch.testing.assert_close(found, one_by_one(model, torch.cat(parts)), rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("ids", [alike(0), alike(2), alike(11, rows=20), alike(5)[:1], alike(0, tokens=1)])
def test_where_little_is_shared_inputs_are_read_whole(ids: Tensor, llama: TextSubject) -> None:
    count = Counted(llama.model)
    found = answers(sharing(llama.model), ids)
    assert count.tokens == ids.numel()
    torch.testing.assert_close(found, one_by_one(llama.model, ids), rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize(
    ("config", "settings"),
    [
        (MistralConfig, {"sliding_window": 4, "num_key_value_heads": 2}),
        (
            BambaConfig,
            {
                "mamba_n_heads": 8,
                "mamba_d_head": 8,
                "attn_layer_indices": [1],
                "num_key_value_heads": 4,
                "mamba_chunk_size": 8,
            },
        ),
    ],
)
def test_caches_that_forget_positions_or_hold_a_state_are_not_trusted(config: type, settings: dict[str, Any]) -> None:
    model = tiny(config, **settings)
    prefix, ids, count = sharing(model), alike(11), Counted(model)
    torch.testing.assert_close(answers(prefix, ids), model(input_ids=ids).logits[:, -1], rtol=1e-4, atol=1e-5)
    assert count.tokens == 11 + 2 * ids.numel()
    answers(prefix, ids)
    assert count.tokens == 11 + 3 * ids.numel()  # it isn't tried again


@torch.no_grad()
def test_a_model_that_does_something_else_with_its_cache_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny(LlamaConfig)
    right = model.forward

    def forgetful(input_ids: Tensor, past_key_values: Any = None, use_cache: bool = False, **options: Any) -> Any:
        return right(input_ids=input_ids, use_cache=use_cache, **options)

    ids = alike(11)
    expected = one_by_one(model, ids)
    monkeypatch.setattr(model, "forward", forgetful)
    torch.testing.assert_close(answers(sharing(model), ids), expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_leaving_words_out_of_a_text_reads_its_beginning_once(llama: TextSubject) -> None:
    example = llama.encode(16 * "a film and ")
    decision = llama.decide(example)
    every = torch.eye(len(example.units), dtype=torch.bool)
    count = Counted(llama.model)
    found = llama.erase(example, every, target=decision.target, eraser="delete")
    assert count.tokens < 0.85 * len(every) * (len(example.ids) - 1)
    alone = [
        llama.scores(llama.without(example.ids, example.spread(row), "delete")[None], decision.target) for row in every
    ]
    torch.testing.assert_close(found.margin, torch.cat([each.margin for each in alone]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("layer", [0, -1])
def test_a_row_of_inputs_that_begin_alike_is_that_of_each_read_whole(
    layer: int, llama: TextSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_cost, "PASS", 0)  # as if a pass took no time beside its tokens
    example = llama.encode("the plot drags but the cast is very warm")
    decision, many = llama.decide(example), torch.arange(24)
    ids = example.ids.repeat(24, 1)
    ids[many, many // 4 + 3] = many % 4 + 5  # each of six tokens replaced in four ways
    monkeypatch.setattr(llama, "tokens_at_once", 5 * ids.shape[1])
    targets, place = torch.full((24,), decision.target), {"readout": decision.readout, "layer": layer}
    row, whole = read_row(llama, example.ids[None], targets[:1], **place), read_row(llama, ids, targets, **place)
    count, parts = Counted(llama.model), list(row.elsewhere(ids, torch.zeros(24, dtype=torch.int64)))
    count.handle.remove()
    assert [len(part.ids) for part in parts] == [5, 5, 5, 5, 4]
    assert count.tokens < 0.9 * ids.numel()
    edited = row.written[None].expand(24, 1, *row.written.shape[1:])
    with torch.no_grad():
        margins = torch.cat([part.margins(edited[: len(part.ids)]) for part in parts])
        torch.testing.assert_close(margins, whole.margins(edited), rtol=1e-4, atol=1e-5)
    for name in ("ids", "targets", "written", "clean", *(["states"] if layer else [])):
        found = torch.cat([getattr(part, name) for part in parts])
        torch.testing.assert_close(found, getattr(whole, name), rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_long_inputs_that_are_read_one_by_one_share_what_neighbours_begin_with(
    name: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(reading_cost, "PASS", 3)
    model: Any = request.getfixturevalue(name).model
    ids = torch.randint(6, 60, (1, 20), generator=torch.Generator().manual_seed(3)).repeat(9, 1)
    for row, place in enumerate([10, 10, 10, 16, 16, 12, 12, 0, 0]):
        ids[row, place] = 60 + row % 3
    parts, prefix = ids.split(1), sharing(model)
    answers(prefix, *parts[:2])  # the first time, one is compared with a whole pass
    count = Counted(model)
    found = answers(prefix, *parts)
    once = 10 + 3 * 10 + (16 - 10) + 2 * 4  # 16 are read where there were 10
    shorter = 2 * 8  # 12 of the 16 are kept
    assert count.tokens == once + shorter + 2 * 20
    torch.testing.assert_close(found, one_by_one(model, ids), rtol=1e-4, atol=1e-5)
