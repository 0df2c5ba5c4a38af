"""Layer norms and root-mean-square norms: what they compute, and how one is recognised whatever its name."""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpret.errors import CaptureError

_ROWS = 16  # random inputs on which a module is tried
_LARGE = 1e4  # their size, beside which the small number that norms add under the root is nothing


@dataclass(frozen=True, eq=False)
class Norm:
    """A layer norm or a root-mean-square norm over the last axis: `weight * centred / size + bias`.

    Attributes:
        weight: Factor of each number.
        bias: What is added to each.
        centres: Whether the mean is taken off first, as a layer norm does.
    """

    weight: Float[Tensor, "*part hidden"] = field(repr=False)
    bias: Float[Tensor, "*part hidden"] = field(repr=False)
    centres: bool

    def frozen(self, given: Float[Tensor, "*row hidden"], answer: Float[Tensor, "*row hidden"]) -> Tensor:
        """Returns the answer to an input, with a gradient that takes the input's size for a constant.

        The size is read off the answer, so it is the one that the norm divided by.
        """
        scaled = self.weight * centred(given.float(), self.centres)
        with torch.no_grad():
            per_size = fitted_scale(scaled, answer.float() - self.bias)
        linear = (scaled * per_size[..., None]).to(answer.dtype)
        return answer.detach() + (linear - linear.detach())


def centred(vectors: Float[Tensor, "*row hidden"], centres: bool) -> Float[Tensor, "*row hidden"]:
    """Takes the mean over the last axis off each vector, where a norm does so."""
    return vectors - vectors.mean(dim=-1, keepdim=True) if centres else vectors


def fitted_scale(scaled: Float[Tensor, "*row hidden"], answer: Float[Tensor, "*row hidden"]) -> Float[Tensor, "*row"]:
    """Finds the factor of each vector that comes closest to an answer: 1 over the size that a norm divided by.

    Args:
        scaled: Vectors, centred and times the weights.
        answer: What the norm made of them, without its bias.

    Returns:
        The factors; 1 for a vector of zeros.
    """
    squares = scaled.square().sum(dim=-1)
    factors = (scaled * answer).sum(dim=-1) / squares.clamp(min=torch.finfo().tiny)
    return torch.where(squares > 0, factors, 1.0)


@torch.no_grad()
def norm_of(module: nn.Module, given: Float[Tensor, "*row hidden"]) -> Norm | None:
    """Returns the norm that a module computes, found by trying it on random inputs; `None` if it computes none.

    Args:
        module: The module.
        given: An input of it, for its shape, type and device.

    Raises:
        CaptureError: The module normalises in another way.
    """
    axis = 0 if given.ndim < 3 else 1  # of the rows that are tried
    few = (*given.shape[:axis], _ROWS, *given.shape[axis + 1 :])
    found = _fitted(module, few, axis, given)
    if found is None and any(_is_scale_free(module, shape, given) for shape in (few, given.shape)):
        raise unknown_norm(module)
    return found


def _fitted(module: nn.Module, shape: tuple[int, ...], axis: int, given: Tensor) -> Norm | None:
    """Returns the norm whose answers to random inputs of this shape are those of the module."""
    drawn, large = _drawn(shape), _large(given.dtype)
    tried, opposite = (_answer(module, size * drawn, given) for size in (large, -large))
    if tried is None or opposite is None:
        return None
    bias = ((tried + opposite) / 2).mean(dim=axis, keepdim=True)
    largest = float((tried - bias).abs().max())
    for centres in (False, True):
        units = centred(drawn, centres).to(tried.device)
        units = units / units.square().mean(dim=-1, keepdim=True).sqrt()
        weight = ((tried - bias) * units).sum(axis, keepdim=True) / units.square().sum(axis, keepdim=True)
        miss = float((weight * units + bias - tried).abs().max())
        if miss < largest * torch.finfo(given.dtype).eps ** 0.5:
            first = (0,) * (axis + 1)
            return Norm(weight[first], bias[first], centres)
    return None


def _is_scale_free(module: nn.Module, shape: tuple[int, ...], given: Tensor) -> bool:
    """Returns whether answers to random inputs depend on their direction and not on their size."""
    drawn = _drawn(shape)
    answers = [_answer(module, size * drawn, given) for size in (1.0, -1.0, 2.0, _large(given.dtype))]
    known = [each for each in answers if each is not None]
    if len(known) < len(answers):
        return False
    reach = float((known[0] - known[1]).abs().max())
    return reach > 0 and all(float((each - known[0]).abs().max()) < 0.01 * reach for each in known[2:])


def _drawn(shape: tuple[int, ...]) -> Tensor:
    """Returns random numbers whose mean is as large as their deviation, so that centring shows."""
    return 1 + torch.randn(shape, generator=torch.Generator().manual_seed(0))


def _large(dtype: torch.dtype) -> float:
    """Returns a size of inputs whose squares this type can hold."""
    return float(min(_LARGE, torch.finfo(dtype).max ** 0.5 / 8))


def _answer(module: nn.Module, drawn: Tensor, given: Tensor) -> Tensor | None:
    """Returns the module's answer to an input; `None` if it takes no such input alone."""
    try:
        found = module.forward(drawn.to(given))
    except Exception:  # a module may raise anything on inputs that it doesn't take
        return None
    return found.float() if is_alike(drawn, found) else None


def is_alike(given: Tensor, answer: Any) -> bool:
    """Returns whether an answer has the shape of the input, and both are rows of real numbers."""
    is_tensor = isinstance(answer, Tensor) and answer.shape == given.shape and given.ndim > 1
    return is_tensor and answer.is_floating_point() and given.is_floating_point()


def unknown_norm(module: nn.Module) -> CaptureError:
    """Returns the error about a module that normalises in a way that can't be held fixed."""
    return CaptureError(
        f"{type(module).__name__} normalises its input, and neither as a layer norm nor as a root-mean-square norm of "
        "one input over its last axis, so its statistics can't be held fixed; choose a method that needs no such "
        "gradients, such as input x gradient"
    )
