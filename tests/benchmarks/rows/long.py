"""Exact rollout of the decision, and the entropy of every head, of long texts."""

from collections.abc import Iterator

from ..bench import Bench, Side
from ..inputs import language_model
from ..lines import Line, compared, size, slower

OURS = Side("rollout and entropy", "ours.forward:long_read")
ALONE = Side("a plain pass", "ours.forward:long_alone")


def lines(bench: Bench) -> Iterator[Line]:
    yield from _of(bench, bench.options["long"], "3 GiB")
    if bench.options["huge"]:
        yield from _of(bench, 4 * bench.options["long"], "10 GiB")


def _of(bench: Bench, tokens: int, most: str) -> Iterator[Line]:
    """One run of each: these take minutes."""
    ours, alone = bench.compare(OURS, ALONE, repeats=1, model=language_model(bench), tokens=tokens)
    same = compared(ours.answer, alone.answer, within=0, dtype=bench.dtype)
    work = f"rollout of the decision and entropy of every head, {tokens:,} tokens"
    yield slower("long", work, ours, alone, aim="at most 3x", agreement=same)
    if ours.trouble is None and alone.trouble is None:
        shown = (size(ours.peak), f"{alone.side.name}: {size(alone.peak)}", f"{ours.peak / alone.peak:.2f}x")
        yield Line("long", "peak memory of that, model included", *shown, f"under {most}")
