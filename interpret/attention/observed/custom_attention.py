"""Finds modules that may compute attention by code of their own; only models that have some are watched."""

import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from types import CodeType, FunctionType
from typing import Any

from torch import nn

_WORDS = {"softmax", "Softmax", "scaled_dot_product_attention", "multi_head_attention_forward"}
_OF_TORCH = (nn.MultiheadAttention, nn.Softmax, nn.Softmax2d)
_SEARCHED = "transformers.models."  # modules whose code is searched
_KNOWN = ("torch.", "transformers.", "interpret.native.")  # the rest of these has no own attention code


def modules_with_custom_attention(names: Mapping[nn.Module, str]) -> list[nn.Module]:
    """Returns the modules that may compute attention by code of their own, and all modules that contain them.

    Transformers' modules are judged by the names in their code: those that go through the attention interface and call
    no softmax are left out. So are PyTorch's layers of other kinds, and our own, which call `attend`. Modules of any
    other package are modules_with_custom_attention.

    Args:
        names: Dotted names of a model's modules.
    """
    chosen = {name for module, name in names.items() if _has_custom_attention(type(module))}  # type: ignore[arg-type]  # classes are hashable
    parts = [name.split(".") for name in chosen if name]
    chosen |= {".".join(names[:length]) for names in parts for length in range(len(names))}
    return [module for module, name in names.items() if name in chosen]


@cache
def _has_custom_attention(kind: type[nn.Module]) -> bool:
    if issubclass(kind, _OF_TORCH):
        return True
    for owner in kind.__mro__[: kind.__mro__.index(nn.Module)]:
        if owner.__module__.startswith(_SEARCHED):
            if any(_names_softmax(function, set()) for function in _functions(vars(owner).values())):
                return True
        elif not owner.__module__.startswith(_KNOWN):
            return True
    return False


def _names_softmax(function: FunctionType, known: set[CodeType]) -> bool:
    """Returns whether a function, or one that it names or wraps, uses one of the words."""
    if function.__code__ in known:
        return False
    known.add(function.__code__)
    names = set(_names(function.__code__))
    if names & _WORDS:
        return True
    if "ALL_ATTENTION_FUNCTIONS" in names:  # its call goes through the attention interface
        names = {name for name in names if not name.endswith("attention_forward")}
    named = [function.__globals__[name] for name in names if name in function.__globals__]
    wrapped = inspect.getclosurevars(function).nonlocals.values()
    return any(
        _names_softmax(called, known)
        for called in _functions([*named, *wrapped, getattr(function, "__wrapped__", None)])
        if called.__module__.startswith(_SEARCHED)
    )


def _functions(values: Any) -> Iterator[FunctionType]:
    """Yields Python functions among `values`, and methods of classes among them that aren't modules."""
    for value in values:
        if isinstance(value, FunctionType):
            yield value
        elif isinstance(value, staticmethod | classmethod):
            yield from _functions([value.__func__])
        elif isinstance(value, type) and not issubclass(value, nn.Module):
            yield from (method for method in vars(value).values() if isinstance(method, FunctionType))


def _names(code: CodeType) -> Iterator[str]:
    """Yields the names that a piece of code and the functions inside it use."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
