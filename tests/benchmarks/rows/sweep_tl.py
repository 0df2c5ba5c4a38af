"""All heads silenced, against TransformerLens with hooks on hook_z."""

from collections.abc import Iterator

from ..bench import Bench, Side
from ..inputs import language_model, shared_input
from ..lines import Line, compared, faster
from .sweep import OURS

TOKENS = 32
LENS = Side("TransformerLens", "peers.transformer_lens:looped", "transformer-lens")


def lines(bench: Bench) -> Iterator[Line]:
    model = language_model(bench)
    given = shared_input(bench, model, TOKENS)
    ours, lens = bench.compare(OURS, LENS, model=model, tokens=TOKENS, input=given)
    same = compared(ours.answer, lens.answer, within=1e-3, dtype=bench.dtype)
    yield faster("sweep_tl", f"all heads silenced, {TOKENS} tokens", ours, lens, aim="8x", agreement=same)
