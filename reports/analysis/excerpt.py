"""Excerpt of a long text that fits a page: the highest-ranked words, with their context."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise

from analyses.decision.schema import AnalysisBase, AnalysisDict, AnalysisRunDict, RolloutDict, UnitDict
from analyses.explanations.attribution import AttributionDict

ROOM_BYTES = 400_000  # bytes for words and their numbers, in a page of 2 MB
_BYTES_OF_WORD, _BYTES_OF_LAYER = 620, 38  # bytes of a word, and of its rollout in each layer, measured on pages
_ENDS = 20  # words at the beginning and the end of a text that are always shown
_AROUND = 3  # words on both sides of one that is ranked high
_BRIDGED = 3  # gaps up to this many words are shown, as the note of a gap takes as much room
_COMMAND = 600  # characters shown at both ends of a command


class ShownUnit(UnitDict):
    """A unit on a page.

    Attributes:
        skipped: Number of units left out before it.
    """

    skipped: int


class ShownMap(AttributionDict):
    """An explanation on a page: scores of the shown units.

    Attributes:
        ranks: Rank of each among all units, from 1.
    """

    ranks: list[int]


class ShownRollout(RolloutDict):
    """Rollout on a page: shares of the shown units.

    Attributes:
        totals: Share of all units, after each layer.
    """

    totals: list[float]


class ShownAnalysis(AnalysisBase):
    """An analysis as a page shows it.

    Attributes:
        run: How it was made; a long command is shortened.
        units: The units that are shown.
        words: Number of all units.
        shown_tokens: Positions of the tokens that are shown.
        maps: Explanations of the decision.
        rollout: Attention rollout.
    """

    run: AnalysisRunDict
    units: list[ShownUnit]
    words: int
    shown_tokens: list[int]
    maps: list[ShownMap]
    rollout: ShownRollout


def excerpt(analysis: AnalysisDict) -> ShownAnalysis:
    """Returns the analysis with as many words as fit a page; those of short texts and images are unchanged.

    Kept are the first and last words of each text, those that each map ranks first or most against the decision, the
    first of each layer's rollout, and their neighbours. Ranks are among all words. Colour scales are the same as for
    all words, because the strongest are always kept.

    Args:
        analysis: In the documented schema.

    Returns:
        A copy with these fields changed: units (with `skipped`, the number of words left out before each), scores of
        maps, layers of the rollout, the command; and these added: words (number of all words), shown_tokens
        (positions), ranks of maps, totals of the rollout.
    """
    count, layers = len(analysis["units"]), analysis["rollout"]["layers"]
    most = ROOM_BYTES // (_BYTES_OF_WORD + _BYTES_OF_LAYER * len(layers))
    chosen = list(range(count)) if count <= most or analysis.get("image") else _chosen(analysis, most)
    skipped = [unit - before - 1 for before, unit in pairwise([-1, *chosen])]
    units: list[ShownUnit] = [
        {**analysis["units"][unit], "skipped": left} for unit, left in zip(chosen, skipped, strict=True)
    ]
    maps: list[ShownMap] = [
        {**entry, "scores": [entry["scores"][unit] for unit in chosen], "ranks": [ranks[unit] for unit in chosen]}
        for entry in analysis["maps"]
        for ranks in [_ranks(entry["scores"])]
    ]
    return {
        **analysis,
        "units": units,
        "words": count,
        "shown_tokens": _tokens(analysis, units) if len(chosen) < count else list(range(len(analysis["tokens"]))),
        "maps": maps,
        "rollout": {
            **analysis["rollout"],
            "layers": [[layer[unit] for unit in chosen] for layer in layers],
            "totals": [sum(layer) for layer in layers],
        },
        "run": {**analysis["run"], "command": _shortened(analysis["run"]["command"], len(chosen) < count)},
    }


def order(scores: Sequence[float]) -> list[int]:
    """Ranks units by score, in descending order; ties by position."""
    return sorted(range(len(scores)), key=lambda unit: (-scores[unit], unit))


def _ranks(scores: Sequence[float]) -> list[int]:
    ranks = [0] * len(scores)
    for rank, unit in enumerate(order(scores)):
        ranks[unit] = rank + 1
    return ranks


def _chosen(analysis: AnalysisDict, most: int) -> list[int]:
    """Indices of the words to show, in the order of the text."""
    chosen = set(_always(analysis))
    for unit in _by_importance(analysis):
        around = range(max(0, unit - _AROUND), min(len(analysis["units"]), unit + _AROUND + 1))
        added = {*around} - chosen
        if len(chosen) + len(added) > most:
            break
        chosen |= added
    between = [range(before, after) for before, after in pairwise(sorted(chosen)) if after - before <= _BRIDGED + 1]
    return sorted(chosen.union(*between))


def _always(analysis: AnalysisDict) -> Iterator[int]:
    """Yields the ends of each text, the cells of grids, the words of the label, and the strongest words of all maps."""
    units = analysis["units"]
    starts = [part["start"] for part in analysis["parts"][1:]]
    columns = [part.get("columns") for part in analysis["parts"]] or [None]
    for (start, stop), grid in zip(pairwise([0, *starts, len(analysis["text"]) + 1]), columns, strict=True):
        inside = [index for index, unit in enumerate(units) if start <= unit["start"] < stop]
        yield from inside if grid else {*inside[:_ENDS], *inside[-_ENDS:]}
    first, last = analysis["decision"]["place"] or (0, 0)
    yield from (index for index, unit in enumerate(units) if first <= unit["start"] and unit["end"] <= last)
    for scores in chain((entry["scores"] for entry in analysis["maps"]), analysis["rollout"]["layers"]):
        yield order(scores)[0]
        yield max(range(len(scores)), key=lambda unit: abs(scores[unit]))


def _by_importance(analysis: AnalysisDict) -> Iterable[int]:
    """Yields the first word of every map, then the second, and so on; for signed maps also the most opposed ones."""
    rankings = [order(entry["scores"]) for entry in analysis["maps"]]
    rankings += [ranking[::-1] for ranking, entry in zip(rankings, analysis["maps"], strict=True) if entry["signed"]]
    return chain.from_iterable(zip(*rankings, strict=True))


def _tokens(analysis: AnalysisDict, units: Sequence[UnitDict]) -> list[int]:
    """Positions of the shown words, of special tokens and of the first token."""
    return sorted({0, *analysis["separators"], *chain.from_iterable(unit["tokens"] for unit in units)})


def _shortened(command: str, is_excerpt: bool) -> str:
    left_out = len(command) - 2 * _COMMAND
    if not is_excerpt or left_out <= 0:
        return command
    return f"{command[:_COMMAND]} […{left_out} characters left out…] {command[-_COMMAND:]}"
