"""Finds the layer of a model that a module is in, by the module lists that hold the layers."""

from torch import nn


def block_of(model: nn.Module, name: str) -> nn.Module | None:
    """Returns the layer that contains the module of this name: the nearest member of a module list, else `None`."""
    names = name.split(".")
    for length in range(len(names), 0, -1):
        parent = model.get_submodule(".".join(names[: length - 1]))
        if isinstance(parent, nn.ModuleList | nn.Sequential):
            return model.get_submodule(".".join(names[:length]))
    return None
