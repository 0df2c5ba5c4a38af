"""Edits of attention against the same change made by hand."""

import copy

import pytest
import torch
from tiny_models import tiny_inputs, tiny_model

from interpret.attention.edges import masked_edges
from interpret.attention.editing import editing
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

# For each family: where the output projection of a layer is, and whether its weight is [in, out].
PROJECTIONS = [
    ("causal", "llama", "model.layers.{}.self_attn.o_proj", False),
    ("causal", "gpt2", "transformer.h.{}.attn.c_proj", True),
    ("causal", "gemma2", "model.layers.{}.self_attn.o_proj", False),
    ("causal", "gpt_oss", "model.layers.{}.self_attn.o_proj", False),
    ("causal", "gpt_neox", "gpt_neox.layers.{}.attention.dense", False),
    ("causal", "opt", "model.decoder.layers.{}.self_attn.out_proj", False),
    ("classifier", "bert", "bert.encoder.layer.{}.attention.output.dense", False),
    ("classifier", "distilbert", "distilbert.transformer.layer.{}.attention.out_lin", False),
    ("classifier", "modernbert", "model.layers.{}.attn.Wo", False),
    ("image", "vit", "vit.layers.{}.attention.o_proj", False),
]


def logits(model, inputs, *edits):
    with torch.no_grad(), editing(model, *edits):
        return model(**inputs).logits


def record(model, inputs, *edits):
    with torch.no_grad(), editing(model, *edits), recording(model) as kept:
        model(**inputs)
    return kept


@pytest.fixture(scope="module")
def llama():
    return tiny_model("causal", "llama")


@pytest.fixture(scope="module")
def inputs():
    return tiny_inputs("causal")


@pytest.mark.parametrize(("kind", "family", "path", "in_first"), PROJECTIONS)
def test_a_silent_head_is_a_head_without_output_columns(kind, family, path, in_first):
    model, inputs = tiny_model(kind, family), tiny_inputs(kind)
    for layer in (0, 1):
        by_hand = copy.deepcopy(model)
        weight = by_hand.get_submodule(path.format(layer)).weight.data
        columns = weight if in_first else weight.T
        columns[2 * 16 : 3 * 16] = 0
        with torch.no_grad():
            expected = by_hand(**inputs).logits
        torch.testing.assert_close(logits(model, inputs, zero_head(layer, 2)), expected, atol=1e-5, rtol=1e-5)
        with torch.no_grad():
            assert not torch.allclose(model(**inputs).logits, expected, atol=1e-5)


def test_a_head_may_write_its_mean(llama, inputs):
    clean = record(llama, inputs)
    mean = clean.output(1)[:, :, 3].mean(dim=1)
    edited = record(llama, inputs, mean_head(1, 3))
    torch.testing.assert_close(edited.output(1)[:, :, 3], mean[:, None].expand(-1, 9, -1))
    assert torch.equal(edited.output(1)[:, :, :3], clean.output(1)[:, :, :3])
    given = record(llama, inputs, mean_head(1, 3, mean[0]))
    torch.testing.assert_close(given.output(1)[1, 4, 3], mean[0])


def test_replacing_every_head_by_another_inputs_gives_its_decision(llama, inputs):
    other = {"input_ids": inputs["input_ids"].flip(1)}
    source = record(llama, other)
    kept = record(llama, inputs, *(set_head(1, head, source.output(1)[:, :, head]) for head in range(4)))
    assert torch.equal(kept.output(1), source.output(1))


def test_a_uniform_row_is_the_mean_of_visible_values(llama, inputs):
    clean, edited = record(llama, inputs), record(llama, inputs, uniform_row(0, head=1, query=4))
    torch.testing.assert_close(edited.weights(0)[0, 1, 4], torch.tensor([0.2] * 5 + [0.0] * 4))
    mean_of_values = clean.calls[0].values_per_head[:, 1, :5].mean(dim=1)
    torch.testing.assert_close(edited.output(0)[:, 4, 1], mean_of_values)
    assert torch.equal(edited.weights(0)[:, 0], clean.weights(0)[:, 0])
    assert torch.equal(edited.weights(0)[:, 1, :4], clean.weights(0)[:, 1, :4])


def test_permuting_a_row_trades_weights(llama, inputs):
    clean, edited = record(llama, inputs), record(llama, inputs, permute_row(1, [1, 3, 4], [2, 0, 1], query=8))
    before, after = clean.weights(1)[:, :, 8], edited.weights(1)[:, :, 8]
    assert torch.equal(after[..., [1, 3, 4]], before[..., [4, 1, 3]])
    assert torch.equal(after[..., [0, 2, 5, 6, 7, 8]], before[..., [0, 2, 5, 6, 7, 8]])


def test_blocked_edges_are_those_that_a_mask_hides(llama):
    """In all layers and heads, the model's own mask can do the same."""
    ids, queries, keys = tiny_inputs("causal")["input_ids"], [3, 5, 8], [1, 2]
    mask = torch.full((9, 9), -torch.inf).triu(1)
    mask[torch.tensor(queries)[:, None], torch.tensor(keys)] = -torch.inf
    with torch.no_grad():
        expected = llama(input_ids=ids, attention_mask=mask.expand(len(ids), 1, -1, -1)).logits
    given = {"input_ids": ids}
    for edit in (block_attention(None, None, queries, keys), block_attention(range(2), range(4), queries, range(1, 3))):
        torch.testing.assert_close(logits(llama, given, edit), expected, atol=1e-5, rtol=1e-5)
    assert float((logits(llama, given) - expected).abs().max()) > 1e-3


def test_blocking_leaves_other_rows_and_the_mass_of_a_row(llama, inputs):
    model = tiny_model("causal", "gpt_oss")  # rows sum to less than 1
    for renormalize in (True, False):
        edit = block_attention(0, 1, 6, [0, 4], renormalize=renormalize)
        clean, edited = record(model, inputs), record(model, inputs, edit)
        before, after = clean.weights(0), edited.weights(0)
        expected = before[:, 1, 6].clone()
        expected[:, [0, 4]] = 0
        lost = expected.sum(-1, keepdim=True)
        expected = expected * before[:, 1, 6].sum(-1, keepdim=True) / lost if renormalize else expected
        torch.testing.assert_close(after[:, 1, 6], expected)
        others = torch.ones(before.shape[1:3], dtype=torch.bool)
        others[1, 6] = False
        assert torch.equal(after[:, others], before[:, others])
    alone = record(llama, inputs, block_attention(0, None, 2, range(9)))
    itself = torch.eye(9)[2].expand(2, 4, -1)  # a row with nothing left
    torch.testing.assert_close(alone.weights(0)[:, :, 2], itself)
    lost = record(llama, inputs, block_attention(0, None, 2, range(9), renormalize=False))
    assert float(lost.weights(0)[:, :, 2].abs().max()) == 0


def test_own_weights_put_back_change_nothing(llama, inputs):
    clean = record(llama, inputs)
    with torch.no_grad():
        expected = llama(**inputs).logits
    again = logits(llama, inputs, *(set_weights(layer, clean.weights(layer)) for layer in (0, 1)))
    torch.testing.assert_close(again, expected, atol=1e-6, rtol=1e-5)


def test_a_sinks_share_stays_outside_the_weights():
    model, inputs = tiny_model("causal", "gpt_oss"), tiny_inputs("causal")
    with torch.no_grad():
        expected = model(**inputs).logits
    clean = record(model, inputs)
    assert float(clean.weights(0).sum(-1).max()) < 0.999
    torch.testing.assert_close(logits(model, inputs, set_weights(0, clean.weights(0))), expected, atol=1e-6, rtol=1e-5)


def test_a_recording_around_or_inside_sees_the_edit(llama, inputs):
    with torch.no_grad(), recording(llama) as around, editing(llama, uniform_row(0)), recording(llama) as inside:
        llama(**inputs)
    assert torch.equal(around.weights(0), inside.weights(0))
    assert float(around.weights(0)[0, 0, 8].std()) == pytest.approx(0, abs=1e-7)


def test_nested_edits_come_outer_first(llama, inputs):
    ones = torch.ones(())
    with (
        torch.no_grad(),
        editing(llama, set_head(0, 0, ones)),
        editing(llama, zero_head(0, 0)),
        recording(llama) as kept,
    ):
        llama(**inputs)
    assert float(kept.output(0)[:, :, 0].abs().max()) == 0


def test_the_model_is_as_before_also_after_an_error(llama, inputs):
    with torch.no_grad():
        before = llama(**inputs).logits
    with pytest.raises(ZeroDivisionError), editing(llama, zero_head(0, 0)):
        llama(**inputs)
        raise ZeroDivisionError
    with torch.no_grad():
        assert torch.equal(llama(**inputs).logits, before)


def test_gradients_flow_through_edits(llama, inputs):
    gate = torch.ones((), requires_grad=True)
    with editing(llama, set_head(0, 1, gate)):
        llama(**inputs).logits.sum().backward()
    assert gate.grad is not None
    assert float(gate.grad.abs()) > 0


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (zero_head(0, 4), "head must be from 0 to 3 in this layer, not 4"),
        (uniform_row(0, 9), "head must be from 0 to 3 in this layer, not 9"),
        (
            uniform_row(0, 1, 99),
            "the edit of position 99 in layer 0 changed nothing: positions 0 to 8 were read in this block",
        ),
        (permute_row(0, [0, 9], [1, 0]), "key must be from 0 to 8 in this layer, not 9"),
        (
            set_head(0, 1, torch.zeros(5, 16)),
            "the output given for head 1 is for 5 positions, and this pass has those from 0 to 8; give one for each",
        ),
        (zero_head(2, 0), "the edit of layer 2 changed nothing: layers 0 to 1 ran in this block"),
        (
            block_attention(range(1, 3), None, None, 0),
            "the edit of layer 2 changed nothing: layers 0 to 1 ran in this block",
        ),
        (
            block_attention(0, None, 30, [31, 32]),
            "the edit of keys [31, 32] of queries [30] in layer 0 changed nothing: positions 0 to 8 were read in this "
            "block",
        ),
        (block_attention(0, 7, None, 1), "head must be from 0 to 3 in this layer, not 7"),
    ],
)
def test_an_edit_that_cant_be_made_says_so(llama, inputs, edit, message):
    with pytest.raises(CaptureError) as error:
        logits(llama, inputs, edit)
    assert str(error.value) == message


@pytest.mark.parametrize("wrong", [(0, None, None, []), (0, None, -1, 2), (0, None, None, [0, -2]), (0, -1, None, 2)])
def test_edges_that_cant_be_are_refused(wrong):
    with pytest.raises(ValueError, match=r"^block_attention takes heads and positions counted from 0, and at"):
        block_attention(*wrong)


def test_an_order_that_is_no_permutation_is_refused():
    with pytest.raises(ValueError, match=r"^order must be a permutation of 0 to 2, not \[0, 0, 1\]$"):
        permute_row(0, [3, 4, 5], [0, 0, 1])


@pytest.mark.parametrize("sink", [None, -1.0, 4.0])
def test_blocked_weight_goes_where_a_mask_would_send_it(sink: float | None) -> None:
    """A softmax over scores of keys and a learned sink, with minus infinity for the edges."""
    scores = 2 * torch.randn(3, 5, 5, generator=torch.Generator().manual_seed(0))
    scores = scores if sink is None else torch.nn.functional.pad(scores, (0, 1), value=sink)
    blocked = torch.zeros(5, 5, dtype=torch.bool)
    blocked[0, :4] = blocked[2, 1] = blocked[4, 2:] = True
    if sink is not None:
        blocked[1] = True  # all that is left is the sink
    masked = scores.clone()
    masked[..., :5] = scores[..., :5].masked_fill(blocked, -torch.inf)
    found = masked_edges(scores.softmax(dim=-1)[..., :5], blocked)
    torch.testing.assert_close(found, masked.softmax(dim=-1)[..., :5], rtol=1e-5, atol=1e-6)
