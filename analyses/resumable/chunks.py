"""Chunks of a study's rows; each depends only on model, rows and seed, so any process can run any chunk."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """Rows that are measured together.

    Attributes:
        index: Its place among the chunks, from 0.
        rows: Positions of its rows in the study, from 0; not their numbers in the source.
    """

    index: int
    rows: tuple[int, ...]


def partition(count: int, size: int) -> tuple[Chunk, ...]:
    """Splits rows into consecutive chunks of `size`; the last may be smaller.

    Args:
        count: Number of rows.
        size: Rows per chunk, at least 1.

    Raises:
        ValueError: `count` is negative, or `size` less than 1.
    """
    if count < 0 or size < 1:
        raise ValueError(f"count must be at least 0 and size at least 1, not {count} and {size}")
    starts = range(0, count, size)
    return tuple(Chunk(index, tuple(range(start, min(start + size, count)))) for index, start in enumerate(starts))
