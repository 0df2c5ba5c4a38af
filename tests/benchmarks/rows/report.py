"""How big a report is."""

from collections.abc import Iterator

from ..bench import Bench, Side
from ..inputs import random_model, shared_input
from ..lines import Line, compared, size

TOKENS = 128
OURS = Side("report", "ours.analysis:page")
BERTVIZ = Side("bertviz head_view + model_view", "peers.bertviz:pages", "bertviz")


def lines(bench: Bench) -> Iterator[Line]:
    model = random_model(bench, "bert", 12, 12, 12)
    given = shared_input(bench, model, TOKENS)
    ours, bertviz = bench.compare(OURS, BERTVIZ, repeats=0, model=model, tokens=TOKENS, input=given)
    shown = [each.trouble or size(each.answer["bytes"]) for each in (ours, bertviz)]
    ratio, same = "", ("", True)
    if ours.trouble is None and bertviz.trouble is None:
        ratio = f"{bertviz.answer['bytes'] / ours.answer['bytes']:.1f}x smaller"
        same = compared(ours.answer["row"], bertviz.answer["row"], within=1e-3, dtype=bench.dtype)
    work = f"HTML of a text of {TOKENS} tokens, 12 layers x 12 heads"
    yield Line("report", work, shown[0], f"{bertviz.side.name}: {shown[1]}", ratio, "25x smaller", *same)
