"""Edits that each have a row of a growing batch, against one whole pass for each."""

from pathlib import Path
from typing import Any

import pytest
import torch
from images_for_tests import save_noise, tiny_vision
from own_modules import Reader
from subjects_for_tests import SENTENCE, OneLayerSubject, ToySubject, tiny_bert, tiny_llama
from tiny_models import tiny_inputs, tiny_model
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForQuestionAnswering, AutoModelForSequenceClassification

from interpret.attention.editing import Edit, editing
from interpret.attention.edits import mean_head, uniform_row, zero_head
from interpret.errors import CaptureError
from interpret.interventions.batched_edits import Sweep, sweep
from interpret.native.classifier import TransformerClassifier
from interpret.native.config import ClassifierConfig

SOURCE = 7  # tokens of a source; what follows is a target

GROWING = (
    *(("causal", family) for family in ("llama", "gpt2", "gemma2", "gpt_oss", "mixtral", "bloom")),
    *(("classifier", family) for family in ("bert", "albert", "gpt2", "deberta-v2", "modernbert")),
    *(("translator", family) for family in ("t5", "bart", "marian")),
    *(("image", family) for family in ("vit", "dinov2")),
    *(("answering", "bert"), ("native", ""), ("torch", "")),
)
WHOLE = (("classifier", "xlm"), ("translator", "fsmt"))

_AUTO = {"answering": AutoModelForQuestionAnswering, "classifier": AutoModelForSequenceClassification}
_SMALL = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


class Answers(ToySubject):
    """Any model, with the scores of what it decides in one row."""

    def __init__(self, model: nn.Module, kind: str) -> None:
        super().__init__(model)
        self.kind = kind

    def logits(self, ids: Tensor) -> Tensor:
        model, told = self.model, {"use_cache": False}
        if self.kind == "image":
            return model(pixel_values=ids).logits
        if self.kind == "translator":
            return model(input_ids=ids[:, :SOURCE], decoder_input_ids=ids[:, SOURCE:], **told).logits[:, -1]
        if self.kind == "answering":
            output = model(input_ids=ids)
            return torch.cat([output.start_logits, output.end_logits], dim=1)
        if self.kind == "torch":
            return model(ids)
        logits = model(input_ids=ids, **(told if self.kind == "causal" else {})).logits
        return logits[:, -1] if logits.ndim == 3 else logits


def built(kind: str, family: str) -> nn.Module:
    torch.manual_seed(0)
    if kind == "native":
        sizes = {"hidden": 32, "inner": 48, "layers": 3, "heads": 4, "positions": 32}
        return TransformerClassifier(ClassifierConfig(vocabulary=99, **sizes)).eval()
    if kind == "torch":
        return Reader(layers=3).eval()
    if kind == "answering" or family in ("deberta-v2", "xlm"):
        config = AutoConfig.for_model(family, vocab_size=99, pad_token_id=0, **_SMALL)
        return _AUTO[kind].from_config(config).eval()
    return tiny_model(kind, family)


def subject_and_input(kind: str, family: str) -> tuple[Answers, Tensor]:
    model = built(kind, family)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(4 if weight.ndim == 2 else 1)  # so that heads matter
    if kind == "image":
        return Answers(model, kind), tiny_inputs("image")["pixel_values"][0]
    most = 14 if kind == "torch" else 90
    return Answers(model, kind), torch.randint(5, most, (11,), generator=torch.Generator().manual_seed(1))


def some_edits(passes: Sweep) -> list[Edit]:
    """Every head silenced in two ways, and whole layers changed in both stages; not in the order of layers."""
    edits = []
    for layer in reversed(range(len(passes.record))):
        heads = passes.record.output(layer).shape[2]
        edits += [edit(layer, head) for head in range(heads) for edit in (zero_head, mean_head)]
        edits += [uniform_row(layer), Edit("output", lambda _, output: output.roll(1, dims=1), layer)]
    return edits


def answers(passes: Sweep, edits: list[Edit]) -> Tensor:
    found: dict[int, Tensor] = {}
    for numbers, logits in passes.logits(edits):
        found.update(zip(numbers, logits, strict=True))
    return torch.stack([found[number] for number in range(len(edits))])


@torch.no_grad()
def one_by_one(subject: Any, ids: Tensor, edits: list[Edit]) -> Tensor:
    logits = []
    for edit in edits:
        with editing(subject.model, edit):
            logits.append(subject.logits(ids[None]))
    return torch.cat(logits).float()


@pytest.mark.parametrize(("kind", "family"), [*GROWING, *WHOLE])
def test_each_edit_has_the_answer_of_a_pass_of_its_own(kind: str, family: str) -> None:
    subject, ids = subject_and_input(kind, family)
    passes = sweep(subject, ids)
    edits = some_edits(passes)
    found, expected = answers(passes, edits), one_by_one(subject, ids, edits)
    scale = float(expected.abs().max())
    torch.testing.assert_close(found, expected, rtol=0, atol=5e-5 * max(1.0, scale))
    assert passes.way == ("growing batch" if (kind, family) in GROWING else "whole passes")
    effect = (expected - passes.clean).abs().amax(dim=1)
    assert (effect > 1e-4 * scale).float().mean() > 0.8, effect  # or the comparison would say nothing
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in subject.model.modules())


class Counted:
    """How many rows went through each layer."""

    def __init__(self, layers: nn.ModuleList) -> None:
        self.rows = [0] * len(layers)
        for number, layer in enumerate(layers):
            layer.mlp.register_forward_pre_hook(lambda _, args, number=number: self.add(number, len(args[0])))

    def add(self, layer: int, rows: int) -> None:
        self.rows[layer] += rows


def test_rows_go_through_no_layer_below_the_one_they_are_edited_in() -> None:
    subject = tiny_llama()
    passes = sweep(subject, subject.encode(SENTENCE).ids)
    edits = [zero_head(layer, head) for layer in range(2) for head in range(4)]
    answers(passes, edits)  # confirms the way, which takes a whole pass
    counted = Counted(subject.model.model.layers)
    answers(passes, edits)
    assert counted.rows == [4, 8]


@pytest.mark.parametrize("length", [5, 9, 10, 13, 18, 26])
def test_a_length_that_could_be_taken_for_a_number_of_rows_changes_nothing(length: int) -> None:
    subject = tiny_bert()
    layers = subject.model.bert.encoder.layer
    for number, layer in enumerate(layers):
        layers[number] = Placed(layer)
        layers[number].register_forward_pre_hook(_told_places, prepend=True, with_kwargs=True)
    ids = torch.arange(length) % 20
    passes = sweep(subject, ids)
    edits = [zero_head(layer, head) for layer in range(3) for head in range(4)]
    found = answers(passes, edits)
    assert passes.way == "growing batch"
    torch.testing.assert_close(found, one_by_one(subject, ids, edits), rtol=0, atol=1e-5)


class Placed(nn.Module):
    """A layer that is also given something whose first axis is not the batch, but the text."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, hidden: Tensor, *args: Any, places: Tensor, **kwargs: Any) -> Any:
        assert len(places) == hidden.shape[1]
        return self.layer(hidden, *args, **kwargs)


def _told_places(_: nn.Module, args: Any, kwargs: Any) -> Any:
    return args, {**kwargs, "places": torch.ones(args[0].shape[1], 3)}


@pytest.mark.parametrize("rows", [1, 2, 5, 7])
def test_no_more_rows_than_fit_into_a_pass(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = tiny_bert()
    ids = subject.encode(SENTENCE).ids
    edits = [zero_head(layer, head) for layer in range(3) for head in range(4)]
    whole = answers(sweep(subject, ids), edits)
    monkeypatch.setattr(subject, "tokens_at_once", rows * len(ids))
    passes = sweep(subject, ids)
    sizes = [len(numbers) for numbers, _ in passes.logits(edits)]
    assert max(sizes) == rows and sum(sizes) == 12
    torch.testing.assert_close(answers(passes, edits), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 2, 5, 12])
def test_whatever_fits_into_a_pass_no_row_goes_through_a_layer_for_nothing(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = tiny_bert()
    ids = subject.encode(SENTENCE).ids
    monkeypatch.setattr(subject, "tokens_at_once", rows * len(ids))
    passes, layers = sweep(subject, ids), subject.model.bert.encoder.layer
    seen = [0]

    def count(_: nn.Module, __: Any, output: Tensor) -> None:
        seen[0] += len(output)

    handles = [layer.register_forward_hook(count) for layer in layers]
    edits = [zero_head(layer, head) for layer in range(3) for head in range(4)]
    found = answers(passes, edits)
    for handle in handles:
        handle.remove()
    # Four edits join at each of three layers; three are compared with whole passes. Hooks of a layer that
    # answers from memory are called, too: once a chunk.
    torch.testing.assert_close(found, one_by_one(subject, ids, edits), rtol=0, atol=1e-5)
    chunks = [sorted(edit.layer or 0 for edit in edits)[start : start + rows] for start in range(0, 12, rows)]
    assert seen[0] == 4 * (3 + 2 + 1) + 3 * 3 + sum(chunk[0] for chunk in chunks)


class Mixing(nn.Module):
    """A layer whose answer to the rows behind the first depends on the first, as no layer's should."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, hidden: Tensor, *args: Any, **kwargs: Any) -> Any:
        if len(hidden) > 2:
            hidden = torch.cat([hidden[:1], hidden[:1] + 2 * (hidden[1:] - hidden[:1])])
        return self.layer(hidden, *args, **kwargs)


def test_a_wrong_answer_of_the_short_way_is_not_believed() -> None:
    subject = tiny_bert()
    layers = subject.model.bert.encoder.layer
    layers[1] = Mixing(layers[1])
    ids = subject.encode(SENTENCE).ids
    passes = sweep(subject, ids)
    assert passes.way == "growing batch"
    next(passes.logits([zero_head(layer, head) for layer in range(3) for head in range(4)]))
    assert passes.way == "whole passes"


def test_a_model_without_a_list_of_layers_makes_whole_passes() -> None:
    subject = OneLayerSubject()
    ids = subject.encode(SENTENCE).ids
    passes = sweep(subject, ids)
    edits = [zero_head(0, head) for head in range(3)]
    assert passes.way == "whole passes"
    torch.testing.assert_close(answers(passes, edits), one_by_one(subject, ids, edits), rtol=0, atol=1e-5)


def test_patches_of_an_image_subject_are_rows_too(tmp_path: Path) -> None:
    subject = tiny_vision("vit")
    ids = subject.encode(save_noise(tmp_path / "noise.png")).ids
    passes = sweep(subject, ids)
    edits = some_edits(passes)
    found = answers(passes, edits)
    assert passes.way == "growing batch"
    torch.testing.assert_close(found, one_by_one(subject, ids, edits), rtol=0, atol=5e-5)


class Windows(nn.Module):
    """Attention in two halves of the text, as rows of a batch."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, ids: Tensor) -> Tensor:
        length = ids.shape[1] // 2
        halves = self.inner(input_ids=ids.reshape(-1, length)).logits
        return halves.view(len(ids), 2, -1).sum(dim=1)


def test_attention_in_windows_is_refused() -> None:
    subject = Answers(Windows(tiny_bert().model), "torch")
    passes = sweep(subject, torch.arange(8, 20))
    message = (
        r"^attention of layer 0 has 2 rows for 1 inputs, as where it is computed in windows, so an edit can't be given "
        r"to one input; run them one by one$"
    )
    with pytest.raises(CaptureError, match=message):
        next(passes.logits([zero_head(0, 0)]))


def test_edits_that_a_row_can_not_have_are_refused() -> None:
    subject = tiny_llama()
    passes = sweep(subject, subject.encode(SENTENCE).ids)
    with pytest.raises(ValueError, match=r"^each edit of a sweep must name its layer, and one is for several$"):
        next(passes.logits([Edit("output", lambda _, output: output)]))
    with pytest.raises(CaptureError, match=r"^layer must be from 0 to 1 in this model, not 2$"):
        next(passes.logits([zero_head(0, 0), zero_head(2, 0)]))
