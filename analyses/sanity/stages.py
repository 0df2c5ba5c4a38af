"""Parts of a model from the top down: its head, its layers, and its embeddings."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from interpret.errors import CaptureError
from interpret.subjects.forward_pass import run_pass
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

LAYER_STAGES = 4  # stages that the layers are split into


@dataclass(frozen=True, eq=False)
class Stage:
    """A part of a model.

    Attributes:
        name: Its name, such as "head", "layers 5 to 6" or "embeddings".
        parameters: Its parameters that belong to no stage above it; a head that shares its weights with the embeddings
            has them.
    """

    name: str
    parameters: tuple[nn.Parameter, ...] = field(repr=False)


def stages_of(subject: Subject, example: Example) -> tuple[Stage, ...]:
    """Splits a model into stages, from the top down.

    What is first used after the last layer began is the head, and all else outside of layers counts as embeddings.

    Args:
        subject: The model.
        example: An input, on which it is run.
    """
    layers = list(dict.fromkeys(entry.block for entry in run_pass(subject, example.ids[None]).entries))
    groups = {"head": _above(subject, example, layers)}
    for first, last in reversed(_split(len(layers))):
        name = f"layer {first + 1}" if first == last else f"layers {first + 1} to {last + 1}"
        groups[name] = [each for layer in layers[first : last + 1] for each in layer.parameters()]
    groups["embeddings"] = list(subject.model.parameters())
    taken: set[int] = set()
    stages = []
    for name, parameters in groups.items():
        own = tuple(each for each in dict.fromkeys(parameters) if id(each) not in taken)
        taken |= {id(each) for each in own}
        stages.append(Stage(name, own))
    return tuple(stage for stage in stages if stage.parameters)


def stage_count(layers: int) -> int:
    """Number of stages of a model with so many layers, if it has a head, layers and embeddings."""
    return len(_split(layers)) + 2


def _split(layers: int) -> list[tuple[int, int]]:
    """First and last layer of each stage, from the bottom up."""
    size = -(-layers // LAYER_STAGES) or 1
    return [(start, min(start + size, layers) - 1) for start in range(0, layers, size)]


def embedding_module(subject: Subject, example: Example) -> nn.Module:
    """Returns the module that makes the vectors of an input: the first with weights of its own that is done.

    Raises:
        CaptureError: That isn't a module which gives one tensor.
    """
    done: list[tuple[nn.Module, Any]] = []
    with ExitStack() as stack, torch.no_grad():
        for module in _with_weights(subject.model):
            stack.callback(module.register_forward_hook(lambda module, _, given: done.append((module, given))).remove)
        subject.logits(example.ids[None])
    module, given = done[0]
    if not isinstance(given, Tensor):
        raise CaptureError(
            f"noise must be put into the vectors of the input, and no module of {type(subject.model).__name__} makes "
            "them"
        )
    return module


def _above(subject: Subject, example: Example, layers: list[nn.Module]) -> list[nn.Parameter]:
    """Parameters of modules that are first called after the last layer."""
    if not layers:
        return []
    inside = {module for layer in layers for module in layer.modules()}
    outside = [module for module in _with_weights(subject.model) if module not in inside]
    order = _called(subject, example, [layers[-1], *outside])
    return [each for module in order[order.index(layers[-1]) + 1 :] for each in module.parameters(recurse=False)]


def _with_weights(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if list(module.parameters(recurse=False))]


def _called(subject: Subject, example: Example, modules: list[nn.Module]) -> list[nn.Module]:
    """Modules in the order in which they are first called on an input."""
    called: list[nn.Module] = []
    with ExitStack() as stack, torch.no_grad():
        for module in modules:
            hook = module.register_forward_pre_hook(lambda module, _: called.append(module))
            stack.callback(hook.remove)
        subject.logits(example.ids[None])
    return list(dict.fromkeys(called))
