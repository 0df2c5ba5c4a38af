"""A whole analysis, in plain passes."""

from collections.abc import Iterator

from ..bench import Bench, Side
from ..inputs import classifier
from ..lines import Line, spell, time_of

TOKENS = 30
PASSES = 20  # timed as one, since one takes milliseconds
OURS = Side("analyze", "ours.analysis:analyzed")
ALONE = Side("a plain pass", "ours.forward:alone")


def lines(bench: Bench) -> Iterator[Line]:
    ours, alone = bench.compare(OURS, ALONE, model=classifier(bench), tokens=TOKENS, times=PASSES)
    work = f"analyze, quick effort, {TOKENS} tokens"
    if alone.trouble is not None or ours.trouble is not None:
        yield Line("analyze", work, time_of(ours), alone.trouble or alone.side.name, aim="under 150x")
        return
    one = alone.median / PASSES
    yield Line(
        "analyze", work, time_of(ours), f"{alone.side.name}: {spell(one)}", f"{ours.median / one:.0f}x", "under 150x"
    )
