"""What reads the heads of each attention call: the output projection, found by what flows into it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from interpret.doctor.answers import answer
from interpret.edit import editing, zero_head
from interpret.record import recording


@dataclass(frozen=True, eq=False)
class Reader:
    """The module that reads what the heads of one attention call wrote, side by side.

    Attributes:
        module: Mostly the output projection, an `nn.Linear` or a `Conv1D` as GPT-2 has it.
        name: Its dotted name in the model.
        heads: How many heads write into it.
        width: How many of its inputs belong to each head.
        gated: Whether the heads' output is multiplied by a gate before it gets there.
    """

    module: nn.Module
    name: str
    heads: int
    width: int
    gated: bool = False

    @property
    def is_projection(self) -> bool:
        """Whether it is a linear map; otherwise something stands between, such as a norm over all heads."""
        return is_linear(self.module)

    def shares_weights(self, other: "Reader") -> bool:
        """Whether both are the same module, or two with the same weights, so that blinding one blinds both."""
        if self.module is other.module:
            return True
        return self.is_projection and other.is_projection and self.module.weight is other.module.weight

    @contextmanager
    def without(self, head: int) -> Iterator[None]:
        """Makes the module blind to one head: zero columns of a linear map's weights, or zeros in its input."""
        own = slice(head * self.width, (head + 1) * self.width)
        if not self.is_projection:
            hook = self.module.register_forward_pre_hook(lambda _, args: (_blanked(args[0], own), *args[1:]))
            try:
                yield
            finally:
                hook.remove()
            return
        weight: Tensor = self.module.weight.data  # type: ignore[assignment]
        columns = weight[:, own] if isinstance(self.module, nn.Linear) else weight[own]
        kept = columns.clone()
        try:
            columns.zero_()
            yield
        finally:
            columns.copy_(kept)


def find_readers(model: nn.Module, inputs: dict[str, Tensor]) -> list[Reader | None]:
    """Looks, for each attention call, for the module whose input is the heads' output.

    It runs after the call and before the next one, and has no modules inside. Where a gate stands between, no input is
    the same; then it is the linear map of which silencing a head blanks that head's inputs and changes no other.

    Args:
        model: A model, left as it is.
        inputs: Arguments of its `forward`.

    Returns:
        One for each call in the order in which they ran; `None` where there is none.
    """
    names = {module: name for name, module in model.named_modules() if not list(module.children())}
    with torch.no_grad(), recording(model) as record:
        fed = _fed(model, inputs, names, lambda: len(record.calls))
    found: list[Reader | None] = []
    for number, call in enumerate(record.calls):
        after = [(module, given) for calls, module, given in fed if calls == number + 1]
        reader = None
        if call.output is not None:
            reader = _same(call.output, after, names) or _gated(model, inputs, number, call.output, after, names)
        found.append(reader)
    return found


def is_linear(module: nn.Module) -> bool:
    """Whether the module is a linear map with a weight matrix."""
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def _fed(
    model: nn.Module, inputs: dict[str, Tensor], names: dict[nn.Module, str], calls: Callable[[], int]
) -> list[tuple[int, nn.Module, Tensor]]:
    """What each module was given, with the number of attention calls before it."""
    fed: list[tuple[int, nn.Module, Tensor]] = []

    def listen(module: nn.Module, args: tuple[Any, ...]) -> None:
        if args and isinstance(args[0], Tensor):
            fed.append((calls(), module, args[0].detach()))

    hooks = [module.register_forward_pre_hook(listen) for module in names]
    try:
        answer(model, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return fed


def _same(written: Tensor, after: list[tuple[nn.Module, Tensor]], names: dict[nn.Module, str]) -> Reader | None:
    heads, width = written.shape[2:]
    flat = written.detach().flatten()
    for module, given in after:
        if given.shape[-1] == heads * width and given.numel() == flat.numel() and torch.equal(given.flatten(), flat):
            if not is_linear(module) and _passes(module):
                continue
            return Reader(module, names[module], heads, width)
    return None


def _passes(module: nn.Module) -> bool:
    """Whether the module hands on what it is given, so that the one after it is the reader."""
    return isinstance(module, (nn.Dropout, nn.Identity))


def _gated(
    model: nn.Module,
    inputs: dict[str, Tensor],
    number: int,
    written: Tensor,
    after: list[tuple[nn.Module, Tensor]],
    names: dict[nn.Module, str],
) -> Reader | None:
    heads, width = written.shape[2:]
    fitting = {module: name for module, name in names.items() if is_linear(module)}
    with torch.no_grad(), editing(model, zero_head(number, 0)), recording(model) as record:
        silenced = _fed(model, inputs, fitting, lambda: len(record.calls))
    blank = {module: given for calls, module, given in silenced if calls == number + 1}
    for module, given in after:
        again = blank.get(module)
        if again is None or again.shape != given.shape or given.shape[-1] != heads * width:
            continue
        others = torch.equal(again[..., width:], given[..., width:])
        if others and not again[..., :width].any() and given[..., :width].any():
            return Reader(module, names[module], heads, width, gated=True)
    return None


def _blanked(given: Tensor, own: slice) -> Tensor:
    blank = given.clone()
    blank[..., own] = 0
    return blank
