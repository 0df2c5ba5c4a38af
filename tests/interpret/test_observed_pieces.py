"""Attention in windows and blocks, read as whole maps: against formulas, and against what the models show of it."""

import copy
import math

import pytest
import torch
from torch.nn.functional import pad
from transformers import AutoConfig, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification, LongformerModel

from interpret.attention.editing import editing
from interpret.attention.edits import set_weights, uniform_row, zero_head
from interpret.attention.recording import recording
from interpret.errors import CaptureError

HEADS, WIDTH = 4, 16
_SMALL = dict(vocab_size=99, hidden_size=64, num_hidden_layers=2, num_attention_heads=HEADS, intermediate_size=64)
_ENDS = dict(pad_token_id=0, bos_token_id=2, eos_token_id=1, sep_token_id=1, num_labels=3, max_position_embeddings=64)
_PAIR = dict(vocab_size=99, d_model=64, encoder_layers=2, decoder_layers=2, encoder_ffn_dim=64, decoder_ffn_dim=64)
_PAIR_HEADS = dict(encoder_attention_heads=HEADS, decoder_attention_heads=HEADS, decoder_start_token_id=2)


def built(family: str, made, **settings):
    torch.manual_seed(0)
    model = made(AutoConfig.for_model(family, **{**_ENDS, **settings})).eval()
    for parameter in model.parameters():  # attention as uneven as in trained models
        parameter.data.mul_(4 if parameter.ndim > 1 else 1)
    return model


def longformer(window=4, **settings):
    return built("longformer", LongformerModel, **_SMALL, attention_window=[window, window], **settings)


def led(window=4):
    sizes = dict(attention_window=[window, window], max_encoder_position_embeddings=64)
    return built("led", AutoModelForSeq2SeqLM.from_config, **_PAIR, **_PAIR_HEADS, **sizes)


def bird(block=2, random=1):
    sizes = dict(block_size=block, num_random_blocks=random)
    return built("big_bird", AutoModelForSequenceClassification.from_config, **_SMALL, **sizes)


def pegasus_bird():
    sizes = dict(block_size=2, num_random_blocks=1)
    return built("bigbird_pegasus", AutoModelForSeq2SeqLM.from_config, **_PAIR, **_PAIR_HEADS, **sizes)


def long_t5():
    sizes = dict(vocab_size=99, d_model=64, d_kv=WIDTH, d_ff=64, num_layers=2, num_heads=HEADS, local_radius=2)
    return built("longt5", AutoModelForSeq2SeqLM.from_config, **sizes, decoder_start_token_id=0)


def inputs(length=15, padded=3, globals_at=(), answer=False):
    ids = torch.randint(5, 99, (2, length), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    if padded:
        mask[1, -padded:] = 0
    given = {"input_ids": ids * mask, "attention_mask": mask}
    if globals_at:
        given["global_attention_mask"] = torch.zeros_like(ids)
        for example, position in globals_at:
            given["global_attention_mask"][example, position] = 1
    if answer:
        given["decoder_input_ids"] = ids[:, :5]
    return given


def run(model, given, *edits):
    with torch.no_grad(), editing(model, *edits), recording(model) as kept:
        output = model(**given)
    return kept, output[0]


def plain(model, given):
    with torch.no_grad():
        return model(**given)[0]


def read_by(module, model, given):
    """What a module was given, as it is without anybody listening."""
    seen = []
    hook = module.register_forward_pre_hook(
        lambda _, args, kwargs: seen.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True
    )
    plain(model, given)
    hook.remove()
    return seen[0]


def by_head(projected):
    return projected.detach().double().view(*projected.shape[:2], HEADS, WIDTH).permute(0, 2, 1, 3)


def attended(query, key, value, counted, bias=None):
    """Attention by its formula, one row at a time; `counted[b, q, k]` says how many times a query sees a key."""
    weights = torch.zeros(*query.shape[:3], key.shape[2], dtype=torch.double)
    for example, head, row in torch.cartesian_prod(*(torch.arange(size) for size in query.shape[:3])).tolist():
        seen = [(place, int(many)) for place, many in enumerate(counted[example, row]) if many]
        score = {
            place: float(query[example, head, row] @ key[example, head, place])
            + (0.0 if bias is None else float(bias[head, row, place]))
            for place, _ in seen
        }
        whole = sum(many * math.exp(score[place]) for place, many in seen)
        for place, many in seen:
            weights[example, head, row, place] = many * math.exp(score[place]) / whole
    return weights, weights @ value


def close(call, weights, written, rows, tolerance=1e-6):
    assert (call.weights - weights)[rows].abs().max() < tolerance
    assert (call.output.transpose(1, 2) - written)[rows].abs().max() < 10 * tolerance


def real_rows(given):
    mask = given["attention_mask"].bool()
    return mask[:, None, :].expand(-1, HEADS, -1)


def windowed(module, hidden, given, half):
    """Longformer's weights and outputs (Beltagy et al. 2020, section 3) without its bands."""
    scaled = [1 / math.sqrt(WIDTH), 1]
    local = [by_head(map_(hidden)) for map_ in (module.query, module.key, module.value)]
    wide = [by_head(map_(hidden)) for map_ in (module.query_global, module.key_global, module.value_global)]
    mask, length = given["attention_mask"], given["input_ids"].shape[1]
    marked = given.get("global_attention_mask", torch.zeros_like(mask)) * mask
    counted = torch.zeros(len(mask), length, length, dtype=torch.long)
    for example in range(len(mask)):
        for row in range(length):
            for key in range(length):
                near = abs(row - key) <= half or marked[example, key] == 1
                counted[example, row, key] = int(near and mask[example, key] == 1)
    everything = mask[:, None, :].expand(-1, length, -1)
    weights, written = attended(local[0] * scaled[0], local[1], local[2], counted)
    own, others = attended(wide[0] * scaled[0], wide[1], wide[2], everything)
    chosen = marked.bool()[:, None, :, None]
    return torch.where(chosen, own, weights), torch.where(chosen, others, written)


TWO = ((0, 0), (0, 7), (1, 3))


@pytest.mark.parametrize("globals_at", [(), ((0, 0), (1, 0)), TWO], ids=["none", "first", "several"])
@pytest.mark.parametrize("window", [4, 6, 32])
def test_windows_and_global_positions_of_longformer_are_those_of_the_formula(window, globals_at):
    model, given = longformer(window), inputs(globals_at=globals_at)
    kept, _ = run(model, given)
    assert (len(kept), kept.way) == (2, "observed")
    for layer, call in enumerate(kept.calls):
        module = model.get_submodule(f"encoder.layer.{layer}.attention.self")
        hidden = read_by(module, model, given)[:, :15]
        close(call, *windowed(module, hidden, given, window // 2), real_rows(given))


def test_a_window_over_the_whole_text_is_full_attention():
    model, given = longformer(32), inputs(padded=0)
    call = run(model, given)[0].calls[0]
    module = model.encoder.layer[0].attention.self
    query, key = (by_head(map_(read_by(module, model, given)))[:, :, :15] for map_ in (module.query, module.key))
    full = (query @ key.mT / math.sqrt(WIDTH)).softmax(-1)
    torch.testing.assert_close(call.weights.double(), full, atol=1e-6, rtol=0)


@pytest.mark.parametrize("globals_at", [(), TWO], ids=["none", "several"])
@pytest.mark.parametrize("family", [longformer, led])
def test_the_bands_that_a_model_shows_say_the_same(family, globals_at):
    model, given, half = family(), inputs(globals_at=globals_at, answer=family is led), 2
    kept, _ = run(model, given)
    with torch.no_grad():
        shown = model(**given, output_attentions=True)
    name = "encoder_attentions" if family is led else "attentions"
    wide_name = "encoder_global_attentions" if family is led else "global_attentions"
    marked = given.get("global_attention_mask", torch.zeros_like(given["input_ids"]))
    most = int(marked.sum(-1).max())
    for layer, bands in enumerate(getattr(shown, name)):
        dense = torch.zeros(2, HEADS, 15, 15)
        for example in range(2):
            places = marked[example].nonzero()[:, 0].tolist()
            for row in range(15):
                for number, place in enumerate(places):
                    dense[example, :, row, place] += bands[example, :, row, number]
                for step in range(2 * half + 1):
                    if 0 <= (place := row - half + step) < 15:
                        dense[example, :, row, place] += bands[example, :, row, most + step]
            for number, place in enumerate(places):
                dense[example, :, place] = getattr(shown, wide_name)[layer][example, :, :15, number]
        rows = real_rows(given)
        assert (kept.weights(layer) - dense)[rows].abs().max() < 1e-6


def test_blocks_of_big_bird_are_those_of_the_formula():
    """Of 9 blocks of 2, the first and the last see all; others see both, their neighbours, and a random block.

    Out of training that random block is always the first one, which is therefore met twice (Zaheer et al. 2020, 3).
    """
    model, given, block, blocks = bird(), inputs(17), 2, 9
    kept, _ = run(model, given)
    module = model.bert.encoder.layer[1].attention.self
    hidden = read_by(module, model, given)[:, :17]
    query, key, value = (by_head(map_(hidden)) for map_ in (module.query, module.key, module.value))
    counted = torch.zeros(2, 17, 17, dtype=torch.long)
    for example in range(2):
        for row in range(17):
            own = row // block
            near = {max(own - 1, 0), own, min(own + 1, blocks - 1), 0, blocks - 1}
            for place in range(17):
                seen = 1 if own in (0, blocks - 1) else int(place // block in near) + int(place // block == 0)
                counted[example, row, place] = seen * int(given["attention_mask"][example, place])
    assert counted.max() == 2
    close(kept.calls[1], *attended(query / math.sqrt(WIDTH), key, value, counted), real_rows(given))


def test_windows_of_longt5_are_those_of_the_formula():
    model, given = long_t5(), inputs(answer=True)
    kept, _ = run(model, given)
    assert (len(kept), kept.way) == (6, "interface and observed")
    first = model.encoder.block[0].layer[0].LocalSelfAttention
    near = torch.arange(15)
    bucket = first._relative_position_bucket(near[None] - near[:, None], num_buckets=32, max_distance=128)
    bias = first.relative_attention_bias(bucket).permute(2, 0, 1).detach()
    is_near = (near[None] - near[:, None]).abs() <= 2
    counted = is_near[None].long() * given["attention_mask"][:, None, :]
    for layer in (0, 1):
        module = model.encoder.block[layer].layer[0].LocalSelfAttention
        hidden = read_by(module, model, given)
        query, key, value = (by_head(map_(hidden)) for map_ in (module.q, module.k, module.v))
        # rows round otherwise: scores of T5 aren't scaled, and are large
        close(kept.calls[layer], *attended(query, key, value, counted, bias), real_rows(given), tolerance=1e-5)


MODELS = {
    "longformer": (longformer, {"globals_at": TWO}, "encoder.layer.{}.attention.output.dense"),
    "led": (led, {"answer": True, "globals_at": TWO}, "led.encoder.layers.{}.self_attn.output"),
    "big_bird": (bird, {}, "bert.encoder.layer.{}.attention.output.dense"),
    "bigbird_pegasus": (pegasus_bird, {"answer": True}, "model.encoder.layers.{}.self_attn.output"),
    "longt5": (long_t5, {"answer": True}, "encoder.block.{}.layer.0.LocalSelfAttention.o"),
}
every_model = pytest.mark.parametrize("family", MODELS)


def model_of(family):
    made, options, projection = MODELS[family]
    return made(), inputs(17, **options), projection


@every_model
def test_recording_changes_nothing(family):
    model, given, _ = model_of(family)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    alone = plain(model, given)
    kept, recorded = run(model, given)
    assert torch.equal(alone, recorded)
    for layer, call in enumerate(kept.calls):
        rows = real_rows(given)[:, 0] if call.weights.shape[2] == 17 else slice(None)
        assert (kept.weights(layer).sum(-1) - 1).abs().transpose(1, 2)[rows].max() < 1e-5
        assert (call.written(kept.weights(layer)) - kept.output(layer))[
            rows
        ].abs().max() < 1e-5 * call.output.abs().max()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())
    assert torch.equal(plain(model, given), alone)


@every_model
def test_a_silent_head_is_a_head_without_output_columns(family):
    model, given, projection = model_of(family)
    for layer in (0, 1):
        by_hand = copy.deepcopy(model)
        by_hand.get_submodule(projection.format(layer)).weight.data[:, 2 * WIDTH : 3 * WIDTH] = 0
        expected = plain(by_hand, given)
        assert not torch.allclose(plain(model, given), expected, atol=1e-4)
        torch.testing.assert_close(run(model, given, zero_head(layer, 2))[1], expected, atol=1e-5, rtol=1e-5)


@every_model
def test_own_weights_put_back_change_nothing_and_others_do(family):
    model, given, _ = model_of(family)
    kept, expected = run(model, given)
    own = [set_weights(layer, kept.weights(layer)) for layer in range(len(kept))]
    again, found = run(model, given, *own)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-5)
    assert all(torch.equal(again.weights(layer), kept.weights(layer)) for layer in range(len(kept)))
    assert not torch.allclose(run(model, given, uniform_row(0))[1], expected, atol=1e-4)


def test_a_row_of_global_attention_is_changed_with_the_values_that_it_meets():
    model, given = longformer(), inputs(padded=0, globals_at=((0, 3), (1, 3)))
    module = model.encoder.layer[1].attention.self
    hidden, clean = read_by(module, model, given)[:, :15], run(model, given)[0].calls[1]
    found = run(model, given, uniform_row(1, head=1, query=3), uniform_row(1, head=1, query=9))[0].calls[1].output
    by_rule = {3: by_head(module.value_global(hidden))[:, 1].mean(1)}
    near = [3, 7, 8, 9, 10, 11]  # the global position, and two on either side
    by_rule[9] = by_head(module.value(hidden))[:, 1, near].mean(1)
    for row, expected in by_rule.items():
        torch.testing.assert_close(found[:, row, 1].double(), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found[:, [0, 8, 14]], clean.output[:, [0, 8, 14]], atol=1e-5, rtol=1e-5)
    wide, local = (by_head(map_(hidden)) for map_ in (module.value_global, module.value))
    torch.testing.assert_close(clean.values_at([3]).double(), wide, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(clean.values_at([2, 9]).double(), local, atol=1e-5, rtol=1e-5)
    with pytest.raises(CaptureError) as error:
        clean.values_at([3, 9])
    assert str(error.value) == (
        "rows of global attention in encoder.layer.1.attention.self have other values than the rest, so rows of both "
        "kinds have none in common"
    )


def test_gradients_flow_back_from_weights_and_through_edits():
    model, given = longformer(), inputs(padded=0)
    ids = given.pop("input_ids")
    embedded = model.get_input_embeddings()(ids).detach().requires_grad_()
    with recording(model) as kept:
        answer = model(inputs_embeds=embedded, **given)[0]
    assert torch.equal(answer.detach(), plain(model, {"input_ids": ids, **given}))
    (gradient,) = torch.autograd.grad(answer[:, 3, 0].sum(), kept.output(1), retain_graph=True)
    assert gradient.isfinite().all() and gradient.abs().sum() > 0
    with torch.no_grad():  # asked for later, by somebody who keeps no gradients
        assert not kept.calls[1].values_per_head.requires_grad or kept.calls[1].differentiable
    (gradient,) = torch.autograd.grad(kept.weights(1)[0, 0, 3, 1], embedded)
    assert gradient[0].isfinite().all() and gradient[0].abs().sum() > 0 and gradient[1].abs().sum() == 0
    with editing(model, uniform_row(1), zero_head(0, 1)):
        answer = model(inputs_embeds=embedded, **given)[0]
    (gradient,) = torch.autograd.grad(answer[:, 3, 0].sum(), embedded)
    assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_what_ran_in_inference_mode_is_read_there_and_later():
    model, given = longformer(), inputs(globals_at=TWO)
    expected = run(model, given)[0]
    with torch.inference_mode(), recording(model) as kept:
        model(**given)
        inside = kept.weights(0)
    assert torch.equal(inside, expected.weights(0)) and torch.equal(kept.weights(1), expected.weights(1))
    assert torch.equal(kept.calls[1].values_at([2]), expected.calls[1].values_at([2]))


@pytest.mark.parametrize("family", ["longformer", "big_bird"])
def test_rows_are_those_of_the_whole_map(family):
    model, given, _ = model_of(family)
    whole, some = (run(model, given)[0].calls[1] for _ in range(2))
    for start, stop in [(0, 1), (3, 9), (16, 17), (0, 17)]:
        assert torch.equal(some.rows(start, stop), whole.weights[:, :, start:stop])
        assert torch.equal(some.visible_rows(start, stop), whole.visible[:, :, start:stop])


def test_nested_blocks_hear_each_call_once():
    model, given = longformer(), inputs()
    with torch.no_grad(), recording(model) as outer, editing(model, zero_head(0, 1)), recording(model) as inner:
        model(**given)
    assert len(outer) == len(inner) == 2 and not inner.output(0)[:, :, 1].any()
    assert outer.calls[0] is inner.calls[0]


def test_half_precision_is_read_to_its_own_rounding():
    model, given = longformer().bfloat16(), inputs(globals_at=TWO)
    kept, _ = run(model, given)
    call = kept.calls[1]
    assert call.weights.dtype == torch.bfloat16
    rows = real_rows(given)[:, 0]
    assert (call.written(call.weights) - call.output).float()[rows].abs().max() < 2e-2 * call.output.abs().max()


def test_a_model_that_changes_over_to_full_attention_while_it_runs_is_read():
    model, given = bird(), inputs(9, padded=0)
    kept, _ = run(model, given)  # BigBird puts other modules into itself when it meets a short text
    assert len(kept) == 2
    shown = model(**given, output_attentions=True).attentions
    for layer in (0, 1):
        torch.testing.assert_close(kept.weights(layer), shown[layer], atol=1e-6, rtol=0)


def test_what_cant_be_read_in_pieces_is_refused():
    model, given = longformer(), inputs()
    kept, _ = run(model.train(), given)
    with pytest.raises(CaptureError) as error:
        kept.weights(0)
    model.eval()
    assert str(error.value) == (
        "encoder.layer.0.attention.self computes attention in pieces, which can be read in evaluation mode only"
    )
    hook = model.encoder.register_forward_pre_hook(
        lambda _, args, kwargs: ((args[0][:, :8],), {**kwargs, "attention_mask": kwargs["attention_mask"][:, :8]}),
        with_kwargs=True,
    )
    with pytest.raises(CaptureError) as error:
        run(model, given)
    hook.remove()
    assert str(error.value) == (
        "LongformerSelfAttention was given 8 of the text's 15 positions, and computes attention in pieces of the whole "
        "text only"
    )


def test_a_text_is_filled_up_to_whole_windows_without_a_trace():
    model, given = longformer(), inputs(15, padded=0)
    kept, _ = run(model, given)
    filled = {name: pad(value, (0, 1)) for name, value in given.items()}
    again, _ = run(model, filled)
    assert again.weights(0).shape[-1] == 16
    assert (again.weights(0)[..., :15, :15] - kept.weights(0)).abs().max() < 1e-6
