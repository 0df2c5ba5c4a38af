"""Encoder-decoder models decide as transformers says, and their three kinds of attention lie in one frame."""

import pytest
import torch
from translators_for_tests import save_translator

import interpret
from analyses.explanations.attention_only.rollout import attention_rollout
from analyses.verdicts.measure import measure
from analyses.verdicts.measurement import Draws
from analyses.verdicts.resampling import CorpusUnigram
from interpret.attention.editing import editing
from interpret.attention.edits import set_weights, zero_head
from interpret.attention.position_spans import PositionSpan
from interpret.attention.recording import recording
from interpret.errors import InputError
from interpret.interventions.decision_row import read_row

SOURCE, TARGET = "The cat sat on the mat", "A quiet film, slow at first"
FAMILIES = ("t5", "bart", "marian", "mbart", "pegasus")


@pytest.fixture(scope="module", params=FAMILIES)
def translator(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    save_translator(folder, request.param)
    return interpret.load(folder)


def parts(subject, position):
    """Source and decoder ids of the plain call, found without the subject's packing."""
    source = subject.tokenizer.encode(SOURCE).ids
    target = subject.tokenizer.encode(TARGET).ids
    return torch.tensor([source]), torch.tensor([[0, *target[:position]]]), target


@pytest.mark.parametrize("position", [0, 3])
def test_the_next_token_is_that_of_transformers(translator, position):
    source, before, target = parts(translator, position)
    example = translator.encode(SOURCE, TARGET, position=position)
    with torch.no_grad():
        logits = translator.model(input_ids=source, decoder_input_ids=before).logits[0, -1]
    assert torch.allclose(translator.logits(example.ids[None])[0], logits, atol=1e-5)
    vectors = translator.embed(example.ids[None])
    assert torch.allclose(translator.logits_from(vectors, example.ids[None])[0], logits, atol=1e-3)
    decision = translator.decide(example)
    assert decision.target == target[position]
    others = logits.clone()
    others[target[position]] = -torch.inf
    assert decision.margin == pytest.approx(float(logits[target[position]] - others.max()), abs=1e-4)
    assert decision.readout.tolist() == [0.0] * (len(example.ids) - 1) + [1.0]


def test_a_word_less_in_the_source_leaves_the_target_as_it_is(translator):
    source, before, target = parts(translator, 2)
    example = translator.encode(SOURCE, TARGET, position=2)
    removed = torch.zeros(1, len(example.units), dtype=torch.bool)
    removed[0, 1] = True
    kept = [place for place in range(source.shape[1]) if place not in example.units[1].tokens]
    with torch.no_grad():
        logits = translator.model(input_ids=source[:, kept], decoder_input_ids=before).logits[0, -1]
    found = translator.erase(example, removed, target=target[2], eraser="delete")
    assert found.probability.item() == pytest.approx(float(logits.softmax(-1)[target[2]]), abs=1e-5)


def test_all_kinds_of_attention_are_those_of_transformers(translator):
    source, before, _ = parts(translator, 3)
    example = translator.encode(SOURCE, TARGET, position=3)
    record, checks = translator.record(example)
    assert all(check.passed for check in checks)
    maps = translator.maps(record, example)
    translator.model.set_attn_implementation("eager")
    with torch.no_grad():
        output = translator.model(input_ids=source, decoder_input_ids=before, output_attentions=True)
    translator.model.set_attn_implementation("sdpa" if translator.model._supports_sdpa else "eager")
    n, length = source.shape[1], len(example.ids)
    expected = [*output.encoder_attentions]
    for own, cross in zip(output.decoder_attentions, output.cross_attentions, strict=True):
        expected += [own, cross]
    assert len(expected) == len(maps.weights)
    for layer, weights in enumerate(expected):
        kind = "encoder" if layer < 2 else ("decoder", "cross")[layer % 2]
        rows = slice(0, n) if kind == "encoder" else slice(n, length)
        keys = slice(n, length) if kind == "decoder" else slice(0, n)
        assert torch.allclose(maps.weights[layer, :, rows, keys], weights[0], atol=1e-6)
        assert maps.rows[layer].nonzero()[:, 0].tolist() == list(range(length))[rows]
        idle = [place for place in range(length) if not maps.rows[layer, place]]
        assert torch.equal(maps.weights[layer][:, idle], torch.eye(length)[idle].expand(4, -1, -1))
    assert torch.allclose(maps.weights.sum(-1), torch.ones(()), atol=1e-5)


def test_rollout_is_the_sum_over_all_ways_through_both_stacks(translator):
    example = translator.encode(SOURCE, TARGET, position=1)
    record, _ = translator.record(example)
    n, m = 0, 0
    encoder, decoder, cross = [], [], []
    for layer, call in enumerate(record.calls):
        weights = call.weights[0].mean(0).tolist()
        (encoder if layer < 2 else decoder if layer % 2 == 0 else cross).append(weights)
    n, m = len(encoder[0]), len(decoder[0])

    def into_source(depth, place, origin):
        """Share of the source's token `origin` in `place` after `depth` layers of the encoder."""
        if depth == 0:
            return float(place == origin)
        own = 0.5 * into_source(depth - 1, place, origin)
        return own + 0.5 * sum(encoder[depth - 1][place][key] * into_source(depth - 1, key, origin) for key in range(n))

    final = [[into_source(2, place, origin) for origin in range(n)] for place in range(n)]

    def into_target(step, place, origin):
        """The same in a place of the target after `step` attention calls of the decoder."""
        if step == 0:
            return 0.0
        own = 0.5 * into_target(step - 1, place, origin)
        layer, is_cross = divmod(step - 1, 2)
        if is_cross:
            return own + 0.5 * sum(cross[layer][place][key] * final[key][origin] for key in range(n))
        return own + 0.5 * sum(decoder[layer][place][key] * into_target(step - 1, key, origin) for key in range(m))

    flow = attention_rollout(translator.maps(record, example).weights).from_position(n + m - 1)[-1]
    assert flow[:n].tolist() == pytest.approx([into_target(4, m - 1, origin) for origin in range(n)], abs=1e-5)
    assert float(flow.sum()) == pytest.approx(1, abs=1e-5)


def test_the_row_of_the_last_cross_attention_answers_as_whole_edited_passes_do(translator):
    example = translator.encode(SOURCE, TARGET, position=2)
    decision = translator.decide(example)
    row = read_row(translator, example.ids[None], torch.tensor([decision.target]), readout=decision.readout)
    n = example.parts[0].stop
    assert row.weights.shape[-1] == len(example.ids) and not row.weights[..., n:].any()
    even = torch.zeros_like(row.weights)
    even[..., :n] = 1 / n
    with torch.no_grad():
        found = row.margins(row.write(even[:, None]))[0, 0]
    whole = row.calls[0].weights.clone()
    whole[:, :, -1] = 1 / n
    last = row.layer
    with torch.no_grad(), editing(translator.model, set_weights(last, whole)):
        logits = translator.logits(example.ids[None])[0]
    others = logits.clone()
    others[decision.target] = -torch.inf
    assert float(found) == pytest.approx(float(logits[decision.target] - others.max()), abs=1e-3)


def test_everything_behind_a_verdict_can_be_measured(translator):
    example = translator.encode(SOURCE, TARGET, position=2)
    decision = translator.decide(example)
    draws = Draws(permutations=4, replacements=4, orders=9, null_orders=9)
    (found,) = measure(translator, [example], [decision], CorpusUnigram([example]), draws=draws)
    assert found.words == len(example.units) and 0 <= found.share <= 1


def test_heads_of_all_three_kinds_can_be_silenced(translator):
    example = translator.encode(SOURCE, TARGET, position=2)
    clean = translator.logits(example.ids[None])
    with recording(translator.model) as record:
        translator.logits(example.ids[None])
    for layer in range(len(record)):
        with torch.no_grad(), editing(translator.model, zero_head(layer, 1)):
            assert not torch.allclose(translator.logits(example.ids[None]), clean, atol=1e-6)


def test_without_a_target_the_model_writes_its_own(translator):
    written = translator.tokens_of(SOURCE)
    example = translator.encode(SOURCE, position=len(written) - 1)
    decision = translator.decide(example)
    assert decision.label == written[-1] and decision.label == decision.predicted
    assert example.text == f"{SOURCE}\n{''.join(written[:-1]).strip()}"


def test_positions_outside_the_target_and_unknown_tokens_are_refused(translator):
    count = len(translator.tokenizer.encode(TARGET).ids)
    with pytest.raises(InputError) as beyond:
        translator.encode(SOURCE, TARGET, position=count)
    assert str(beyond.value) == (
        f"the target '{TARGET}' has {count} tokens and no position {count + 1}; give --position 1 to {count}, or "
        f"all (position=0 to {count - 1} in Python)"
    )
    with pytest.raises(InputError, match="has no single token 'unheard of'; give the text of one, such as"):
        translator.decide(translator.encode(SOURCE, TARGET), "unheard of")
    with pytest.raises(InputError, match="the target is empty; give one of at least two words"):
        translator.encode(SOURCE, " ")


def test_a_frame_puts_a_call_among_all_positions():
    frame = PositionSpan((2, 4), (0, 2), 4)
    assert frame.rows((3,)) == [1] and frame.has_row.tolist() == [False, False, True, True]
    weights = torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    assert frame.all_positions(weights).tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0.25, 0.75, 0, 0], [1, 0, 0, 0]]
    assert frame.all_keys(weights).tolist() == [[0.25, 0.75, 0, 0], [1, 0, 0, 0]]
    assert frame.all_rows(torch.tensor([1.0, 2.0])).tolist() == [0, 0, 1, 2]
    assert PositionSpan.whole(3).is_whole and not frame.is_whole


def test_layers_are_named_by_their_stack(translator):
    names = [translator.layer_name(layer) for layer in range(6)]
    assert names == ["encoder 1", "encoder 2", "decoder 1", "cross 1", "decoder 2", "cross 2"]
