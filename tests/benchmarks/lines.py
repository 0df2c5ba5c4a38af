"""Lines of the table, made of what came of both sides."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .bench import Outcome

NEAR = {"float32": 1.0, "bfloat16": 250.0, "float16": 50.0}  # times as far apart as in float32


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        key: Of its row.
        work: What is done.
        ours: What our side took.
        against: Who else did it, and what that took.
        ratio: One to the other, in words of the aim.
        aim: What is aimed at.
        agreement: How the answers compare; empty where there is nothing to compare.
        agrees: Whether they are the same as far as that can be asked.
        at: Name and size of the axis that the line is a point of, for the plot.
        seconds: Of each side, for the plot.
    """

    key: str
    work: str
    ours: str
    against: str
    ratio: str = ""
    aim: str = ""
    agreement: str = ""
    agrees: bool = True
    at: tuple[str, float] | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


def faster(
    key: str,
    work: str,
    ours: Outcome,
    other: Outcome,
    *,
    aim: str,
    agreement: tuple[str, bool] = ("", True),
    at: tuple[str, float] | None = None,
) -> Line:
    """How many times as long the other side took."""
    there = {each.side.name: each.median for each in (ours, other) if each.trouble is None}
    ratio = f"{other.median / ours.median:.2f}x" if len(there) == 2 else ""
    return Line(key, work, time_of(ours), named_time(other), ratio, aim, *agreement, at, there)


def slower(
    key: str, work: str, ours: Outcome, other: Outcome, *, aim: str, agreement: tuple[str, bool] = ("", True)
) -> Line:
    """How many times as long our side took."""
    ratio = f"{ours.median / other.median:.2f}x" if ours.trouble is None and other.trouble is None else ""
    return Line(key, work, time_of(ours), named_time(other), ratio, aim, *agreement)


def missing(key: str, why: str) -> Line:
    """A row that can't be measured."""
    return Line(key, "", f"not measured: {why}", "")


def time_of(outcome: Outcome) -> str:
    """Median time of a side, or what is wrong with it."""
    return outcome.trouble or spell(outcome.median)


def named_time(outcome: Outcome) -> str:
    """The same with the side's name."""
    return f"{outcome.side.name}: {time_of(outcome)}"


def spell(seconds: float) -> str:
    """Seconds with three digits, in a unit that suits them."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s" if seconds < 1000 else f"{seconds:.0f} s"


def size(count: float) -> str:
    """Bytes with three digits."""
    unit = next((unit for unit in ("B", "KiB", "MiB") if count < 1000 * 1024 ** ["B", "KiB", "MiB"].index(unit)), "GiB")
    return f"{count / 1024 ** ['B', 'KiB', 'MiB', 'GiB'].index(unit):.3g} {unit}"


def compared(ours: Any, other: Any, *, within: float, dtype: str = "float32") -> tuple[str, bool]:
    """How far two answers lie apart, and whether that is near enough; nothing where one side has none.

    Args:
        ours: Numbers, or lists of them to any depth.
        other: The same of the other side.
        within: How far they may lie apart in float32.
        dtype: Of the run.
    """
    if ours is None or other is None:
        return "", True
    left, right = list(_flat(ours)), list(_flat(other))
    if len(left) != len(right):
        return f"NOT THE SAME: {len(left)} and {len(right)} numbers", False
    apart = max((abs(one - two) for one, two in zip(left, right, strict=True)), default=0.0)
    near = within * NEAR[dtype]
    if math.isfinite(apart) and apart <= near:
        return f"same numbers within {apart:.1g}", True
    return f"NOT THE SAME: {apart:.2g} apart, {near:.2g} allowed", False


def _flat(numbers: Any) -> Iterator[float]:
    if isinstance(numbers, Iterable):
        for each in numbers:
            yield from _flat(each)
    else:
        yield float(numbers)
