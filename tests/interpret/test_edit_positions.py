"""Edits of positions while a model generates, against the same edits in one pass over the whole text."""

from typing import Any

import pytest
import torch
from tiny_models import tiny_inputs, tiny_model
from torch import Tensor, nn

from interpret.attention.editing import Edit, editing
from interpret.attention.edits import (
    block_attention,
    mean_head,
    permute_row,
    set_head,
    set_weights,
    uniform_row,
    zero_head,
)
from interpret.attention.recording import recording
from interpret.errors import CaptureError

PROMPT, WRITTEN = 9, 5


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3))


def weights(positions: int) -> Tensor:
    hidden = ~torch.ones(positions, positions).tril().triu(-3).bool()  # the families with a window see four positions
    return noise(1, 4, positions, positions).masked_fill(hidden, -torch.inf).softmax(dim=-1)


EDITS = {
    "a row of the prompt": [uniform_row(0, 1, query=6)],
    "a row of a token that was written": [uniform_row(0, query=11), uniform_row(1, 2, query=10)],
    "all rows": [uniform_row(1)],
    "traded keys": [permute_row(0, [8, 9, 10], [2, 0, 1], query=11)],
    "traded keys of one head": [permute_row(1, [6, 7], [1, 0], 3, query=9)],
    "blocked edges": [block_attention(range(2), [0, 2], range(9, 12), [7, 8]), block_attention(1, 1, None, 6)],
    "a row with nothing left": [block_attention(0, [1, 3], 11, range(12))],
    "blocked edges that are lost": [block_attention(None, None, 11, range(8, 11), renormalize=False)],
    "weights of all positions": [set_weights(0, weights(PROMPT + WRITTEN))],
    "an output for each position": [set_head(1, 2, noise(PROMPT + WRITTEN, 16))],
    "a mean for each position": [mean_head(0, 2, noise(PROMPT + WRITTEN, 16))],
    "an output for all positions": [set_head(0, 2, noise(16)), zero_head(1, 0)],
}


def generated(model: nn.Module, edits: list[Edit], **options: Any) -> tuple[Tensor, Tensor]:
    """The text, and the scores from which each of its tokens was chosen: `token label`."""
    ids = tiny_inputs("causal")["input_ids"][:1]
    with editing(model, *edits):
        answer = model.generate(
            ids, max_new_tokens=WRITTEN, min_new_tokens=WRITTEN, do_sample=False, pad_token_id=0, output_logits=True,
            return_dict_in_generate=True, **options,
        )  # fmt: skip
    return answer.sequences, torch.cat(answer.logits)


@pytest.mark.parametrize(
    ("family", "cache"),
    [("llama", "dynamic"), ("llama", "static"), ("mistral", "dynamic"), ("mistral", "static"), ("bloom", "dynamic")],
)
def test_an_edit_is_made_where_its_position_is_read(family: str, cache: str) -> None:
    model = tiny_model("causal", family)
    for parameter in model.parameters():  # so that edits matter
        parameter.data *= {"bloom": 10}.get(family, 3) if parameter.ndim > 1 else 1
    _, clean = generated(model, [], cache_implementation=cache)
    for name, edits in EDITS.items():
        written, scores = generated(model, edits, cache_implementation=cache)
        with torch.no_grad(), editing(model, *_for_one_pass(edits)):
            expected = model(written[:, :-1]).logits[0, PROMPT - 1 :]
        torch.testing.assert_close(scores, expected, rtol=1e-5, atol=1e-5, msg=f"{name}: {{}}".format)
        assert (scores - clean).abs().max() > 1e-4, name


def _for_one_pass(edits: list[Edit]) -> list[Edit]:
    """The same, where they give something for each position, for as many as one pass has."""
    length = PROMPT + WRITTEN - 1
    cut = {
        "weights of all positions": [set_weights(0, weights(PROMPT + WRITTEN)[..., :length, :length])],
        "an output for each position": [set_head(1, 2, noise(PROMPT + WRITTEN, 16)[:length])],
        "a mean for each position": [mean_head(0, 2, noise(PROMPT + WRITTEN, 16)[:length])],
    }
    name = next(name for name, known in EDITS.items() if known is edits)
    return cut.get(name, edits)


def test_an_output_of_the_prompt_leaves_later_positions_as_they_are() -> None:
    model = tiny_model("causal", "llama")
    with torch.no_grad(), recording(model) as source:
        model(tiny_inputs("causal")["input_ids"][1:])
    with recording(model) as record:
        written, _ = generated(model, [set_head(0, 1, source.output(0)[0, :, 1])])
    with torch.no_grad(), recording(model) as clean:
        model(written[:, :-1])
    found = record.whole().output(0)[0, :, 1]
    assert torch.equal(found[:PROMPT], source.output(0)[0, :, 1])
    torch.testing.assert_close(found[PROMPT:], clean.output(0)[0, PROMPT:, 1])


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            uniform_row(0, 1, 40),
            "the edit of position 40 in layer 0 changed nothing: positions 0 to 12 were read in this block",
        ),
        (
            mean_head(0, 1),
            "the mean that head 1 writes over the text isn't known in a pass that has it from position 9 on only; give "
            "mean=, or run one pass over the whole text",
        ),
        (permute_row(0, [3, 11], [1, 0]), "key must be from 0 to 8 in this layer, not 11"),
        (
            set_head(0, 1, noise(4, 16)),
            "the output given for head 1 is for 4 positions, and this pass has those from 0 to 8; give one for each",
        ),
    ],
)
def test_an_edit_that_cant_be_made_says_so(edit: Edit, message: str) -> None:
    with pytest.raises(CaptureError) as error:
        generated(tiny_model("causal", "llama"), [edit])
    assert str(error.value) == message


def test_what_a_window_has_dropped_cant_be_looked_at() -> None:
    ones = torch.ones(14, 14) / 14
    for edit, message in (
        (
            set_weights(0, ones),
            "the weights given look at positions before 6, which the window of this layer's cache has dropped; run one "
            "pass over the whole text",
        ),
        (permute_row(0, [2, 9], [1, 0], query=9), "key must be from 6 to 9 in this layer, not 2"),
    ):
        with pytest.raises(CaptureError) as error:
            generated(tiny_model("causal", "mistral"), [edit])
        assert str(error.value) == message


def test_layers_of_an_encoder_keep_their_numbers() -> None:
    model, ids = tiny_model("translator", "bart"), tiny_inputs("translator")["input_ids"][:1]
    for layer in (0, 2, 3):  # the encoder's first, the decoder's first on itself and on the encoder
        options = {"max_new_tokens": 4, "min_new_tokens": 4, "do_sample": False, "decoder_start_token_id": 2}
        with editing(model, zero_head(layer, 1)):
            answer = model.generate(ids, output_logits=True, return_dict_in_generate=True, **options)
        with torch.no_grad(), editing(model, zero_head(layer, 1)):
            expected = model(input_ids=ids, decoder_input_ids=answer.sequences[:, :-1]).logits[0]
        torch.testing.assert_close(torch.cat(answer.logits), expected, rtol=1e-5, atol=1e-5)
