"""Whole attention maps of modules that compute attention in blocks or bands of a text.

The code needs no knowledge of bands or blocks. Such a module's output is linear in its values, so the weight of a key
in a row is the derivative of the row's head output with respect to the key's value: the module's own code runs again,
and is differentiated for some rows at a time. That is exact for windows, global positions and random blocks alike.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from interpret.attention.call import AttentionCall, Way
from interpret.attention.observed.mode import unwatched
from interpret.errors import CaptureError
from interpret.modes.evaluating import evaluating


@dataclass(frozen=True)
class SparseLayout:
    """Submodules at which values enter a module and head outputs leave it.

    Attributes:
        values: Names of the value projections. Of two, the second serves rows of global attention.
        output: Name of the module's own output projection; empty if the module returns head outputs.
        tokens_first: True if its value projections return `[token, batch, ...]`.
    """

    values: tuple[str, ...]
    output: str = ""
    tokens_first: bool = False


_LONGFORMER = SparseLayout(("value", "value_global"), tokens_first=True)
_LAYOUTS = {
    "LongformerSelfAttention": _LONGFORMER,
    "LEDEncoderSelfAttention": _LONGFORMER,
    "BigBirdBlockSparseAttention": SparseLayout(("value",)),
    "BigBirdPegasusBlockSparseAttention": SparseLayout(("value",)),
    "LongT5LocalAttention": SparseLayout(("v",), output="o"),
}


def layout_of(module: nn.Module) -> SparseLayout | None:
    """Returns the layout of a module whose attention in pieces can be read; `None` for any other."""
    return _LAYOUTS.get(type(module).__name__) if type(module).__module__.startswith("transformers.") else None


@dataclass(eq=False, kw_only=True)
class SparseCall(AttentionCall):
    """One evaluation of a module that computes attention in pieces.

    Attributes:
        layout: Submodules at which values enter and head outputs leave.
        args: Positional arguments of the module.
        kwargs: Keyword arguments of the module.
        heads: Number of heads.
        length: Number of positions of the text; the module may have been given padding up to a window or block.
        was_training: True if the module was in training mode when it was called.
    """

    way: ClassVar[Way] = "observed"
    layout: SparseLayout
    args: tuple[Any, ...] = field(repr=False)
    kwargs: dict[str, Any] = field(repr=False)
    heads: int
    length: int
    was_training: bool = field(init=False)

    def __post_init__(self) -> None:
        self.was_training = self.module.training

    def own_weights(self) -> Float[Tensor, "batch head query key"]:
        """Computes each value's weight in each row, by the module's own code; keys met twice count twice."""
        return self.own_rows(0, self.length)

    def own_rows(self, start: int, stop: int) -> Float[Tensor, "batch head row key"]:
        """Computes some rows of `own_weights`, with one run of the module."""
        recorded = self._recorded_projections(self.differentiable)
        with torch.inference_mode(False), torch.enable_grad():
            written = self._run(recorded)
        made = [each.result for each in recorded.values() if each.result is not None]
        width = self._by_head(written).shape[-1]
        with torch.inference_mode(False), torch.set_grad_enabled(self.differentiable):
            parts = [
                self._weights_by_gradient(written, made, first, min(first + width, stop))
                for first in range(start, stop, width)
            ]
            return torch.cat(parts, dim=2)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Numbers of examples, heads, queries and keys."""
        return len(self._hidden), self.heads, self.length, self.length

    @property
    def values_per_head(self) -> Float[Tensor, "batch head key value_dim"]:
        """Value vectors of each head.

        Raises:
            CaptureError: Rows of global attention have other values than the rest; use `values_at`.
        """
        return self.values_at(range(self.length))

    def values_at(self, rows: Sequence[int]) -> Float[Tensor, "batch head key value_dim"]:
        """Returns the value vectors that these rows use.

        Raises:
            CaptureError: Only some of the rows have global attention.
        """
        asked = self._is_global[:, list(rows)]
        if (asked != asked[:, :1]).any():
            raise CaptureError(
                f"rows of global attention in {self.name} have other values than the rest, so rows of both kinds have "
                "none in common"
            )
        return torch.where(asked[:, 0, None, None, None], self._values[-1], self._values[0])

    def written(
        self, weights: Float[Tensor, "batch head row key"], start: int = 0
    ) -> Float[Tensor, "batch row head value_dim"]:
        """Multiplies weights with values, each row with its own."""
        apart = [(weights @ values).transpose(1, 2) for values in self._values]
        return torch.where(self._is_global[:, start : start + weights.shape[2], None, None], apart[-1], apart[0])

    @property
    def visible(self) -> Bool[Tensor, "batch head query key"]:
        """True where the model's own weight isn't 0, so keys whose weight rounds to 0 count as hidden."""
        return self.visible_rows(0, self.length)

    def visible_rows(self, start: int, stop: int) -> Bool[Tensor, "batch head row key"]:
        """Computes rows `start` to `stop` of `visible`."""
        own = self.rows(start, stop) if self.replaced is None else self.own_rows(start, stop)
        return own != 0

    @cached_property
    def _is_global(self) -> Bool[Tensor, "batch query"]:
        """True for rows of global attention: those that read values from the last of several value projections."""
        *others, last = self._projected_values
        changed = [torch.zeros_like(each) for each in others] + [torch.ones_like(last)]
        with torch.no_grad():
            given = {name: _FixedModule(each) for name, each in zip(self.layout.values, changed, strict=False)}
            seen = (self._by_head(self._run(given)) > 0).any(dim=3).any(dim=2)
        return seen if others else torch.zeros_like(seen)

    @property
    def _hidden(self) -> Float[Tensor, "batch given hidden"]:
        return hidden_states(self.args, self.kwargs)

    @cached_property
    def _projected_values(self) -> list[Tensor]:
        """Outputs of the value projections that the module calls for this text."""
        recorded = self._recorded_projections(True)
        with torch.set_grad_enabled(self.differentiable):
            self._run(recorded)
        return [each.result for each in recorded.values() if each.result is not None]

    def _recorded_projections(self, is_attached: bool) -> dict[str, "_RecordedModule"]:
        return {name: _RecordedModule(self.module.get_submodule(name), is_attached) for name in self.layout.values}

    @cached_property
    def _values(self) -> list[Float[Tensor, "batch head key value_dim"]]:
        with torch.set_grad_enabled(self.differentiable):
            return [self._of_keys(each) for each in self._projected_values]

    def _weights_by_gradient(
        self, written: Tensor, made: list[Tensor], start: int, stop: int
    ) -> Float[Tensor, "batch head row key"]:
        """Computes weights of at most as many rows as values have dimensions, each by the gradient of its own one."""
        rows = torch.zeros_like(written)
        self._by_head(rows)[:, range(start, stop), :, range(stop - start)] = 1
        found = torch.autograd.grad(
            written, made, rows, retain_graph=True, create_graph=self.differentiable, materialize_grads=True
        )
        by_value = torch.stack([self._of_keys(each) for each in found]).sum(dim=0)
        return by_value[..., : stop - start].mT

    def _of_keys(self, made: Tensor) -> Float[Tensor, "batch head key value_dim"]:
        """Splits a value projection's output, or its gradient, by head."""
        return self._by_head(made.transpose(0, 1) if self.layout.tokens_first else made).transpose(1, 2)

    def _by_head(self, tensor: Float[Tensor, "batch given number"]) -> Float[Tensor, "batch token head dim"]:
        return tensor[:, : self.length].unflatten(-1, (self.heads, -1))  # type: ignore[no-any-return, no-untyped-call]

    def _run(self, changed: dict[str, Any]) -> Float[Tensor, "batch given number"]:
        """Runs the module's own code with some submodules replaced; returns the head outputs."""
        if self.was_training:
            raise CaptureError(f"{self.name} computes attention in pieces, which can be read in evaluation mode only")
        double = copy.copy(self.module)  # shares its parameters; the module itself stays as it is
        double._modules = {**self.module._modules, **changed}
        if self.layout.output:
            double._modules[self.layout.output] = nn.Identity()
        with unwatched(), evaluating(double), torch.inference_mode(False):
            args, kwargs = tree_map(_without_inference_mode, (self.args, self.kwargs))
            given = type(double).forward(double, *args, **kwargs)  # bypasses a `forward` that was set on the instance
        written: Tensor = given[0] if isinstance(given, tuple) else given
        return written


def hidden_states(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Returns the hidden states among a module's arguments."""
    found: Tensor = args[0] if args else kwargs["hidden_states"]
    return found


def _without_inference_mode(value: Any) -> Any:
    """Returns a tensor that allows gradients: a copy if it was made in inference mode."""
    return value.clone() if isinstance(value, Tensor) and value.is_inference() else value


class _FixedModule(nn.Module):
    """Returns a fixed tensor for any input."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, _: Tensor) -> Tensor:
        return self.answer


class _RecordedModule(nn.Module):
    """Keeps the output of a module.

    Attributes:
        is_attached: True if the output keeps its gradient history; if False, it becomes a new leaf.
    """

    def __init__(self, module: nn.Module, is_attached: bool) -> None:
        super().__init__()
        self.module = module
        self.is_attached = is_attached
        self.result: Tensor | None = None

    def forward(self, given: Tensor) -> Tensor:
        made: Tensor = self.module(given)
        if torch.is_grad_enabled() and not (self.is_attached and made.requires_grad):
            made = made.detach().requires_grad_()
        self.result = made
        return made
