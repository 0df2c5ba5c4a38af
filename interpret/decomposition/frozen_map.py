"""Maps that are linear once their statistics are frozen: layer norms, RMS norms, scales and the identity."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpret.modes.norms import centred, fitted_scale

TOLERANCE = {32: 1e-5, 16: 2e-2}  # of the largest number; by bits


@dataclass(frozen=True, eq=False)
class FrozenMap:
    """Linear map of each position's vector, with the statistics that one pass had: `scale * gain * (u - mean(u))`.

    Attributes:
        gain: Factor of each feature, the same at all positions.
        scale: Factor of each position, such as 1 over the standard deviation of its vector.
        shift: Vector that is added at every position.
        is_centred: True if the mean over features is taken off first, as in a layer norm.

    Source: Kobayashi et al. (2021), arXiv:2109.07152, section 3.2, who write a layer norm as a sum over its input's
    parts in this way.
    """

    gain: Float[Tensor, " hidden"] = field(repr=False)
    scale: Float[Tensor, " row"] = field(repr=False)
    shift: Float[Tensor, " hidden"] = field(repr=False)
    is_centred: bool

    def linear(self, vectors: Float[Tensor, "row *part hidden"], rows: slice) -> Float[Tensor, "row *part hidden"]:
        """Maps parts of the vectors of some rows, without the shift."""
        scale = self.scale[rows].view(-1, *[1] * (vectors.ndim - 1))
        return centred(vectors, self.is_centred) * (self.gain * scale)

    def unscaled(self, vectors: Float[Tensor, "*part hidden"]) -> Float[Tensor, "*part hidden"]:
        """Maps parts of vectors of any position, without its factor and the shift."""
        return centred(vectors, self.is_centred) * self.gain

    def pulled_back(self, weights: Float[Tensor, " hidden"]) -> Float[Tensor, "row hidden"]:
        """Returns weights of each row's features that give the same as these weights of the mapped features."""
        pulled = self.gain * weights
        return self.scale[:, None] * (pulled - pulled.mean() if self.is_centred else pulled)

    def whole(self, vectors: Float[Tensor, "row hidden"], rows: slice) -> Float[Tensor, "row hidden"]:
        """Maps whole vectors of some rows, the shift included."""
        return self.linear(vectors, rows) + self.shift


def frozen_map(module: nn.Module, given: Float[Tensor, "..."], answer: Float[Tensor, "..."]) -> FrozenMap | None:
    """Finds the linear map that a module was in one pass; `None` if it is none of this form.

    The gain is read off the module's answers to a vector of ones and minus ones, and the scale of each position off its
    answer in the pass. All of its answers must then be those of the map.

    Args:
        module: The module; it is run on three vectors.
        given: Its input in the pass, features last.
        answer: Its output.
    """
    hidden = given.shape[-1]
    signs = torch.randint(0, 2, (hidden,), generator=torch.Generator().manual_seed(0), dtype=torch.float32) * 2 - 1
    signs = signs.to(given.device)
    try:
        with torch.no_grad():
            plus, minus = module(torch.stack([signs, -signs])[None].to(given.dtype))[0].float()
    except (RuntimeError, TypeError, ValueError, IndexError):  # it needs more than a vector
        return None
    if plus.shape != signs.shape:
        return None
    inputs, outputs = given.reshape(-1, hidden).float(), answer.reshape(-1, hidden).float()
    for is_centred in (False, True):
        shift, probe = (plus + minus) / 2, signs - signs.mean() * is_centred
        gain = (plus - minus) / 2 / probe
        scale = fitted_scale(gain * centred(inputs, is_centred), outputs - shift)
        found = FrozenMap(gain, scale, shift, is_centred)
        if _agrees(found.whole(inputs, slice(None)), outputs, given.dtype):
            return found
    return None


def constant_scale(given: Float[Tensor, "row hidden"], answer: Float[Tensor, "row hidden"]) -> FrozenMap | None:
    """Finds a factor of each feature that makes one tensor of the other at all positions; `None` without one.

    At least two positions are needed, as anything is such a factor at a single one.
    """
    inputs, outputs = given.float(), answer.float()
    power = inputs.square().sum(dim=0)
    gain = torch.where(power > 0, (inputs * outputs).sum(dim=0) / power.clamp(min=torch.finfo().tiny), 0.0)
    found = FrozenMap(gain, torch.ones(len(inputs)).to(gain), torch.zeros_like(gain), False)
    fits = len(inputs) > 1 and _agrees(found.whole(inputs, slice(None)), outputs, given.dtype)
    return found if fits else None


def _agrees(found: Tensor, wanted: Tensor, dtype: torch.dtype) -> bool:
    """Returns whether two tensors differ by rounding only."""
    size = wanted.abs().amax().clamp(min=torch.finfo().tiny)
    return bool(((found - wanted).abs().amax() / size) <= TOLERANCE[16 if dtype.itemsize == 2 else 32])
