"""Comprehensiveness and sufficiency of six explanations, against ferret's."""

from collections.abc import Iterator

from ..bench import Bench, Side
from ..inputs import NotThere, classifier, sentences
from ..lines import Line, compared, faster

COUNTS = (10, 25, 50)
OURS = Side("faithfulness", "ours.erasing:judged")
WRITE = Side("maps", "ours.erasing:explained")
FERRET = Side("ferret", "peers.ferret:judged", "ferret-xai")


def lines(bench: Bench) -> Iterator[Line]:
    model = classifier(bench)
    found = sentences(bench, max(COUNTS))
    for count in sorted({min(count, len(found)) for count in COUNTS}):
        maps = str(bench.folder / f"maps-{count}.json")
        (written,) = bench.compare(WRITE, repeats=0, model=model, chosen=found[:count], to=maps)
        if written.trouble is not None:
            raise NotThere(f"its maps can't be made: {written.trouble}")
        ours, ferret = bench.compare(OURS, FERRET, model=model, chosen=found[:count], input=maps)
        same = compared(ours.answer, ferret.answer, within=1e-3, dtype=bench.dtype)
        work = f"comprehensiveness and sufficiency of 6 maps of {count} sentences"
        aim = "8x" if count == max(COUNTS) else ""
        yield faster("faith", work, ours, ferret, aim=aim, agreement=same, at=("examples", count))
