"""Scores of a model of any task, as tensors that can be compared."""

import inspect
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpret.errors import CaptureError
from interpret.tolerances import apart

Scores = dict[str, Tensor]

_SCORES = ("logits", "log_probs", "score")
_OPTIONS = {"use_cache": False, "return_dict": True}


def model_scores(model: nn.Module, inputs: dict[str, Tensor], **options: Any) -> Scores:
    """Runs the model and returns its scores.

    Args:
        model: A transformers model or a native one.
        inputs: Arguments of its `forward`.
        options: Further arguments.

    Returns:
        The scores by their name in the model's output, such as "logits" or "start_logits"; the first axis of each is
        the batch.

    Raises:
        CaptureError: The output has no scores.
    """
    return scores_of(model, model(**inputs, **accepted(model, _OPTIONS), **options))


def scores_of(model: nn.Module, output: Any) -> Scores:
    """Returns the scores in a model's output; raises `CaptureError` if there are none."""
    fields = dict(output) if isinstance(output, dict) else vars(output)
    found = {
        name: value
        for name, value in fields.items()
        if isinstance(value, Tensor) and value.is_floating_point() and name.endswith(_SCORES)
    }
    if not found:
        raise CaptureError(f"{type(model).__name__} gives no scores that could be compared, only {', '.join(fields)}")
    return found


def accepted(model: nn.Module, options: dict[str, Any]) -> dict[str, Any]:
    """Returns those of `options` that are parameters of the model's `forward`."""
    named = inspect.signature(model.forward).parameters
    return {name: value for name, value in options.items() if name in named}


def difference(one: Scores, other: Scores) -> float:
    """Computes the largest relative deviation of the second scores from the first (`interpret.tolerances.apart`)."""
    return max(apart(other[name], scores) for name, scores in one.items())


def part(given: Scores, rows: slice) -> Scores:
    """Returns the scores of some inputs of a batch."""
    return {name: scores[rows] for name, scores in given.items()}


def joined(given: Scores) -> Float[Tensor, "batch score"]:
    """Concatenates all scores of each input."""
    return torch.cat([scores.flatten(1) for scores in given.values()], dim=1)
