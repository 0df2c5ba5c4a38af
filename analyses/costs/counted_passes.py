"""Counter of the inputs that a model reads, with and without keeping what a gradient needs."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from interpret.subjects.forward_pass import run_pass
from interpret.subjects.inputs.example import Example
from interpret.subjects.models.shared_prefix import is_preparing
from interpret.subjects.task_model import TaskModel


@dataclass(frozen=True)
class Heard:
    """How a layer's first weights show the inputs that it reads.

    Attributes:
        axis: The axis of inputs in what they give.
        length: Its length in one pass of one input, over all calls of a layer that is called several times.
    """

    axis: int
    length: int


@dataclass(frozen=True, eq=False)
class CountedPasses:
    """Inputs that the layers of a model read, counted where the first weights of each layer are asked.

    An input counts as one pass, also where words of it are missing or only some layers read it: the number is that of
    the layer that read the most. What several inputs share and is read beforehand (`SharedPrefix`) doesn't count.
    """

    layers: dict[nn.Module, Heard]
    _plain: Counter[nn.Module] = field(default_factory=Counter)
    _with_gradient: Counter[nn.Module] = field(default_factory=Counter)

    @property
    def plain(self) -> int:
        """Number of passes that keep nothing for a gradient."""
        return self._most(self._plain)

    @property
    def with_gradient(self) -> int:
        """Number of passes that keep what a gradient needs."""
        return self._most(self._with_gradient)

    def hear(self, layer: nn.Module, given: Tensor) -> None:
        """Adds what a layer's first weights gave."""
        if not is_preparing():
            counts = self._with_gradient if given.requires_grad else self._plain
            counts[layer] += given.shape[self.layers[layer].axis]

    def _most(self, counts: Counter[nn.Module]) -> int:
        return max((-(-count // self.layers[layer].length) for layer, count in counts.items()), default=0)


def heard_layers(subject: TaskModel, example: Example) -> dict[nn.Module, Heard]:
    """Finds the layers of a subject's model, and the axis of inputs, by passes of the example alone and twice.

    Returns:
        The first module with weights of each layer; of a model without attention, all that have some.
    """
    ids = example.ids[None]
    passed = run_pass(subject, ids)
    calls = zip(passed.blocks, passed.record.calls, strict=True)
    layers = [block or call.module for block, call in calls]
    firsts = list(dict.fromkeys(_first_with_weights(layer) for layer in layers or subject.model.modules()))
    one, two = _shapes(subject, firsts, ids), _shapes(subject, firsts, ids.expand(2, *example.ids.shape))
    axes = {first: _axis_that_grew(one[first][0], two[first][0]) for first in firsts if one[first]}
    return {first: Heard(axis, sum(shape[axis] for shape in one[first])) for first, axis in axes.items()}


@contextmanager
def counting(model: nn.Module, layers: dict[nn.Module, Heard]) -> Iterator[CountedPasses]:
    """Counts passes of a model until the block ends.

    Args:
        model: The model.
        layers: Its layers, from `heard_layers`.
    """
    found = CountedPasses(layers)
    with _hearing(model, layers, found.hear):
        yield found


def _shapes(
    subject: TaskModel, firsts: list[nn.Module], ids: Shaped[Tensor, "batch token *number"]
) -> dict[nn.Module, list[torch.Size]]:
    found: dict[nn.Module, list[torch.Size]] = {first: [] for first in firsts}
    with torch.no_grad(), _hearing(subject.model, firsts, lambda first, given: found[first].append(given.shape)):
        subject.logits(ids)
    return found


def _axis_that_grew(one: torch.Size, two: torch.Size) -> int:
    return next((axis for axis, sizes in enumerate(zip(one, two, strict=True)) if len(set(sizes)) > 1), 0)


@contextmanager
def _hearing(
    model: nn.Module, modules: Iterable[nn.Module], hear: Callable[[nn.Module, Tensor], None]
) -> Iterator[None]:
    """Tells `hear` the first tensor that each call of these modules gives while the model runs, until the block ends.

    Calls from elsewhere, such as of a norm by itself, are no passes.
    """
    running = 0

    def enter(*_: Any) -> None:
        nonlocal running
        running += 1

    def leave(*_: Any) -> None:
        nonlocal running
        running -= 1

    def tell(module: nn.Module, _: Any, given: Any) -> None:
        if running:
            hear(module, next(leaf for leaf in tree_leaves(given) if isinstance(leaf, Tensor)))

    with ExitStack() as stack:
        stack.callback(model.register_forward_pre_hook(enter).remove)
        for module in modules:
            stack.callback(module.register_forward_hook(tell).remove)
        stack.callback(model.register_forward_hook(leave, always_call=True).remove)
        yield


def _first_with_weights(layer: nn.Module) -> nn.Module:
    """The first module of a layer that has weights, or else itself; a layer that answers from memory doesn't ask it."""
    modules = (module for module in layer.modules() if any(True for _ in module.parameters(recurse=False)))
    return next(modules, layer)
