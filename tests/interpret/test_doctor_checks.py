"""Each check of the doctor passes a sound model, and fails the one that is broken in what it looks at."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from broken_models import HEADS, LAYERS, WIDTH, Broken
from tiny_models import tiny_model

from interpret.doctor.batching import PADDING, check_batching, check_padding, check_padding_weight
from interpret.doctor.check_result import CheckResult
from interpret.doctor.eager_weights import check_weights
from interpret.doctor.edits import check_head_edits, check_row_edits
from interpret.doctor.examination import BYPASSES, NO_ATTENTION, check_untouched, examine
from interpret.doctor.gradient_flow import check_gradients
from interpret.doctor.sampling import sample_inputs
from interpret.errors import CaptureError
from interpret.projections.output_projection import find_output_projections

CHECKS: dict[str, Callable[..., CheckResult]] = {
    "weights": check_weights,
    "untouched": check_untouched,
    "batching": check_batching,
    "right padding": partial(check_padding, side="right"),
    "padding weight": check_padding_weight,
    "head edits": check_head_edits,
    "row edits": check_row_edits,
    "gradients": check_gradients,
}
CAUGHT = {
    "shows others": ["weights"],
    "shows nearly": ["weights"],
    "shows another order": ["weights"],
    "shows one more": ["weights"],
    "ignores edits": ["head edits", "row edits"],
    "sees padding": ["right padding", "padding weight"],
    "depends on the batch": ["batching"],
    "never the same": ["untouched"],
    "infinite gradients": ["gradients"],
    "no gradients": ["gradients"],
    "heads without effect": ["head edits", "row edits", "gradients"],
}


def outcomes(broken: str) -> dict[str, str]:
    model = Broken(broken).eval()
    inputs = sample_inputs(model)
    return {name: check(model, inputs).outcome for name, check in CHECKS.items()}


def test_a_sound_model_passes_every_check() -> None:
    assert set(outcomes("").values()) == {"passed"}


@pytest.mark.parametrize("broken", CAUGHT)
def test_a_broken_model_fails_the_check_that_looks_at_it(broken: str) -> None:
    found = outcomes(broken)
    assert all(found[check] == "failed" for check in CAUGHT[broken]), found
    elsewhere = {name for name, outcome in found.items() if outcome == "failed"} - set(CAUGHT[broken])
    # What changes from pass to pass, has no scores or no gradients fails more than one check.
    assert not elsewhere or broken in ("never the same", "infinite gradients", "no gradients", "heads without effect")


def test_the_number_of_the_weight_check_is_the_difference_that_is_there() -> None:
    model = Broken("shows nearly").eval()
    found = check_weights(model, sample_inputs(model))
    assert found.value == pytest.approx(5e-5, rel=1e-2) and found.tolerance == 1e-6
    assert check_weights(model, sample_inputs(model), tolerance=1e-4).outcome == "passed"


def test_maps_that_a_model_keeps_to_itself_are_told_and_maps_that_none_was_recorded_for_fail() -> None:
    less, more = (Broken(f"shows one {word}").eval() for word in ("less", "more"))
    found = check_weights(less, sample_inputs(less))
    assert found.outcome == "passed" and found.detail == "1 maps; the model doesn't show 1 more"
    found = check_weights(more, sample_inputs(more))
    assert found.detail == "2 of the 3 maps that the model shows were recorded, and 2 in all"


def apart_by_hand(wanted: torch.Tensor, found: torch.Tensor) -> float:
    """The largest deviation of a score, as a share of that score or of the largest of two leading ones."""
    leading = max(abs(score) for scores in wanted.flatten(0, -2).tolist() for score in sorted(scores)[-2:])
    pairs = zip(wanted.flatten().tolist(), found.flatten().tolist(), strict=True)
    return max(abs(one - other) / max(abs(one), leading) for one, other in pairs)


def test_the_number_of_the_head_check_is_what_zeroed_columns_change_when_edits_are_ignored() -> None:
    model = Broken("ignores edits").eval()
    inputs = sample_inputs(model)
    with torch.no_grad():
        untouched = model(**inputs).logits
        expected = 0.0
        for layer in model.layers:
            for head in range(HEADS):
                kept = layer.write.weight.clone()
                layer.write.weight[:, head * WIDTH : (head + 1) * WIDTH] = 0
                changed = model(**inputs).logits
                layer.write.weight.copy_(kept)
                expected = max(expected, apart_by_hand(changed, untouched))
    found = check_head_edits(model, inputs)
    assert found.value == pytest.approx(expected, rel=1e-6) and expected > 0.01
    assert found.detail == f"{HEADS * LAYERS} heads in {LAYERS} layers"


def test_weights_are_the_same_to_the_last_bit_after_the_head_check() -> None:
    model = Broken().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    check_head_edits(model, sample_inputs(model))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_head_whose_columns_cant_be_told_apart_is_not_compared() -> None:
    model = Broken("norm between").eval()  # a norm over all heads, and not a module that could be watched
    found = check_head_edits(model, sample_inputs(model))
    assert found.outcome == "not applicable"
    assert found.detail == "no output projection was found: no module reads the heads"


@pytest.mark.parametrize(
    ("kind", "family", "names"),
    [
        ("causal", "gpt2", ["transformer.h.0.attn.c_proj", "transformer.h.1.attn.c_proj"]),
        ("causal", "llama", ["model.layers.0.self_attn.o_proj", "model.layers.1.self_attn.o_proj"]),
        ("classifier", "bert", [f"bert.encoder.layer.{layer}.attention.output.dense" for layer in range(2)]),
        ("causal", "bitnet", [f"model.layers.{layer}.self_attn.attn_sub_norm" for layer in range(2)]),
        ("causal", "afmoe", [f"model.layers.{layer}.self_attn.o_proj" for layer in range(2)]),
        (
            "translator",
            "bart",
            [
                *(f"model.encoder.layers.{layer}.self_attn.out_proj" for layer in range(2)),
                *(
                    f"model.decoder.layers.{layer}.{name}.out_proj"
                    for layer in range(2)
                    for name in ("self_attn", "encoder_attn")
                ),
            ],
        ),
    ],
)
def test_what_reads_the_heads_is_found_by_what_flows_into_it(kind: str, family: str, names: list[str]) -> None:
    model = tiny_model(kind, family)
    readers = find_output_projections(model, sample_inputs(model))
    assert [reader and reader.name for reader in readers] == names
    assert all(reader and reader.heads == 4 for reader in readers)
    assert {reader.gated for reader in readers if reader} == {family == "afmoe"}


def test_left_padding_is_passed_noted_or_failed_for_what_it_does() -> None:
    told = tiny_model("causal", "gpt2")
    found = check_padding(told, sample_inputs(told), "left")
    assert found.outcome == "passed" and found.detail.startswith("given position ids; without, the answer moves by")
    counts = tiny_model("causal", "bart")
    found = check_padding(counts, sample_inputs(counts), "left")
    assert found.outcome == "noted" and "takes no position ids" in found.detail
    reads_first = tiny_model("classifier", "bert")
    found = check_padding(reads_first, sample_inputs(reads_first), "left")
    assert found.outcome == "noted" and "read from a fixed position" in found.detail


def test_the_number_of_the_padding_check_is_the_change_of_real_tokens() -> None:
    model = Broken("sees padding").eval()
    inputs = sample_inputs(model)
    ids = inputs["input_ids"][:1]
    padded = torch.cat([ids, torch.zeros(1, PADDING, dtype=torch.long)], dim=1)
    with torch.no_grad():
        alone, beside = model(ids).logits, model(padded).logits[:, : ids.shape[1]]
    expected = apart_by_hand(alone, beside)
    assert check_padding(model, inputs, "right").value == pytest.approx(expected, rel=1e-6)


def test_a_model_without_softmax_attention_and_one_that_cant_run_say_why() -> None:
    class Dense(Broken):
        def forward(self, input_ids: torch.Tensor) -> Any:  # type: ignore[override]
            return super().forward(input_ids) if self.broken else {"logits": self.score(self.embedding(input_ids))}

    found = examine(Dense().eval())
    assert (found.calls, found.results, found.reason) == (0, (), NO_ATTENTION)
    assert NO_ATTENTION != BYPASSES

    class Rude(Broken):
        def forward(self, input_ids: torch.Tensor) -> Any:  # type: ignore[override]
            raise KeyError("pixel_values")

    with pytest.raises(CaptureError, match=r"^Rude doesn't run on input_ids alone: 'pixel_values'$"):
        examine(Rude())


def test_a_check_that_raises_fails_and_hides_no_other() -> None:
    class Single(Broken):
        def forward(self, input_ids: torch.Tensor, **options: Any) -> Any:  # type: ignore[override]
            if len(input_ids) == 1:
                raise RuntimeError("one is not enough")
            return super().forward(input_ids, **options)

    found = examine(Single().eval())
    failed = found.result("a batch answers as each input alone")
    assert failed == CheckResult(
        "a batch answers as each input alone", "failed", detail="RuntimeError: one is not enough"
    )
    assert found.failed == (failed,)
