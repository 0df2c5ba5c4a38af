"""Exact rollout of the decision, and the entropy of every head, of long texts."""

from collections.abc import Iterator

from ..bench import Bench, Outcome, Side
from ..inputs import language_model
from ..lines import Line, compared, size, slower

OURS = Side("rollout and entropy", "ours.forward:long_read")
ALL = Side("all that an analysis reads", "ours.forward:long_read_for_all")
ALONE = Side("a plain pass", "ours.forward:long_alone")
MOST = {8192: "under 3 GiB", 32768: "under 10 GiB"}


def lines(bench: Bench) -> Iterator[Line]:
    tokens = bench.options["long"]
    yield from _of(bench, tokens, OURS, ALL)
    if bench.options["huge"]:
        yield from _of(bench, 4 * tokens, OURS)


def _of(bench: Bench, tokens: int, *sides: Side) -> Iterator[Line]:
    """One run of each: these take minutes."""
    *ours, alone = bench.compare(*sides, ALONE, repeats=1, model=language_model(bench), tokens=tokens)
    works = ("rollout of the decision and entropy of every head", "the same with fixed places and what each token gets")
    for work, found in zip(works, ours, strict=False):
        same = compared(found.answer, alone.answer, within=0, dtype=bench.dtype)
        yield slower("long", f"{work}, {tokens:,} tokens", found, alone, aim="at most 3x", agreement=same)
    yield from _peak(ours[0], alone, MOST.get(tokens, ""))


def _peak(ours: Outcome, alone: Outcome, aim: str) -> Iterator[Line]:
    if ours.trouble is None and alone.trouble is None:
        shown = (size(ours.peak), f"{alone.side.name}: {size(alone.peak)}", f"{ours.peak / alone.peak:.2f}x")
        yield Line("long", "peak memory of the first of these, model included", *shown, aim)
