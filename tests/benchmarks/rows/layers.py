"""How all heads silenced grows with the number of heads, on random Llamas."""

from collections.abc import Iterator

from ..bench import Bench
from ..inputs import random_model
from ..lines import Line, compared, faster
from .sweep import LOOP, OURS

SIZES = ((4, 4), (8, 8), (12, 12), (16, 16))
TOKENS = 32


def lines(bench: Bench) -> Iterator[Line]:
    for layers, heads in SIZES:
        model = random_model(bench, "llama", layers, heads, 32)
        ours, loop = bench.compare(OURS, LOOP, model=model, tokens=TOKENS)
        same = compared(ours.answer, loop.answer, within=1e-3, dtype=bench.dtype)
        work = f"all heads silenced, {TOKENS} tokens, {layers} layers x {heads} heads"
        at = ("layers x heads", float(layers * heads))
        yield faster("layers", work, ours, loop, aim="", agreement=same, at=at)
