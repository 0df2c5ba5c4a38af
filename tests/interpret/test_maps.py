"""Attention read some rows at a time, against the attention that models show with their eager kernel."""

import pytest
import torch
from tiny_models import CLASSIFIERS, IMAGE_CLASSIFIERS, LANGUAGE_MODELS, tiny_inputs, tiny_model

from analyses.attention.entropy import attention_entropy
from interpret.attention import call as attention_call
from interpret.attention.editing import editing
from interpret.attention.edits import uniform_row
from interpret.attention.maps import Beginning, GivenMaps, RecordedMaps, maps_of
from interpret.attention.position_spans import PositionSpan
from interpret.attention.recording import recording
from interpret.errors import CaptureError
from interpret.native.attention import MultiHeadAttention
from interpret.native.linear import LinearAttention
from interpret.native.window import WindowAttention

FAMILIES = [
    *(("causal", family) for family in LANGUAGE_MODELS),
    *(("classifier", family) for family in CLASSIFIERS),
    *(("image", family) for family in IMAGE_CLASSIFIERS),
]


@pytest.fixture
def few_rows(monkeypatch):
    """Makes every text a long one: four rows at a time, which is no divisor of 9 or 17."""
    monkeypatch.setattr(attention_call, "WEIGHTS_AT_ONCE", 1)
    monkeypatch.setattr(attention_call, "LEAST_ROWS", 4)


def recorded(model, inputs):
    with torch.no_grad(), recording(model) as record:
        model(**inputs)
    return record


def eager(kind, family, inputs):
    with torch.no_grad():
        return tiny_model(kind, family, kernel="eager")(**inputs, output_attentions=True).attentions


@pytest.mark.usefixtures("few_rows")
@pytest.mark.parametrize("padding", [None, "left", "right"])
@pytest.mark.parametrize(("kind", "family"), FAMILIES)
def test_rows_are_those_of_the_eager_kernel(kind, family, padding):
    if kind == "image" and padding:
        padding = None
    inputs = tiny_inputs(kind, padding=padding)
    record, expected = recorded(tiny_model(kind, family), inputs), eager(kind, family, inputs)
    real = inputs.get("attention_mask")
    for layer, weights in enumerate(expected):
        call = record.calls[layer]
        queries, keys = weights.shape[2:]
        assert call.shape == tuple(weights.shape)
        assert [start for start, _ in call.blocks] == list(range(0, queries, 4))
        shown = torch.ones(2, queries) if real is None else real
        for start, stop in call.blocks:
            rows, seen = call.rows(start, stop), call.visible_rows(start, stop)
            assert rows.shape[-1] == seen.shape[-1] <= keys
            full = torch.nn.functional.pad(rows, (0, keys - rows.shape[-1]))
            off = (full - weights[:, :, start:stop]).abs() * shown[:, None, start:stop, None]
            assert off.max() < 1e-6, (layer, start)
            assert (rows * ~seen * shown[:, None, start:stop, None]).max() == 0
            apart = torch.cat([call.rows_of(heads, start, stop) for heads in call.head_groups], dim=1)
            assert apart.shape == rows.shape
            assert ((apart - rows).abs() * shown[:, None, start:stop, None]).max() < 1e-6, (layer, start)
        assert "weights" not in call.__dict__, "all rows were computed at once"


@pytest.mark.usefixtures("few_rows")
@pytest.mark.parametrize(
    ("family", "groups"),
    [("llama", 2), ("gpt2", 4), ("mixtral", 2), ("gemma2", 1), ("gpt_oss", 1), ("bloom", 1)],
)
def test_heads_are_taken_by_the_keys_they_share_where_the_plain_formula_is_the_models(family, groups):
    """A cap on scores, a sink and a bias for each head are none of the plain formula."""
    call = recorded(tiny_model("causal", family), tiny_inputs("causal")).calls[0]
    assert len(call.head_groups) == groups
    assert [head for heads in call.head_groups for head in range(heads.start, heads.stop)] == list(range(call.shape[1]))


@pytest.mark.usefixtures("few_rows")
@pytest.mark.parametrize(("kind", "family"), FAMILIES)
def test_self_checks_hold_in_blocks(kind, family):
    record = recorded(tiny_model(kind, family), tiny_inputs(kind, padding=None if kind == "image" else "right"))
    assert [check for check in record.checks() if not check.passed] == []


@pytest.mark.usefixtures("few_rows")
def test_self_checks_see_what_went_wrong_in_any_block():
    for row in (0, 5, 8):
        record = recorded(tiny_model("causal", "llama"), tiny_inputs("causal"))
        record.calls[1].output[0, row, 2] += 1
        assert [check.name for check in record.checks() if not check.passed] == [
            "weights x values give what the kernel returned"
        ]


def test_self_checks_of_a_long_text_look_at_some_rows_and_say_so(monkeypatch):
    monkeypatch.setattr(attention_call, "WEIGHTS_AT_ONCE", 1)
    monkeypatch.setattr(attention_call, "LEAST_ROWS", 1)
    record = recorded(tiny_model("causal", "llama"), tiny_inputs("causal"))
    assert all(check.name.endswith(" (some rows of each layer)") and check.passed for check in record.checks())


@pytest.mark.parametrize("make", [MultiHeadAttention, WindowAttention, LinearAttention])
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("length", [1, 4, 9, 17])
def test_rows_of_native_attention_are_those_of_all_its_weights(make, is_causal, length, monkeypatch):
    torch.manual_seed(0)
    options = {"window": 3, "global_positions": (0,)} if make is WindowAttention else {}
    model = make(16, 4, key_heads=2, is_causal=is_causal, **options).eval()
    inputs = {"hidden": torch.randn(2, length, 16), "real_keys": torch.arange(length).expand(2, -1) > -1}
    whole = recorded(model, inputs).weights(0)
    monkeypatch.setattr(attention_call, "WEIGHTS_AT_ONCE", 1)
    monkeypatch.setattr(attention_call, "LEAST_ROWS", 4)
    record = recorded(model, inputs)
    maps = RecordedMaps(record, example=1)
    assert torch.allclose(maps.weights[0], whole[1], atol=1e-6)
    assert torch.equal(maps.visible, record.visible(1))


@pytest.mark.usefixtures("few_rows")
def test_one_row_is_computed_without_the_others():
    model, inputs = tiny_model("causal", "llama"), tiny_inputs("causal")
    record, expected = recorded(model, inputs), eager("causal", "llama", inputs)
    for layer, head, position in ((0, 0, 0), (1, 3, 8), (1, 2, 4)):
        row = record.row(layer, head, position, example=1)
        assert torch.allclose(row, expected[layer][1, head, position], atol=1e-6)
        assert row.shape == (9,)
    assert not any("weights" in call.__dict__ for call in record.calls)
    for wrong, message in (
        ({"head": 4}, "head must be from 0 to 3 in layer 1, not 4"),
        ({"position": -1}, "position must be from 0 to 8 in layer 1, not -1"),
        ({"example": 2}, "example must be from 0 to 1 in layer 1, not 2"),
    ):
        with pytest.raises(IndexError, match=f"^{message}$"):
            record.row(1, **{"head": 0, "position": 0, "example": 0, **wrong})


@pytest.mark.usefixtures("few_rows")
def test_edited_weights_are_read_in_blocks_too():
    model = tiny_model("causal", "llama")
    with editing(model, uniform_row(1)):
        record = recorded(model, tiny_inputs("causal"))
    row = RecordedMaps(record, example=0).weights[1, 2, 5]
    assert torch.allclose(row, torch.tensor([1 / 6] * 6 + [0.0] * 3))


@pytest.mark.usefixtures("few_rows")
def test_blocks_between_two_positions():
    maps = maps_of(recorded(tiny_model("causal", "llama"), tiny_inputs("causal")), example=0)
    found = [(block.start, block.weights.shape[1], block.heads) for block in maps.blocks(0, 3, 6)]
    assert found == [(start, rows, heads) for start, rows in ((3, 1), (4, 2)) for heads in (slice(0, 2), slice(2, 4))]
    for block in maps.blocks(0, 3, 6):
        keys = block.weights.shape[2]
        assert torch.allclose(block.weights, maps.weights[0, block.heads, block.rows, :keys], atol=1e-6)
        assert not maps.weights[0, :, block.rows, keys:].any()


@pytest.mark.usefixtures("few_rows")
def test_calls_lie_where_their_frames_say():
    record = recorded(tiny_model("translator", "t5"), tiny_inputs("translator"))
    frames = [PositionSpan((0, 9), (0, 9), 14)] * 2 + [
        PositionSpan((9, 14), (9, 14), 14),
        PositionSpan((9, 14), (0, 9), 14),
    ] * 2
    maps = RecordedMaps(record, frames, example=1)
    inputs = tiny_inputs("translator")
    with torch.no_grad():
        shown = tiny_model("translator", "t5", kernel="eager")(**inputs, output_attentions=True)
    expected = [*shown.encoder_attentions]
    for own, cross in zip(shown.decoder_attentions, shown.cross_attentions, strict=True):
        expected += [own, cross]
    for layer, (frame, weights) in enumerate(zip(frames, expected, strict=True)):
        whole = torch.eye(14).repeat(4, 1, 1)
        whole[:, slice(*frame.queries)] = 0
        whole[:, slice(*frame.queries), slice(*frame.keys)] = weights[1]
        assert torch.allclose(maps.weights[layer], whole, atol=1e-6)
        assert maps.rows[layer].nonzero()[:, 0].tolist() == list(range(*frame.queries))


def test_calls_of_other_shapes_are_refused():
    record = recorded(tiny_model("translator", "t5"), tiny_inputs("translator"))
    with pytest.raises(
        CaptureError, match=r"different shapes \[\(4, 5, 5\), \(4, 5, 9\), \(4, 9, 9\)\]; read them with"
    ):
        maps_of(record)


def test_maps_of_weights_are_the_weights():
    weights = torch.rand(2, 3, 4, 4).softmax(-1)
    maps = maps_of(weights)
    assert torch.equal(maps.weights, weights)
    assert maps.visible.all() and maps.rows.all()
    assert maps_of(maps) is maps
    assert isinstance(maps, GivenMaps)


def test_the_beginning_of_a_text_has_the_rows_of_a_text_that_ends_there():
    inputs = {name: each[:1] for name, each in tiny_inputs("causal").items()}
    model = tiny_model("causal", "llama")
    with torch.no_grad(), recording(model) as whole:
        model(**inputs)
    with torch.no_grad(), recording(model) as cut:
        model(**{name: each[:, :6] for name, each in inputs.items()})
    beginning, alone = Beginning(RecordedMaps(whole), 6), RecordedMaps(cut)
    assert (beginning.layers, beginning.heads, beginning.length) == (alone.layers, alone.heads, 6)
    assert torch.allclose(beginning.weights, alone.weights, atol=1e-6)
    assert torch.equal(beginning.visible, alone.visible) and torch.equal(beginning.rows, alone.rows)
    assert torch.allclose(attention_entropy(beginning).nats, attention_entropy(alone).nats, atol=1e-5)
    (row,) = beginning.blocks(1, 4, 5)
    assert row.start == 4 and torch.allclose(row.weights[:, 0, :5], alone.weights[1, :, 4, :5], atol=1e-6)
