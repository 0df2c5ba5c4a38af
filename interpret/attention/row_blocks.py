"""Which layer of a model a module is in, told from the lists of modules that models keep their layers in."""

from torch import nn


def block_of(model: nn.Module, name: str) -> nn.Module | None:
    """The layer that a module of that name is in: the nearest member of a list; `None` where it is in none."""
    names = name.split(".")
    for length in range(len(names), 0, -1):
        parent = model.get_submodule(".".join(names[: length - 1]))
        if isinstance(parent, nn.ModuleList | nn.Sequential):
            return model.get_submodule(".".join(names[:length]))
    return None
