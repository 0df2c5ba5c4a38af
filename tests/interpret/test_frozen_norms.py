"""Norms are recognised by what they compute, and their gradients take sizes for constants."""

import re

import pytest
import torch
from torch import nn

from interpret.errors import CaptureError
from interpret.modes.frozen_norms import frozen_norms
from interpret.modes.norms import norm_of


class PlusOne(nn.Module):
    """A root-mean-square norm as in Gemma, by another name."""

    def __init__(self, hidden):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-0.5, 1, hidden))

    def forward(self, hidden):
        size = (hidden.float().square().mean(-1, keepdim=True) + 1e-6).rsqrt()
        return (hidden.float() * size * (1 + self.weight.float())).type_as(hidden)


class UnitLength(nn.Module):
    """Vectors of length 1, as of queries and keys in some models."""

    def forward(self, hidden):
        return nn.functional.normalize(hidden, dim=-1)


class OverTokens(nn.Module):
    """A norm over another axis than the last."""

    def forward(self, hidden):
        return hidden / hidden.square().mean(1, keepdim=True).sqrt()


class Gated(PlusOne):
    """A norm that a second input gates."""

    def forward(self, hidden, gate=None):
        normed = super().forward(hidden)
        return normed if gate is None else normed * gate


class Constant(nn.Module):
    """Answers that have the shape of the input and nothing else of it."""

    def forward(self, hidden):
        return torch.arange(hidden.numel()).view_as(hidden).to(hidden)


def with_weights(norm):
    generator = torch.Generator().manual_seed(2)
    for weights in norm.parameters():
        weights.data += torch.randn(weights.shape, generator=generator)
    return norm


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("norm", "centres"),
    [
        (nn.LayerNorm(24), True),
        (nn.LayerNorm(24, bias=False, eps=0.3), True),
        (nn.LayerNorm(24, elementwise_affine=False), True),
        (nn.RMSNorm(24, eps=0.1), False),
        (PlusOne(24), False),
        (UnitLength(), False),
    ],
)
def test_a_norm_is_recognised_by_its_answers(norm, centres, dtype):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = norm_of(with_weights(norm).to(dtype), torch.randn(2, 5, 24).to(dtype))
    assert found is not None and found.centres == centres
    norm.float()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "module",
    [nn.Linear(24, 24), nn.Identity(), nn.GELU(), nn.Tanh(), nn.Sigmoid(), nn.Softmax(-1), nn.Dropout(), Constant()],
)
def test_what_is_no_norm_is_left_alone(module, dtype):
    assert norm_of(module.eval().to(dtype), torch.zeros(2, 5, 24, dtype=dtype)) is None


@pytest.mark.parametrize("norm", [nn.LayerNorm(24, eps=0.2), nn.RMSNorm(24, eps=0.1), PlusOne(24)])
@pytest.mark.parametrize("shape", [(7, 24), (2, 5, 24), (2, 3, 5, 24)])
def test_gradients_take_the_size_for_a_constant(norm, shape):
    model = nn.Sequential(nn.Linear(24, 24), with_weights(norm), nn.Tanh())
    generator = torch.Generator().manual_seed(0)
    given, direction = (torch.randn(shape, generator=generator).requires_grad_() for _ in range(2))
    plain = model(given)
    with frozen_norms(model):
        answer = model(given)
        (found,) = torch.autograd.grad((answer * direction).sum(), given)
    assert torch.equal(answer, plain) and not any(module._forward_hooks for module in model.modules())
    hidden = model[0](given)
    centred = hidden - hidden.mean(-1, keepdim=True) if isinstance(norm, nn.LayerNorm) else hidden
    size = (centred.square().mean(-1, keepdim=True) + getattr(norm, "eps", 1e-6)).sqrt().detach()
    weight = 1 + norm.weight if isinstance(norm, PlusOne) else norm.weight
    normed = centred / size * weight + (norm.bias if isinstance(norm, nn.LayerNorm) else 0)
    (expected,) = torch.autograd.grad((normed.tanh() * direction).sum(), given)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_one_norm_serves_queries_and_keys_of_fewer_heads():
    """As in Llama 4, whose queries and keys share a norm without weights."""
    norm = nn.RMSNorm(6, eps=0.1, elementwise_affine=False)
    generator = torch.Generator().manual_seed(0)
    for heads in (4, 2):
        with frozen_norms(nn.ModuleList([norm])):
            for tried in (4, heads):
                given = torch.randn(1, 5, tried, 6, generator=generator).requires_grad_()
                (found,) = torch.autograd.grad(norm(given).sum(), given)
        size = (given.detach().square().mean(-1, keepdim=True) + 0.1).sqrt()
        torch.testing.assert_close(found, (1 / size).expand_as(given))


@pytest.mark.parametrize(
    ("module", "inputs"), [(OverTokens(), 1), (nn.GroupNorm(1, 5, affine=False), 1), (Gated(24), 2)]
)
def test_other_ways_to_normalise_are_refused(module, inputs):
    said = (
        f"{type(module).__name__} normalises its input, and neither as a layer norm nor as a root-mean-square norm of "
        "one input over its last axis, so its statistics can't be held fixed; choose a method that needs no such "
        "gradients, such as input x gradient"
    )
    given = [torch.randn(2, 5, 24, generator=torch.Generator().manual_seed(0))] * inputs
    with frozen_norms(nn.ModuleList([module])), pytest.raises(CaptureError, match=f"^{re.escape(said)}$"):
        module(*given)
