"""Linear maps with integer weights, as libraries for quantized models lay them out; written anew, in plain torch."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad


class EightBits(nn.Linear):
    """Rows of weights in steps of their 127th, and inputs rounded the same way, as in Dettmers et al. (2022)."""

    def __init__(self, own: nn.Linear) -> None:
        super().__init__(own.in_features, own.out_features)
        weight = own.weight.detach()
        self.register_buffer("steps", weight.abs().amax(dim=1, keepdim=True) / 127)
        self.weight = nn.Parameter((weight / self.steps).round().to(torch.int8), requires_grad=False)
        self.bias = own.bias

    def forward(self, given: Tensor) -> Tensor:
        steps = given.detach().abs().amax(dim=-1, keepdim=True).clamp(min=1e-9) / 127
        rounded = given + ((given / steps).round() * steps - given).detach()
        return linear(rounded, self.weight.float() * self.steps, self.bias)


class FourBits(nn.Linear):
    """Two weights in a byte, all in one column."""

    def __init__(self, own: nn.Linear) -> None:
        super().__init__(own.in_features, own.out_features)
        weight = own.weight.detach()
        self.step = float(weight.abs().amax()) / 7
        levels = pad(((weight / self.step).round() + 8).to(torch.uint8).flatten(), (0, weight.numel() % 2))
        self.weight = nn.Parameter((levels[::2] * 16 + levels[1::2])[:, None], requires_grad=False)
        self.bias = own.bias

    def forward(self, given: Tensor) -> Tensor:
        levels = torch.stack([self.weight // 16, self.weight % 16], dim=1).flatten()
        weight = (levels[: self.in_features * self.out_features].float() - 8) * self.step
        return linear(given, weight.view(self.out_features, self.in_features), self.bias)


def quantized(model: nn.Module, kind: type[EightBits] | type[FourBits]) -> nn.Module:
    """The model with every linear map inside of its layers replaced."""
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and ".layer." in name:
            owner, _, own = name.rpartition(".")
            setattr(model.get_submodule(owner), own, kind(module))
    return model.eval()
