"""Estimates of memory and time for recording a text, from the model's sizes and one measured pass."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

from interpret.attention.recording import recording
from interpret.doctor.description import CallShape, Description
from interpret.doctor.sampling import sample_inputs, takes_pixels
from interpret.projections.output_projection import matrix_of
from interpret.projections.scores import model_scores

MEASURED_TOKENS = 64
_BYTES = {"float32": 4, "float64": 8, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class MeasuredPass:
    """A forward pass that was timed.

    Attributes:
        tokens: Number of tokens of its text, or of positions of its image.
        seconds: Its duration.
        linear: Number of weights in the model's linear layers, each of which is applied once to every token.
    """

    tokens: int
    seconds: float
    linear: int


@dataclass(frozen=True)
class CostEstimate:
    """Estimated cost of one text.

    Attributes:
        tokens: Its length.
        weights_bytes: Memory for the model.
        recording_bytes: Memory for a recording: queries, keys, values and head outputs of all layers.
        maps_bytes: Memory for the attention weights of all layers and heads, once they are computed.
        seconds: Time of one forward pass; `None` if none was measured.
        fits: True if the model has positions for this number of tokens.
    """

    tokens: int
    weights_bytes: int
    recording_bytes: int
    maps_bytes: int
    seconds: float | None
    fits: bool

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def estimate_costs(
    description: Description, tokens: Sequence[int], *, measured: MeasuredPass | None = None
) -> tuple[CostEstimate, ...]:
    """Estimates memory from sizes, and time from the measured pass, scaled by the number of operations.

    A pass of `n` tokens takes `2 * n` operations for each weight of all linear layers, and for each head `2 * n * n`
    for each dimension of its queries and values.

    Args:
        description: Description of the model.
        tokens: Lengths of texts.
        measured: A timed pass; without it, no time is estimated.
    """
    size = _BYTES.get(description.dtype, 4)
    linear = measured.linear if measured else 0
    second = measured.seconds / _operations(description.calls, linear, measured.tokens) if measured else None
    return tuple(
        CostEstimate(
            tokens=length,
            weights_bytes=description.parameters * size,
            recording_bytes=size * length * sum(map(_kept, description.calls)),
            maps_bytes=size * length**2 * sum(call.heads for call in description.calls),
            seconds=None if second is None else second * _operations(description.calls, linear, length),
            fits=description.longest is None or length <= description.longest,
        )
        for length in tokens
    )


def measure_pass(model: nn.Module, longest: int | None) -> MeasuredPass:
    """Times one recorded pass of one input, after a warm-up pass.

    Args:
        model: A text model, or an image model with a fixed number of patches.
        longest: Most tokens that it has positions for.
    """
    inputs = sample_inputs(model, examples=1, length=min(MEASURED_TOKENS, longest or MEASURED_TOKENS))
    with torch.no_grad():
        model_scores(model, inputs)
        begun = time.perf_counter()
        with recording(model) as record:
            model_scores(model, inputs)
        seconds = time.perf_counter() - begun
    linear = {
        weight
        for module in model.modules()
        if isinstance(module, nn.Linear) or matrix_of(module) is not None
        for weight in module.parameters(recurse=False)
    }
    patches = record.weights(0).shape[-1] if takes_pixels(model) and record.calls else None
    tokens = patches or next(iter(inputs.values())).shape[1]
    return MeasuredPass(tokens, seconds, sum(weight.numel() for weight in linear))


def _kept(call: CallShape) -> int:
    """Number of elements that a recording keeps per token in one layer."""
    return call.heads * (call.width + call.value_width) + call.key_heads * (call.width + call.value_width)


def _operations(calls: tuple[CallShape, ...], linear: int, tokens: int) -> int:
    attention = sum(call.heads * (call.width + call.value_width) for call in calls)
    return max(1, 2 * linear * tokens + 2 * attention * tokens**2)
