"""Matching of rows with a model: labels mapped to the model's, and texts encoded or left out."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from analyses.data_sets.notes import Note, require_enough
from analyses.data_sets.rows import Rows
from interpret.errors import InputError
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

FEWEST_UNITS = 2  # one word has only one order
SHOWN_LABELS = 5


def match_labels(rows: Rows, subject: Subject) -> tuple[Rows, tuple[Note, ...]]:
    """Turns the labels of a data set into names of the model's labels.

    Args:
        rows: The rows; numeric labels are taken as the model's label indices, which count from 0.
        subject: The model.

    Returns:
        The rows, each label as the model spells it, or `None` where the model has no such label; and notes about
        labels that it doesn't have, and about numbers.

    Raises:
        InputError: The model has none of the labels.
    """
    given = tuple(dict.fromkeys(label for label in rows.labels if label is not None))
    found: dict[str, str] = {}
    refusal: InputError | None = None
    for label in given:
        try:
            found[label] = subject.label(subject.find_label(label))
        except InputError as error:
            refusal = refusal or error
    if refusal is not None and not found:
        raise InputError(
            f"none of the labels of the data ({_shown(given)}) is one of the model's: {refusal}; "
            "give the column whose values are the model's labels, or data without labels"
        ) from refusal
    unknown = [label for label in given if label not in found]
    strangers = (number for number, label in zip(rows.numbers, rows.labels, strict=True) if label in unknown)
    text = f"{{}} with a label that the model doesn't have ({_shown(unknown)}): taken as without a label."
    notes = (*Note.about("unknown label", strangers, text), *_number_note(rows, found))
    labels = tuple(None if label is None else found.get(label) for label in rows.labels)
    return replace(rows, labels=labels), notes


def encoded(
    rows: Rows, subject: Subject, *, encode: Callable[[int], Example] | None = None
) -> tuple[tuple[Example, ...], Rows, tuple[Note, ...]]:
    """Encodes the texts, and leaves out those that the model can't read in full or that have too few words.

    Args:
        rows: The rows.
        subject: The model.
        encode: Encodes a row by its index; by default its text alone.

    Returns:
        The encoded texts, the rows they belong to, and notes about the rows left out.

    Raises:
        InputError: Fewer than two rows are left.
    """
    examples, kept = [], []
    long, short, refused = [], [], []
    reason = ""
    for at, (text, number) in enumerate(zip(rows.texts, rows.numbers, strict=True)):
        try:
            example = subject.encode(text) if encode is None else encode(at)
        except InputError as error:
            if _is_too_long(text, subject):
                long.append(number)
            else:
                refused.append(number)
                reason = reason or str(error)
            continue
        if len(example.units) < FEWEST_UNITS:
            short.append(number)
            continue
        examples.append(example)
        kept.append(at)
    most = "what the model can read" if subject.longest is None else f"the model's {subject.longest} tokens"
    notes = (
        *Note.about("too long", long, f"{{}} left out: longer than {most}."),
        *Note.about("too few words", short, "{} left out: fewer than two words that could be ranked."),
        *Note.about("refused", refused, f"{{}} left out: the model can't read them. The first: {reason}."),
        *_remarks(subject, examples, [rows.numbers[at] for at in kept]),
    )
    require_enough(len(kept), "the data set", (*rows.notes, *notes), refusal=reason)
    return tuple(examples), rows.chosen(kept), notes


def _remarks(subject: Subject, examples: Sequence[Example], numbers: Sequence[int]) -> tuple[Note, ...]:
    """Notes on how texts are read; they quote the first text's remarks."""
    told = [(number, subject.remarks_on(example)) for number, example in zip(numbers, examples, strict=True)]
    said = [(number, remarks) for number, remarks in told if remarks]
    first = " ".join(said[0][1]) if said else ""
    return Note.about("remarks", (number for number, _ in said), f"{{}} with something to know of. The first: {first}")


def _is_too_long(text: str, subject: Subject) -> bool:
    """Returns whether a text that the model refuses is accepted once truncated."""
    try:
        return subject.encode(text, truncate=True).truncated > 0
    except InputError:
        return False


def _number_note(rows: Rows, found: dict[str, str]) -> tuple[Note, ...]:
    """Note on the meaning given to numeric labels, since data and model may count differently."""
    numbers = {label: name for label, name in found.items() if label.isdecimal() and label != name}
    meant = ", ".join(f"{label} = {name}" for label, name in sorted(numbers.items())[:SHOWN_LABELS])
    which = (number for number, label in zip(rows.numbers, rows.labels, strict=True) if label in numbers)
    text = f"The labels of {{}} are numbers and were taken for the model's, which count from 0: {meant}."
    return Note.about("label numbers", which, text)


def _shown(labels: Sequence[str]) -> str:
    more = len(labels) - SHOWN_LABELS
    return ", ".join(map(repr, labels[:SHOWN_LABELS])) + (f" and {more} more" if more > 0 else "")
