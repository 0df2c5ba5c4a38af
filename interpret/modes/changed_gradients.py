"""Tensors that stay as they are while their gradients are changed."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def scaled_gradient(given: Float[Tensor, "*shape"], factor: float) -> Float[Tensor, "*shape"]:
    """Returns the same numbers, with a gradient times a factor."""
    return _Scaled.apply(given, factor)  # type: ignore[no-untyped-call,no-any-return]


def warm_softmax(weights: Float[Tensor, "*row key"]) -> Float[Tensor, "*row key"]:
    """Returns the same weights, with a gradient that leaves their softmax as if its temperature were 2.

    Args:
        weights: What a softmax over the last axis gave; rows of zeros, which hide every key, stay without gradient.
    """
    return _WarmSoftmax.apply(weights)  # type: ignore[no-untyped-call,no-any-return]


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, given: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return given.view_as(given)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.factor * gradients[0], None


class _WarmSoftmax(torch.autograd.Function):
    """Changes the gradient `g` at weights `p`.

    Weights at temperature 2, `q`, are proportional to the roots of those at 1, so scores needn't be known. Scores shall
    get `t = q (g - sum q g)`. The softmax makes `p (h - sum p h)` of a gradient `h`, which is `t` for `h = t / p`.
    """

    @staticmethod
    def forward(ctx: Any, weights: Tensor) -> Tensor:
        ctx.save_for_backward(weights)
        return weights.view_as(weights)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        weights, gradient = ctx.saved_tensors[0].double(), gradients[0].double()
        warm = weights.sqrt()
        warm = warm / warm.sum(-1, keepdim=True).clamp(min=1e-30)
        wanted = warm * (gradient - (warm * gradient).sum(-1, keepdim=True))
        return torch.where(weights > 0, wanted / weights.clamp(min=1e-300), 0.0).to(gradients[0])
