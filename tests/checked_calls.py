"""Types and shapes of every call of a package, checked as jaxtyping's hook does it but in less time."""

import dataclasses
import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

check_types = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int may stand where a float is wanted
axes_of_a_call = jaxtyping.jaxtyped
check_in_full = functools.partial(jaxtyping.jaxtyped, typechecker=check_types)


def check_calls(packages: list[str]) -> None:
    """Lets all functions and dataclasses of packages that are yet to be imported check their calls.

    jaxtyping's hook decorates them by what `jaxtyping.jaxtyped` is.
    """
    jaxtyping.jaxtyped = checked  # type: ignore[assignment]
    jaxtyping.install_import_hook(packages, "beartype.beartype")


def checked(function: Any = None, *, typechecker: Any = None) -> Any:
    """Stands in for `jaxtyping.jaxtyped`, which binds the arguments of each call and checks them twice.

    How a call is checked is settled when the first one comes, for most functions are imported and never called.
    """
    if function is None:
        return checked
    if isinstance(function, type):
        if dataclasses.is_dataclass(function) and "__init__" in vars(function):
            function.__init__ = checked(function.__init__)
        return function
    check: Callable[..., Any] | None = None

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal check
        if check is None:
            check = _check_of(function)
        return check(*args, **kwargs)

    return call


def _check_of(function: types.FunctionType) -> Callable[..., Any]:
    hints = {name: _looked_up(hint, function) for name, hint in function.__annotations__.items()}
    arrays = [array for hint in hints.values() for array in _arrays(hint)]
    if inspect.isgeneratorfunction(function) or any("{" in array.dim_str for array in arrays):
        return check_in_full(function)  # it runs after the call, or an axis is as long as an argument says
    check = check_types(_with_hints(function, hints))
    return _with_axes(check) if arrays else check


def _with_axes(check: Callable[..., Any]) -> Callable[..., Any]:
    """Axes of one name are of one length within a call."""

    def call(*args: Any, **kwargs: Any) -> Any:
        with axes_of_a_call("context"):
            return check(*args, **kwargs)

    return call


def _with_hints(function: types.FunctionType, hints: dict[str, Any]) -> types.FunctionType:
    code, names, name = function.__code__, function.__globals__, function.__name__
    copy = types.FunctionType(code, names, name, function.__defaults__, function.__closure__)
    copy.__kwdefaults__, copy.__annotations__ = function.__kwdefaults__, hints
    copy.__module__, copy.__qualname__ = function.__module__, function.__qualname__
    return copy


def _looked_up(hint: Any, function: types.FunctionType) -> Any:
    """A hint without strings; names that only a type checker imports leave nothing to check."""
    holder = types.SimpleNamespace(__annotations__={"hint": hint})
    try:
        return typing.get_type_hints(holder, function.__globals__, include_extras=True)["hint"]
    except NameError:
        return Any


def _arrays(hint: Any) -> Iterator[Any]:
    if isinstance(hint, type) and issubclass(hint, jaxtyping.AbstractArray):
        yield hint
    for part in hint if isinstance(hint, list) else typing.get_args(hint):
        yield from _arrays(part)
