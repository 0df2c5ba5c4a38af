"""Words taken out one at a time, against captum's FeatureAblation at its best batch size."""

from collections.abc import Iterator

from ..bench import Bench, Side
from ..inputs import language_model, shared_input
from ..lines import Line, compared, faster

TOKENS = 512
TRIED, WORDS = (1, 4, 16, 64), 64  # inputs at once, and words taken out to find out which of them is best
OURS = Side("leave-one-out", "ours.erasing:one_at_a_time")
CAPTUM = Side("captum", "peers.captum:one_at_a_time", "captum")


def lines(bench: Bench) -> Iterator[Line]:
    model = language_model(bench)
    settings = {"model": model, "tokens": TOKENS, "input": shared_input(bench, model, TOKENS)}
    for lean in (False, True):
        settings["lean"] = lean
        tried = {size: bench.compare(CAPTUM, repeats=1, at_once=size, words=WORDS, **settings)[0] for size in TRIED}
        there = [size for size in TRIED if tried[size].trouble is None]
        best = min(there, key=lambda size: tried[size].median, default=TRIED[0])
        side = Side(f"captum{', lean' if lean else ''}, {best} at once", CAPTUM.work, CAPTUM.peer)
        ours, captum = bench.compare(OURS, side, at_once=best, words=None, **settings)
        same = compared(ours.answer, captum.answer, within=1e-3, dtype=bench.dtype)
        yield faster("loo", f"every word left out, {TOKENS} tokens", ours, captum, aim="3x", agreement=same)
