"""How large the scores are that a decision is made of: what rounding is a share of.

Models hide labels behind scores such as -1e9, the smallest number or -inf: unused parts of a vocabulary, answers that
can't be. These enter no decision, so nothing is measured by their size.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor


def margin_size(logits: Float[Tensor, "*batch label"], targets: Int[Tensor, "*#batch"]) -> Float[Tensor, "*batch"]:
    """The larger magnitude of the two scores that a margin is the difference of: the target's and its runner-up's.

    Args:
        logits: Scores of every label.
        targets: The label whose margin it is.
    """
    own = targets.to(logits.device).expand(logits.shape[:-1])[..., None]
    runner_up = logits.float().scatter(-1, own, -torch.inf).amax(dim=-1).abs()
    target = logits.float().gather(-1, own)[..., 0].abs()
    return torch.where(runner_up.isfinite(), torch.maximum(target, runner_up), target)


def apart(found: Float[Tensor, "..."], wanted: Float[Tensor, "..."]) -> float:
    """How far two answers to the same inputs are apart: the worst score's deviation as a share of its own size.

    A score near 0 is measured by the leading ones, the two largest along the last axis, of the input where they are
    largest. Equal infinite scores aren't apart.

    Args:
        found: Scores; the last axis is the labels.
        wanted: What they should be.

    Returns:
        A share, at least 0; infinite where the shapes differ, or a number is missing on one side.
    """
    if found.shape != wanted.shape:
        return math.inf
    found, wanted = found.detach().float(), wanted.detach().float().to(found.device)
    off = (found - wanted).abs().masked_fill(found == wanted, 0.0)
    leading = wanted.topk(min(2, wanted.shape[-1]), dim=-1).values
    leading = leading.masked_fill(~leading.isfinite(), 0.0).abs().amax()
    worst = float((off / wanted.abs().clamp(min=leading)).masked_fill(off == 0, 0.0).amax())
    return math.inf if math.isnan(worst) else worst
