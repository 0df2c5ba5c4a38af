"""Comprehensiveness and sufficiency of six explanations, against ferret's."""

from collections.abc import Iterator

from ..bench import Bench, Side
from ..inputs import NotThere, classifier, sentences
from ..lines import Line, compared, faster

COUNTS = (10, 25, 50)
OURS = Side("erase", "ours.erasing:judged")
TESTED = Side("faithfulness", "ours.erasing:tested")
WRITE = Side("maps", "ours.erasing:explained")
FERRET = Side("ferret", "peers.ferret:judged", "ferret-xai")


def lines(bench: Bench) -> Iterator[Line]:
    model = classifier(bench)
    found = sentences(bench, max(COUNTS))
    for count in sorted({min(count, len(found)) for count in COUNTS}):
        maps = _maps(bench, model, found[:count])
        ours, ferret = bench.compare(OURS, FERRET, model=model, input=maps)
        same = compared(ours.answer, ferret.answer, within=1e-3, dtype=bench.dtype)
        work = f"comprehensiveness and sufficiency of 6 maps of {count} sentences"
        aim = "8x" if count == max(COUNTS) else ""
        yield faster("faith", work, ours, ferret, aim=aim, agreement=same, at=("examples", count))
    count = min(min(COUNTS), len(found))
    tested, ferret = bench.compare(TESTED, FERRET, model=model, input=_maps(bench, model, found[:count]))
    same = compared(tested.answer, ferret.answer, within=1e-3, dtype=bench.dtype)
    work = f"the same of {count} sentences, and on our side against 100 random orders"
    yield faster("faith", work, tested, ferret, aim="", agreement=same)


def _maps(bench: Bench, model: str, sentences: list[str]) -> str:
    """A file with the maps of the sentences, which both sides judge."""
    path = bench.folder / f"maps-{len(sentences)}.json"
    if not path.exists():
        (written,) = bench.compare(WRITE, repeats=0, model=model, chosen=sentences, to=str(path))
        if written.trouble is not None:
            raise NotThere(f"its maps can't be made: {written.trouble}")
    return str(path)
