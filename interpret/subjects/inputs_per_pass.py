"""Forward passes of several inputs: which inputs share one, and how many."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

TOKENS_AT_ONCE = {"cpu": 2048}  # more don't fit into the CPU cache, and take up to a quarter longer
MOST_TOKENS_AT_ONCE = 8192  # elsewhere

Found = TypeVar("Found")


def usual_tokens_at_once(device: torch.device) -> int:
    """Number of tokens of all inputs of one forward pass together, unless a user or a plan says otherwise."""
    return TOKENS_AT_ONCE.get(device.type, MOST_TOKENS_AT_ONCE)


def inputs_at_once(tokens: int, tokens_at_once: int) -> int:
    """Number of inputs of this length that go through one forward pass; at least 1."""
    return max(1, tokens_at_once // max(1, tokens))


def passes_by_length(lengths: Sequence[tuple[int, ...]], tokens_at_once: int) -> Iterator[list[list[int]]]:
    """Yields the forward passes of the inputs of each length, longest first: indices of the inputs of each pass.

    Args:
        lengths: Lengths of the parts of each input.
        tokens_at_once: Most tokens of all inputs of one pass together; a longer input has a pass of its own.
    """
    for length in sorted(set(lengths), reverse=True):
        alike = [index for index, other in enumerate(lengths) if other == length]
        size = inputs_at_once(sum(length), tokens_at_once)
        yield [alike[start : start + size] for start in range(0, len(alike), size)]


def in_passes(
    lengths: Sequence[tuple[int, ...]], tokens_at_once: int, run: Callable[[list[int]], Sequence[Found]]
) -> list[Found]:
    """Runs inputs in forward passes of equal length; returns what was found for each, in the order of the inputs.

    Args:
        lengths: Lengths of the parts of each input.
        tokens_at_once: Most tokens of all inputs of one pass together.
        run: Runs one pass of the inputs of these indices, and returns what was found for each of them.
    """
    passes = [indices for alike in passes_by_length(lengths, tokens_at_once) for indices in alike]
    found = {index: each for indices in passes for index, each in zip(indices, run(indices), strict=True)}
    return [found[index] for index in range(len(lengths))]
