"""All heads silenced, against one head a pass: as transformers gives it, and with nothing computed that isn't read."""

from collections.abc import Iterator

from ..bench import Bench, Side
from ..inputs import language_model, shared_input
from ..lines import Line, compared, faster

AIMS = {12: "6x", 32: "4.5x", 128: "3.2x"}
OURS = Side("sweep", "ours.heads:swept")
PLAIN = Side("plain loop", "peers.huggingface:looped")
LOOP = Side("lean loop", "ours.heads:looped")


def lines(bench: Bench) -> Iterator[Line]:
    model = language_model(bench)
    for tokens, aim in AIMS.items():
        given = shared_input(bench, model, tokens)
        ours, *loops = bench.compare(OURS, PLAIN, LOOP, model=model, tokens=tokens, input=given)
        for loop in loops:
            same = compared(ours.answer, loop.answer, within=1e-3, dtype=bench.dtype)
            work = f"all heads silenced, {tokens} tokens"
            yield faster("sweep", work, ours, loop, aim=aim, agreement=same, at=("tokens", tokens))
