"""What recording costs."""

from collections.abc import Iterator

from ..bench import Bench, Side
from ..inputs import language_model
from ..lines import Line, compared, size, slower

TOKENS = 512
OURS = Side("recorded", "ours.forward:recorded")
ALONE = Side("the same pass unrecorded", "ours.forward:alone")


def lines(bench: Bench) -> Iterator[Line]:
    ours, alone = bench.compare(OURS, ALONE, model=language_model(bench), tokens=TOKENS, times=3)
    same = compared(ours.answer, alone.answer, within=0, dtype=bench.dtype)
    work = f"3 passes recorded, {TOKENS} tokens"
    yield slower("record", work, ours, alone, aim="at most 1.10x", agreement=same)
    if ours.trouble is None and alone.trouble is None:
        shown = (size(ours.peak), f"{alone.side.name}: {size(alone.peak)}", f"{ours.peak / alone.peak:.2f}x")
        yield Line("record", "peak memory of that, model included", *shown, "at most 1.15x")
