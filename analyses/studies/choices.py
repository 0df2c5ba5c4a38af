"""Texts of a study as choices between two labels, each with the subject that makes the choice."""

from collections.abc import Sequence

from analyses.data_sets.notes import Note
from analyses.data_sets.rows import Rows
from analyses.studies.schema import Record
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


class Choices:
    """Encodes the choices of a study's texts; texts with the same two labels share a subject, and so forward passes.

    Args:
        subject: The model.
        rows: Rows with a choice each.
    """

    def __init__(self, subject: Subject, rows: Rows) -> None:
        self._subject, self._rows = subject, rows
        self._known: dict[tuple[str, str], Subject] = {}

    def subject(self, row: int) -> Subject:
        """Returns the subject of the choice of a row.

        Raises:
            InputError: The text can't be encoded, or there is no such choice.
        """
        example, *pair = self._subject.choice(self._rows.texts[row], *self._rows.choices[row])
        target, against = pair
        return self._known.setdefault((target, against), self._subject.about_two(example, target, against))

    def subjects(self) -> tuple[Subject, ...]:
        """Returns the subject of each row, all of which have a choice."""
        return tuple(map(self.subject, range(len(self._rows.texts))))

    def example(self, row: int) -> Example:
        """Returns the input up to the choice of a row, after checking that there is one.

        Raises:
            InputError: As for `subject`.
        """
        self.subject(row)
        return self._subject.choice(self._rows.texts[row], *self._rows.choices[row])[0]

    def labels(self) -> tuple[str | None, ...]:
        """Returns the label of each row if it is one of the two, and `None` otherwise: then none of them is right."""
        pairs = ([each.label(index) for index in range(2)] for each in self.subjects())
        return tuple(label if label in pair else None for label, pair in zip(self._rows.labels, pairs, strict=True))


def notes_on_choices(records: Sequence[Record]) -> tuple[Note, ...]:
    """Says on how many texts of a study with choices the model prefers the target; nothing without choices."""
    if "target" not in records[0]:
        return ()
    count = sum(record["predicted"] == record["target"] for record in records)
    said = f"On {count} of {len(records)} texts the model prefers the target to the label that it is held against."
    return (Note("choices", len(records), (), said),)
