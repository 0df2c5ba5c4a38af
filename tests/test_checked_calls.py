"""Calls are checked: types, axes of one name, fields, and what runs after the call."""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import torch
from beartype.roar import BeartypeCallHintViolation
from checked_calls import checked
from jaxtyping import Float, TypeCheckError
from torch import Tensor

from interpret.subjects.decision import margin

if TYPE_CHECKING:
    from nowhere import Nothing

REFUSED = (BeartypeCallHintViolation, TypeCheckError)
TWO_THREE, THREE_FOUR = torch.zeros(2, 3), torch.zeros(3, 4)


@checked()
def named(size: float, names: "list[str] | None" = None, *more: int) -> str:
    return names[0] if names else more[0]


@checked()
def product(
    one: Float[Tensor, "row inner"], other: Float[Tensor, "inner column"], wrong: bool = False
) -> Float[Tensor, "row column"]:
    return other if wrong else one @ other


@checked()
def first(rows: Float[Tensor, "row inner"], count: int, taken: int) -> Float[Tensor, "{count} inner"]:
    return rows[:taken]


@checked()
def rows(whole: Float[Tensor, "row inner"]) -> Iterator[Float[Tensor, " inner"]]:
    yield from whole


@checked()
def unknown(one: "Nothing", two: int) -> int:
    return two


@checked()
@dataclasses.dataclass(frozen=True)
class Pair:
    one: Float[Tensor, " row"]
    other: Float[Tensor, " row"]


def test_right_calls_give_what_they_give():
    assert named(1, ["a"]) == "a"  # an int is a float, too
    assert product(TWO_THREE, THREE_FOUR).shape == (2, 4)
    assert first(THREE_FOUR, 2, 2).shape == (2, 4)
    assert len(list(rows(THREE_FOUR))) == 3 and len(list(rows(TWO_THREE))) == 2
    assert unknown("whatever it is", 2) == 2
    assert Pair(torch.zeros(2), torch.zeros(2)).one.shape == (2,)


@pytest.mark.parametrize(
    "call",
    [
        lambda: named("1", ["a"]),
        lambda: named(1, [1]),
        lambda: named(1, None, 2),  # gives an int for a str
        lambda: named(1, None, "b"),
        lambda: product(TWO_THREE, TWO_THREE),
        lambda: product(TWO_THREE, THREE_FOUR.long()),
        lambda: product(TWO_THREE, THREE_FOUR, wrong=True),
        lambda: first(THREE_FOUR, 2, 3),
        lambda: rows(torch.zeros(3)),
        lambda: unknown(None, "2"),
        lambda: Pair(torch.zeros(2), torch.zeros(3)),
        lambda: margin(torch.zeros(2, 3).tolist(), 0),  # one of the package's own
    ],
)
def test_wrong_calls_are_refused(call):
    with pytest.raises(REFUSED):
        call()
