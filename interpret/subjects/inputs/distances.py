"""Distances between the positions of an input: in tokens of a text, or in patches of an image."""

import torch
from jaxtyping import Int
from torch import Tensor

from interpret.subjects.inputs.example import Example

UNDEFINED = -1  # distance from or to a position that has no place in the image


def has_order(example: Example) -> bool:
    """Whether positions stand one after another, so that one is before another; patches of an image don't."""
    return example.picture is None


def unit_of_distance(example: Example) -> str:
    """Returns what distances count, in the plural: "tokens" or "patches"."""
    return "tokens" if has_order(example) else example.nouns.many


def distances_between(example: Example) -> Int[Tensor, "token token"]:
    """Computes the distance of each two positions; -1 where one of them has no place in the image.

    In an image it is the larger of the numbers of rows and columns between two patches.
    """
    if example.picture is None:
        places = torch.arange(len(example.ids))
        return (places - places[:, None]).abs()
    numbers = example.unit_of
    row, column = numbers // example.picture.columns, numbers % example.picture.columns
    away = torch.maximum((row - row[:, None]).abs(), (column - column[:, None]).abs())
    inside = numbers < len(example.units)
    return away.masked_fill(~(inside & inside[:, None]), UNDEFINED)
