"""Layers, heads and ranges as they are typed in commands: all from 1, while code and JSON count from 0."""

import re
from typing import Any

import click

_LARGEST = 9  # digits of a number
_HEAD = "head:"


class RangeType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """Numbers from 1 on: "8", "8-20", or "8-" without an end where that is allowed."""

    name = "a-b"

    def __init__(self, *, can_be_open: bool) -> None:
        self.can_be_open = can_be_open

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int | None]:
        """Converts to the first and the last number, `None` without an end; fails for anything else."""
        found = re.fullmatch(rf"(\d{{1,{_LARGEST}}})(-(\d{{1,{_LARGEST}}})?)?", str(value))
        first, last = (int(found[1]), int(found[3] or 0)) if found else (0, 0)
        if found and not found[2]:
            last = first
        if first < 1 or not (first <= last or (last == 0 and self.can_be_open)):
            shapes = "8, 8-20 or 8-" if self.can_be_open else "8 or 8-20"
            self.fail(f"{value!r} is no range from 1 on, such as {shapes}.", param, ctx)
        return first, last or None

    def as_typed(self, value: tuple[int, int | None]) -> str:
        """Writes a range as it is typed."""
        first, last = value
        return str(first) if last == first else f"{first}-{'' if last is None else last}"


class HeadType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """A head by its layer and its number in it, both from 1: "3.11"."""

    name = "layer.head"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Converts to layer and head, from 0; fails for anything else."""
        found = re.fullmatch(rf"(\d{{1,{_LARGEST}}})\.(\d{{1,{_LARGEST}}})", str(value))
        if not found or not (int(found[1]) and int(found[2])):
            self.fail(f"{value!r} is no head, such as 3.11: layer 3, head 11, both from 1.", param, ctx)
        return int(found[1]) - 1, int(found[2]) - 1

    def as_typed(self, value: tuple[int, int]) -> str:
        """Writes a head as it is typed, from 1."""
        layer, head = value
        return f"{layer + 1}.{head + 1}"


class ObjectType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """Key of the weights that a study tests, with a head's layer and number from 1."""

    name = "object"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Converts to the key that code has, in which heads count from 0; fails for a head that can't be one."""
        if not str(value).startswith(_HEAD):
            return str(value)
        layer, head = HeadType().convert(str(value).removeprefix(_HEAD), param, ctx)
        return f"{_HEAD}{layer}.{head}"

    def as_typed(self, value: str) -> str:
        """Writes a key as it is typed, with heads from 1."""
        if not value.startswith(_HEAD):
            return value
        layer, head = map(int, value.removeprefix(_HEAD).split("."))
        return f"{_HEAD}{HeadType().as_typed((layer, head))}"
