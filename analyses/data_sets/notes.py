"""Notes on the rows of a study: which were left out or need attention, and how many."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from interpret.errors import InputError

FEWEST_ROWS = 2
NAMED_ROWS = 10  # most rows that a note names


@dataclass(frozen=True)
class Note:
    """Note for readers of a study about some of its rows.

    Attributes:
        kind: "columns", "reading", "empty", "ragged", "unreadable characters", "mixed encodings", "duplicate",
            "conflicting labels", "missing label", "limit"; and from matching with a model "unknown label",
            "label numbers", "too long", "too few words", "refused", "remarks"; about evidence "unknown evidence",
            "first word", "no evidence", "unranked evidence", "all evidence"; and from measuring "plain call".
        count: Number of rows it is about.
        which: Numbers of the first ten of them; empty for notes about a whole data set.
        text: The note in one sentence.
    """

    kind: str
    count: int
    which: tuple[int, ...]
    text: str

    @classmethod
    def about(cls, kind: str, numbers: Iterable[int], text: str) -> tuple["Note", ...]:
        """Makes a note on single rows, with their count in place of the first `{}`; none if there are no such rows."""
        rows = tuple(numbers)
        counted = f"{len(rows)} row{'' if len(rows) == 1 else 's'}"
        return (cls(kind, len(rows), rows[:NAMED_ROWS], text.replace("{}", counted, 1)),) if rows else ()


def require_enough(count: int, source: str, notes: Sequence[Note], *, refusal: str = "") -> None:
    """Raises an error where too few rows are left for a study; the message says why others were left out.

    Args:
        count: Number of rows that are left.
        source: What they are of.
        notes: Notes on the rows.
        refusal: Why the model can't read the first row of those that it can't; empty if it can read all.

    Raises:
        InputError: There are fewer than two.
    """
    if count < FEWEST_ROWS:
        lost = "; ".join(f"{note.kind}: {note.count}" for note in notes if note.which)
        lost += f"; the first was refused because {refusal}" if refusal else ""
        raise InputError(
            f"{source} has {count or 'no'} row{'s' * (count != 1)} that can be used{f' ({lost})' if lost else ''}; "
            f"a study needs at least {FEWEST_ROWS}, and a verdict 50"
        )
