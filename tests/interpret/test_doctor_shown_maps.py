"""How the doctor reads what models show of their attention, and finds what reads their heads, where that is unusual."""

import pytest
import torch
from observed_models import observed_model

from interpret.attention.recording import recording
from interpret.doctor import eager_weights
from interpret.doctor.batching import check_padding, check_padding_weight
from interpret.doctor.building import default_config
from interpret.doctor.building import tiny_model as smallest
from interpret.doctor.check_result import CheckResult
from interpret.doctor.eager_weights import check_weights
from interpret.doctor.edits import check_head_edits
from interpret.doctor.examination import BYPASSES, examine
from interpret.doctor.sampling import sample_inputs
from interpret.doctor.table import row_of
from interpret.doctor.trial import Trial
from interpret.projections.output_projection import find_output_projections


def small(architecture: str, task: str) -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    model = smallest(default_config(architecture), task)
    return model, sample_inputs(model)


SHOWN = {
    "scores in the place of weights": ("squeezebert", "text-classification", "2 maps"),
    "weights before a sink takes its share": ("granite_swa", "text-generation", "2 maps"),
    "states of layers without softmax": ("minimax", "text-generation", "1 maps"),
    "one map in two parts": ("t5gemma2", "translation", "6 maps"),
    "a map without the prompt that the model adds": ("cpmant", "text-generation", "2 maps"),
}


@pytest.mark.parametrize("what", SHOWN)
def test_what_a_model_shows_is_compared_for_what_it_is(what: str) -> None:
    architecture, task, detail = SHOWN[what]
    found = check_weights(*small(architecture, task))
    assert found.outcome == "passed" and found.value is not None and found.value < 1e-6
    assert found.detail == detail


@pytest.mark.parametrize("what", SHOWN)
def test_and_a_difference_in_it_is_still_seen(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    architecture, task, _ = SHOWN[what]
    model, inputs = small(architecture, task)
    shown = eager_weights.returned_maps

    def changed(output: object) -> list[list[torch.Tensor]]:
        maps = shown(output)
        last = maps[-1][0]
        maps[-1][0] = last + 1e-4 * torch.linspace(-1, 1, last.shape[-1])
        return maps

    monkeypatch.setattr(eager_weights, "returned_maps", changed)
    found = check_weights(model, inputs)
    assert found.outcome == "failed"


@pytest.mark.parametrize("family", ["longformer", "big_bird"])
def test_pieces_that_a_model_shows_are_not_compared(family: str) -> None:
    model = observed_model(family)
    inputs = sample_inputs(model)
    assert check_weights(model, inputs) == CheckResult(
        "weights are those of output_attentions=True",
        "not applicable",
        detail="the model shows pieces, and no whole maps",
    )
    row = row_of(family, "text-classification", examine(model), Trial())
    assert row.says.endswith("shows no weights of its own to compare with (the model shows pieces, and no whole maps)")


READ_BY = {
    "a parameter": ("xlnet", "text-classification", "transformer.layer.{}.rel_attn.o"),
    "a convolution over single positions": (
        *("squeezebert", "text-classification"),
        "transformer.encoder.layers.{}.post_attention.conv1d",
    ),
    "a projection that reads others behind them": (
        *("convbert", "text-classification"),
        "convbert.encoder.layer.{}.attention.output.dense",
    ),
    "a projection of a filled-up text": (
        *("longformer", "text-classification"),
        "longformer.encoder.layer.{}.attention.output.dense",
    ),
}


@pytest.mark.parametrize("what", READ_BY)
def test_what_reads_the_heads_is_found(what: str) -> None:
    architecture, task, name = READ_BY[what]
    model, inputs = small(architecture, task)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert [each and each.name for each in find_output_projections(model, inputs)] == [name.format(0), name.format(1)]
    found = check_head_edits(model, inputs)
    assert found.outcome == "passed" and found.value is not None and found.value < 1e-5
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_a_projection_may_run_after_the_next_call_and_inside_pytorchs_own_attention() -> None:
    model, inputs = small("lilt", "text-classification")  # projects its texts and its layouts when both are done
    assert [reader and reader.name.split(".")[-2] for reader in find_output_projections(model, inputs)] == [
        *("layout_output", "output"),
        *("layout_output", "output"),
    ]
    model, inputs = small("siglip", "image-classification")
    last = find_output_projections(model, inputs)[-1]
    assert last is not None and last.name == "vision_model.head.attention.out_proj.weight"
    assert check_head_edits(model, inputs).outcome == "passed"


def test_padding_that_moves_windows_and_global_positions_is_noted_for_that() -> None:
    model, inputs = small("longformer", "text-classification")  # gives the first position global attention
    found = check_padding(model, inputs, "left")
    assert (found.outcome, found.detail) == ("noted", "the model lays out anew which positions see each other")
    assert check_padding(model, inputs, "right").outcome == "passed"
    assert check_padding_weight(model, inputs).outcome == "passed"
    model, inputs = small("xlnet", "text-classification")  # reads its last position
    found = check_padding(model, inputs, "right")
    assert found.outcome == "noted" and found.detail.endswith("the answer is read from a fixed position")


def test_a_decoder_that_is_fed_its_encoders_padding_is_not_held_to_it() -> None:
    model, inputs = small("mvp", "text-classification")
    with torch.no_grad(), recording(model) as record:
        model(**inputs)
    assert not any(call.is_causal for call in record.calls)  # watched modules don't say that they look back only
    assert check_padding_weight(model, inputs).outcome == "passed"


@pytest.mark.parametrize(
    ("architecture", "task", "reason"),
    [
        ("reformer", "text-classification", BYPASSES),
        ("yoso", "text-classification", BYPASSES),
        (
            *("hiera", "image-classification"),
            "HieraMaskUnitAttention computes attention in pieces (64 by 64 from an input of shape [2, 3136, 96]), so "
            "it has no map from every position to every other and can't be read",
        ),
    ],
)
def test_what_cant_be_read_says_why(architecture: str, task: str, reason: str) -> None:
    found = examine(small(architecture, task)[0])
    assert (found.calls, found.results, found.reason) == (0, (), reason)
