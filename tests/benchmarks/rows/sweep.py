"""All heads silenced, against one head a pass."""

from collections.abc import Iterator

from ..bench import Bench, Side
from ..inputs import language_model
from ..lines import Line, compared, faster

AIMS = {12: "6x", 32: "4.5x", 128: "3.2x"}
OURS = Side("sweep", "ours.heads:swept")
LOOP = Side("loop of passes", "ours.heads:looped")


def lines(bench: Bench) -> Iterator[Line]:
    model = language_model(bench)
    for tokens, aim in AIMS.items():
        ours, loop = bench.compare(OURS, LOOP, model=model, tokens=tokens)
        same = compared(ours.answer, loop.answer, within=1e-3, dtype=bench.dtype)
        work = f"all heads silenced, {tokens} tokens"
        yield faster("sweep", work, ours, loop, aim=aim, agreement=same, at=("tokens", tokens))
