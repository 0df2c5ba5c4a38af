"""Sizes of the scores in a decision, which rounding errors are measured against.

Models hide labels (unused parts of a vocabulary, impossible answers) behind scores such as -1e9, the smallest number
or -inf. These enter no decision, so their size is no measure of anything.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

# By bits of the weights, relative to each score: how close the answer of a shortcut must come to the model's own.
SHORTCUT_AGREES = {32: 1e-4, 16: 2e-2}


def margin_size(logits: Float[Tensor, "*batch label"], targets: Int[Tensor, "*#batch"]) -> Float[Tensor, "*batch"]:
    """Computes the larger magnitude of a margin's two scores: the target's and its runner-up's.

    Args:
        logits: Scores of every label.
        targets: Target label of each margin.
    """
    own = targets.to(logits.device).expand(logits.shape[:-1])[..., None]
    runner_up = logits.float().scatter(-1, own, -torch.inf).amax(dim=-1).abs()
    target = logits.float().gather(-1, own)[..., 0].abs()
    return torch.where(runner_up.isfinite(), torch.maximum(target, runner_up), target)


def apart(found: Float[Tensor, "..."], wanted: Float[Tensor, "..."]) -> float:
    """Computes how far two answers to the same inputs are apart: the largest relative deviation of a score.

    Each deviation is divided by the wanted score's magnitude, or if that is larger, by the largest magnitude of the two
    highest scores (along the last axis) of any input. Equal infinite scores aren't apart.

    Args:
        found: Scores; the last axis is the labels.
        wanted: The scores to compare with.

    Returns:
        A share, at least 0; infinite if the shapes differ, or a score is NaN on one side.
    """
    if found.shape != wanted.shape:
        return math.inf
    found, wanted = found.detach().float(), wanted.detach().float().to(found.device)
    off = (found - wanted).abs().masked_fill(found == wanted, 0.0)
    leading = wanted.topk(min(2, wanted.shape[-1]), dim=-1).values
    leading = leading.masked_fill(~leading.isfinite(), 0.0).abs().amax()
    worst = float((off / wanted.abs().clamp(min=leading)).masked_fill(off == 0, 0.0).amax())
    return math.inf if math.isnan(worst) else worst
