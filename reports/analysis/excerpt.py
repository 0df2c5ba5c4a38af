"""The words of a long text that a page has room for: those that count, with the words around them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Any

ROOM_BYTES = 400_000  # in a page of 2 MB, for words and their numbers
_BYTES_OF_WORD, _BYTES_OF_LAYER = 620, 38  # measured on pages: what a word needs, and its rollout in each layer
_ENDS = 20  # words at the beginning and the end of a text that are always shown
_AROUND = 3  # words on both sides of one that is ranked high
_BRIDGED = 3  # words that take no more room on the screen than to say that they are left out
_COMMAND = 600  # characters at both ends of a command that are shown


def excerpt(analysis: dict[str, Any]) -> dict[str, Any]:
    """The analysis with as many words as a page has room for; a short text's, and an image's, as it is.

    Shown are the first and last words of each text, those that each map ranks first or most against the decision, the
    first of each layer's rollout, and what stands around them. Ranks are those among all words, and scales end at the
    strongest of all, because these are always shown.

    Args:
        analysis: In the documented schema.

    Returns:
        A copy in which these fields are different, the last four of them new: units (with `skipped`, how many words
        were left out before each), scores of maps, layers of the rollout, the command; words (how many there are of
        all), shown_tokens (positions), ranks of maps, totals of the rollout.
    """
    count, layers = len(analysis["units"]), analysis["rollout"]["layers"]
    most = ROOM_BYTES // (_BYTES_OF_WORD + _BYTES_OF_LAYER * len(layers))
    chosen = list(range(count)) if count <= most or analysis.get("image") else _chosen(analysis, most)
    skipped = [unit - before - 1 for before, unit in pairwise([-1, *chosen])]
    units = [{**analysis["units"][unit], "skipped": left} for unit, left in zip(chosen, skipped, strict=True)]
    maps = [
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
    """Units by falling score, ties by place."""
    return sorted(range(len(scores)), key=lambda unit: (-scores[unit], unit))


def _ranks(scores: Sequence[float]) -> list[int]:
    ranks = [0] * len(scores)
    for rank, unit in enumerate(order(scores)):
        ranks[unit] = rank + 1
    return ranks


def _chosen(analysis: dict[str, Any], most: int) -> list[int]:
    """Places of the words to show, in the order of the text."""
    chosen = set(_always(analysis))
    for unit in _by_importance(analysis):
        around = range(max(0, unit - _AROUND), min(len(analysis["units"]), unit + _AROUND + 1))
        added = {*around} - chosen
        if len(chosen) + len(added) > most:
            break
        chosen |= added
    between = [range(before, after) for before, after in pairwise(sorted(chosen)) if after - before <= _BRIDGED + 1]
    return sorted(chosen.union(*between))


def _always(analysis: dict[str, Any]) -> Iterator[int]:
    """The ends of each text, the cells of grids, the words of the label, and the strongest of everything."""
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


def _by_importance(analysis: dict[str, Any]) -> Iterable[int]:
    """The first of every map, then the second, and so on; of maps with a direction, those against it in between."""
    rankings = [order(entry["scores"]) for entry in analysis["maps"]]
    rankings += [ranking[::-1] for ranking, entry in zip(rankings, analysis["maps"], strict=True) if entry["signed"]]
    return chain.from_iterable(zip(*rankings, strict=True))


def _tokens(analysis: dict[str, Any], units: Sequence[dict[str, Any]]) -> list[int]:
    """Positions of the words shown, of special tokens and of the first one."""
    return sorted({0, *analysis["separators"], *chain.from_iterable(unit["tokens"] for unit in units)})


def _shortened(command: str, is_excerpt: bool) -> str:
    left_out = len(command) - 2 * _COMMAND
    if not is_excerpt or left_out <= 0:
        return command
    return f"{command[:_COMMAND]} […{left_out} characters left out…] {command[-_COMMAND:]}"
