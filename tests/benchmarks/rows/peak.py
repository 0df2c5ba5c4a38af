"""How near the sweep comes to what the machine can compute."""

from collections.abc import Iterator

from ..bench import Bench, Side
from ..inputs import language_model
from ..lines import Line, time_of
from .sweep import OURS

TOKENS = 128
COUNT = Side("operations", "ours.heads:operations")
MATMUL = Side("matmul", "ours.heads:matmul")
SIZES = {"cpu": (3072, 3), "gpu": (8192, 20)}  # of a matrix, and how many products are timed as one


def lines(bench: Bench) -> Iterator[Line]:
    model, work = language_model(bench), f"arithmetic of all heads silenced, {TOKENS} tokens"
    size, times = SIZES["cpu" if bench.device == "cpu" else "gpu"]
    (count,) = bench.compare(COUNT, repeats=0, model=model, tokens=TOKENS)
    ours, matmul = bench.compare(OURS, MATMUL, model=model, tokens=TOKENS, size=size, times=times)
    if (trouble := next((each.trouble for each in (count, ours, matmul) if each.trouble), None)) is not None:
        yield Line("peak", work, trouble, f"product of {size} x {size} matrices", aim="60 %")
        return
    reached, most = count.answer / ours.median, matmul.answer["operations"] / matmul.median
    yield Line(
        "peak",
        work,
        f"{reached / 1e9:.0f} GFLOP/s ({time_of(ours)})",
        f"product of {size} x {size} matrices: {most / 1e9:.0f} GFLOP/s",
        f"{reached / most:.0%}",
        "60 %",
    )
