"""Short quote of a long text for the first screen, so that the verdict is visible without scrolling."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

from reports.analysis.excerpt import ShownAnalysis
from reports.analysis.view import Piece, gap, marked_words

_ENDS = 10  # words at the beginning and the end of the excerpt
_AROUND = 3  # words on both sides of one that is marked


def quoted(analysis: ShownAnalysis, sections: Sequence[tuple[str, list[Piece]]]) -> list[tuple[str, list[Piece]]]:
    """Returns the marked words of an excerpt with their neighbours; all words of a text that is shown whole.

    Args:
        analysis: Analysis from `excerpt`.
        sections: Its texts by name.
    """
    if analysis["words"] == len(analysis["units"]):
        return list(sections)
    marked = set().union(*(units for _, units in marked_words(analysis).values()))
    places = list(accumulate(unit["skipped"] + 1 for unit in analysis["units"]))  # indices among all words
    near = {unit for unit, place in enumerate(places) if any(abs(place - places[other]) <= _AROUND for other in marked)}
    return [(name, list(_brief(pieces, near))) for name, pieces in sections]


def _brief(pieces: Sequence[Piece], near: set[int]) -> Iterator[Piece]:
    units = [piece.unit for piece in pieces if piece.unit is not None]
    kept = near | {*units[:_ENDS], *units[-_ENDS:]} | {piece.unit for piece in pieces if piece.is_answer}
    left_out, between = 0, None
    for piece in pieces:
        if piece.columns or piece.unit in kept:
            if left_out:
                yield gap(left_out)
            elif between:
                yield between
            yield piece
            left_out, between = 0, None
        elif piece.unit is not None or piece.left_out:
            left_out += piece.left_out or 1
        else:
            between = piece
    if between and not left_out:
        yield between
