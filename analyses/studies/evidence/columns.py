"""Agreement with marked words in a study: columns of one text, and texts that nothing can be said of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analyses.data_sets.notes import Note
from analyses.data_sets.rows import Rows
from analyses.evidence.agreement import evidence_agreement, marked_units
from analyses.evidence.overlap import Overlap
from analyses.explanations.built_in import TRIVIAL_ORDERS
from analyses.explanations.every_method import Explained
from analyses.explanations.method import Method
from analyses.explanations.methods import chosen_methods
from interpret.errors import InputError
from interpret.subjects.inputs.example import Example

METHODS, FAMILIES, LEFT_OUT = "evidence_methods", "evidence_families", "evidence_left_out"
FLOOR, PREFIX = "evidence_chance", "evidence_"


@dataclass(frozen=True)
class Evidence:
    """Marked words of the texts of a study.

    Attributes:
        marks: Of each text, True for the units that are the evidence; `None` where nothing can be said of it.
        share: Mean share of the marked units, over texts with evidence.
        methods: The explanations that are compared with it, and the orders that know nothing of the model.
        notes: Notes on texts without evidence.
    """

    marks: tuple[tuple[bool, ...] | None, ...]
    share: float
    methods: tuple[Method, ...]
    notes: tuple[Note, ...]

    def selected(self, row: int) -> int:
        """Number of words of a text that are taken for an explanation: the mean share of them, at least one.

        Source: DeYoung et al. (2020), ERASER, section 4: as many as are marked on average.
        """
        marks = self.marks[row] or ()
        return max(1, round(self.share * len(marks)))


def evidence_in(examples: Sequence[Example], rows: Rows, methods: Sequence[Method]) -> Evidence | None:
    """Finds the marked units of a study's texts; `None` if its rows mark none.

    Args:
        examples: The texts as the model reads them.
        rows: Their rows.
        methods: The explanations that are compared; the orders that know nothing of the model are added.

    Raises:
        InputError: No text has ranked words that are marked and others that aren't.
    """
    if not rows.evidence:
        return None
    marks: list[tuple[bool, ...] | None] = []
    unmarked: list[int] = []
    unranked: list[int] = []
    everywhere: list[int] = []
    for example, places, number in zip(examples, rows.evidence, rows.numbers, strict=True):
        found = marked_units(example, places or ())
        if places is not None and not any(found):
            (unranked if places else unmarked).append(number)
        elif found and all(found):
            everywhere.append(number)
        marks.append(found if any(found) and not all(found) else None)
    shares = [sum(each) / len(each) for each in marks if each is not None]
    notes = (
        *Note.about("no evidence", unmarked, "{} without a marked word: not compared with evidence."),
        *Note.about(
            "unranked evidence",
            unranked,
            "{} whose marked words aren't ranked: not compared with evidence. A causal model's first word is ranked "
            "with --sink keep (sink='keep' in Python).",
        ),
        *Note.about("all evidence", everywhere, "{} with all words marked: not compared with evidence."),
    )
    if not shares:
        counted = ", ".join(f"{note.kind}: {note.count}" for note in (*rows.notes, *notes) if "evidence" in note.kind)
        raise InputError(
            f"none of the {len(marks)} texts can be compared with evidence ({counted}); mark some of the words that "
            "are ranked, not all of them, and rank a causal model's first words with --sink keep (sink='keep' in "
            "Python)"
        )
    compared = chosen_methods([*(method.name for method in methods), *TRIVIAL_ORDERS])
    return Evidence(tuple(marks), sum(shares) / len(shares), compared, notes)


def evidence_columns(evidence: Evidence, row: int, found: Explained) -> dict[str, Any]:
    """Columns of a record: how well the explanations of a text find its marked words.

    Args:
        evidence: The evidence of the study.
        row: Index of the text.
        found: Explanations of the text by the methods of `evidence`.

    Returns:
        "evidence_methods"; for each of them an entry in "evidence_families", what it is based on, in
        "evidence_left_out", the reason why it has no explanation, and in "evidence_<measure>"; and the measures of
        random orders, in "evidence_chance". `None` is what is undefined.
    """
    names, marks = [method.name for method in evidence.methods], evidence.marks[row]
    known = {each.method: each.family for each in found.attributions}
    families = {METHODS: names, FAMILIES: [known.get(name) for name in names]}
    empty: list[float | None] = [None] * len(names)
    if marks is None:
        measured = {f"{PREFIX}{measure}": empty for measure in Overlap.names()}
        return {**families, LEFT_OUT: [None] * len(names), **measured, FLOOR: [None] * len(Overlap.names())}
    agreed = evidence_agreement(found.attributions, marks, selected=evidence.selected(row))
    by_method = dict(zip(agreed.methods, agreed.found.tolist(), strict=True))
    return {
        **families,
        LEFT_OUT: [found.left_out.get(name) for name in names],
        **{
            f"{PREFIX}{measure}": [by_method[name][column] if name in by_method else None for name in names]
            for column, measure in enumerate(agreed.measures)
        },
        FLOOR: agreed.floor.tolist(),
    }
