"""First words of a causal model's texts, which are ranked where the evidence marks them."""

import copy

from analyses.data_sets.notes import Note
from analyses.data_sets.rows import Rows
from interpret.errors import InputError
from interpret.subjects.subject import Subject

_SAID = (
    "{} whose first word is marked: the first word of every text is ranked, as with --sink keep. A causal model parks "
    "attention there, so a map must find more than “earlier first” does. With --sink drop first words are left out."
)


def ranking_first_words(subject: Subject, rows: Rows, sink: str | None) -> tuple[Subject, tuple[Note, ...]]:
    """Returns the subject that ranks first words, or leaves them out, as a study wants it; and a note if it chose so.

    First words are ranked in all texts or in none, so that which words are ranked doesn't tell which are marked.

    Args:
        subject: The model.
        rows: Rows of the study.
        sink: "keep" ranks the first words of a causal model's texts, "drop" leaves them out. By default it is as the
            subject has it, but first words are ranked if the evidence of a row is one that would be left out.

    Raises:
        InputError: `sink` is something else.
    """
    if sink not in (None, "drop", "keep"):
        raise InputError(f'sink must be "drop" or "keep", not {sink!r}')
    if sink is not None:
        return _with(subject, sink), ()
    first = [at for at, places in enumerate(rows.evidence) if any(start == 0 for start, _ in places or ())]
    kept = _with(subject, "keep")
    if kept is subject or not subject.is_causal or not any(_is_parked_on(kept, rows.texts[at]) for at in first):
        return subject, ()
    return kept, Note.about("first word", (rows.numbers[at] for at in first), _SAID)


def _with(subject: Subject, sink: str) -> Subject:
    if subject.sink == sink:
        return subject
    changed = copy.copy(subject)  # the same model, already probed
    changed.sink = sink
    return changed


def _is_parked_on(subject: Subject, text: str) -> bool:
    """Returns whether a text's first word is at the first position, where otherwise a special token is."""
    try:
        return 0 in subject.encode(text).units[0].tokens
    except InputError:  # left out of the study, too
        return False
