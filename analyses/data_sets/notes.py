"""Notes on the rows of a study: what was left out or found, how often and where."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from interpret.errors import InputError

FEWEST_ROWS = 2
NAMED_ROWS = 10  # of the rows that a note is about, this many are named


@dataclass(frozen=True)
class Note:
    """Something a reader of the study has to know about its rows.

    Attributes:
        kind: "columns", "reading", "empty", "ragged", "unreadable characters", "mixed encodings", "duplicate",
            "conflicting labels", "missing label", "limit"; and from matching with a model "unknown label",
            "label numbers", "too long", "too few words", "refused", "remarks"; and from measuring "plain call".
        count: How many rows it is about.
        which: Numbers of the first ten of them, where single rows are meant.
        text: The same in one sentence.
    """

    kind: str
    count: int
    which: tuple[int, ...]
    text: str

    @classmethod
    def about(cls, kind: str, numbers: Iterable[int], text: str) -> tuple["Note", ...]:
        """A note on single rows, with their count put for the first `{}`; none where there are no such rows."""
        rows = tuple(numbers)
        counted = f"{len(rows)} row{'' if len(rows) == 1 else 's'}"
        return (cls(kind, len(rows), rows[:NAMED_ROWS], text.replace("{}", counted, 1)),) if rows else ()


def require_enough(count: int, source: str, notes: Sequence[Note]) -> None:
    """Fails where too few rows are left for a study; says what became of the others.

    Raises:
        InputError: There are fewer than two.
    """
    if count < FEWEST_ROWS:
        lost = "; ".join(f"{note.kind}: {note.count}" for note in notes)
        raise InputError(
            f"{source} has {count or 'no'} row{'s' * (count != 1)} that can be used{f' ({lost})' if lost else ''}; "
            f"a study needs at least {FEWEST_ROWS}, and a verdict 50"
        )
