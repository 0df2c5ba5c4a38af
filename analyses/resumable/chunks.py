"""A study's work in chunks: each a function of model, rows and seed alone, so any process could run any of them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """Some rows that are measured together.

    Attributes:
        index: Its place among the chunks, from 0.
        rows: Positions of its rows in the study, from 0; not their numbers in the source.
    """

    index: int
    rows: tuple[int, ...]


def partition(count: int, size: int) -> tuple[Chunk, ...]:
    """Cuts rows into chunks of `size` in their order; the last may be smaller.

    Args:
        count: How many rows there are.
        size: Rows of a chunk, at least 1.

    Raises:
        ValueError: `count` is negative, or `size` less than 1.
    """
    if count < 0 or size < 1:
        raise ValueError(f"count must be at least 0 and size at least 1, not {count} and {size}")
    starts = range(0, count, size)
    return tuple(Chunk(index, tuple(range(start, min(start + size, count)))) for index, start in enumerate(starts))
