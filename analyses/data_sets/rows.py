"""Rows of a study: texts with their labels, and notes on the rows left out."""

import hashlib
import json
import math
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from analyses.data_sets.choice_columns import choices_of
from analyses.data_sets.columns import choose_columns, is_number, names_columns
from analyses.data_sets.evidence_column import Place, evidence_of, words_joined
from analyses.data_sets.notes import FEWEST_ROWS, Note, require_enough
from analyses.data_sets.tables import SUFFIXES, ColumnTable, hub_table, parquet_table
from analyses.data_sets.text_tables import delimited_table, json_table
from interpret.errors import InputError


@dataclass(frozen=True)
class Rows:
    """Rows that a study is about.

    Attributes:
        texts: Distinct texts, without surrounding white space.
        labels: Label of each, as text; `None` where there is none.
        numbers: Number of each row in its source, from 1, without the header.
        notes: Notes on rows that were left out, and on how the source was read.
        evidence: Places in each text that are marked as the evidence, by characters; `None` where they weren't found.
            Empty without a column of them.
        choices: Of each text the label that is explained, and the one that it is held against. Empty without them.
    """

    texts: tuple[str, ...] = field(repr=False)
    labels: tuple[str | None, ...] = field(repr=False)
    numbers: tuple[int, ...] = field(repr=False)
    notes: tuple[Note, ...]
    evidence: tuple[tuple[Place, ...] | None, ...] = field(default=(), repr=False)
    choices: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def sha256(self) -> str:
        """Returns a hash of what is studied, in its order, in hexadecimal digits, independent of the source."""
        more = [part for part in (self.evidence, self.choices) if part]
        return hashlib.sha256(json.dumps([self.texts, self.labels, *more]).encode()).hexdigest()

    def chosen(self, positions: Sequence[int]) -> "Rows":
        """Returns the rows at these positions, with the same notes."""
        return Rows(
            tuple(self.texts[at] for at in positions),
            tuple(self.labels[at] for at in positions),
            tuple(self.numbers[at] for at in positions),
            self.notes,
            tuple(self.evidence[at] for at in positions) if self.evidence else (),
            tuple(self.choices[at] for at in positions) if self.choices else (),
        )

    def with_choice(self, target: str, against: str) -> "Rows":
        """Returns the same rows, on each of which one label is held against another."""
        return replace(self, choices=((target, against),) * len(self.texts))


def read_rows(
    source: str | Path,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    evidence_column: str | None = None,
    choice_columns: tuple[str, str] | None = None,
    limit: int | None = None,
    split: str | None = None,
    seed: int = 0,
) -> Rows:
    """Reads a data set and leaves out rows that can't be studied.

    Args:
        source: A file (.csv, .tsv, .jsonl, .ndjson or .parquet), or the id of a data set of the Hugging Face Hub.
        text_column: Name of the column of texts; by default the first there is of text, sentence, review, content,
            document and input. Columns of a CSV or TSV file without a header are called "0", "1" and so on, and found
            by what they hold.
        label_column: Name of the column of labels; by default label, labels, target, class, sentiment or y.
        evidence_column: Name of a column that marks the words which must decide, in one of the forms of `places_of`.
            Texts may then be lists of words.
        choice_columns: Names of the columns of the label that is explained, and of the one that it is held against.
        limit: Most rows: a random sample without replacement, in the order of the source. With the same seed, a
            smaller sample is part of a larger one.
        split: Split of a data set of the Hub; by default the first of validation, dev, test and train.
        seed: Seed of the sample.

    Returns:
        At least two rows, all distinct.

    Raises:
        InputError: There is no such file, data set, split or column; the file is damaged; the column holds no text;
            or fewer than two rows can be used.

    Example:
        >>> with open("films.csv", "w") as file:
        ...     for row in ("text,label", "A gripping film.,positive", "A boring film.,negative"):
        ...         print(row, file=file)
        >>> rows = read_rows("films.csv")
        >>> rows.texts
        ('A gripping film.', 'A boring film.')
        >>> rows.labels
        ('positive', 'negative')
    """
    if limit is not None and limit < FEWEST_ROWS:
        raise InputError(f"the limit is {limit}, but a study needs at least {FEWEST_ROWS} rows; give more")
    own = tuple(name for name in (evidence_column, *(choice_columns or ())) if name is not None)
    asked = tuple(name for name in (text_column, label_column, *own) if name is not None)
    table = _table(source, asked, split)
    if not table.names:
        raise InputError(f"{table.source} is empty; give a data set with a text in each row")
    columns = choose_columns(table, text=text_column, label=label_column, own=own)
    given = table.column(columns.text)
    texts = _texts(table, columns.text, [words_joined(each) or each for each in given] if evidence_column else given)
    labels = _labels(table, columns.label, len(texts))
    choices = choices_of(table, choice_columns)
    usable, notes = _without_duplicates(texts, labels, choices, table)
    require_enough(len(usable), table.source, notes)
    remarks = [Note("reading", len(texts), (), text) for text in table.remarks]
    remarks += [Note("columns", len(texts), (), text) for text in columns.remarks]
    kept = _sampled(usable, limit, seed)
    if columns.label is not None:
        missing = (at + 1 for at in kept if labels[at] is None)
        notes += Note.about("missing label", missing, "{} without a label: studied, but not counted as right or wrong.")
    if len(kept) < len(usable):
        text = f"{len(kept)} of {len(usable)} rows were drawn at random (seed {seed})."
        notes += (Note("limit", len(usable) - len(kept), (), text),)
    evidence, lost = evidence_of(table, evidence_column, given, texts, kept)
    return Rows(
        tuple(texts[at] or "" for at in kept),
        tuple(labels[at] for at in kept),
        tuple(at + 1 for at in kept),
        (*remarks, *notes, *lost),
        evidence,
        tuple(choices[at] for at in kept) if choices else (),
    )


def _table(source: str | Path, asked: Sequence[str], split: str | None) -> ColumnTable:
    path = Path(source)
    if not path.is_dir() and str(source).endswith(os.sep):
        raise InputError(f"{source} ends as the name of a folder does; give one file ({', '.join(SUFFIXES)})")
    if path.is_dir():
        raise InputError(f"{path} is a folder; give one file of it ({', '.join(SUFFIXES)})")
    if not path.exists():
        return hub_table(str(source), split=split)
    if split is not None:
        raise InputError(f"a split was asked for, but {path} is one file; leave out the split, or give another file")
    is_header = partial(names_columns, asked=asked)
    match path.suffix.lower():
        case ".csv":
            return delimited_table(path, ",", is_header)
        case ".tsv":
            return delimited_table(path, "\t", is_header)
        case ".jsonl" | ".ndjson":
            return json_table(path)
        case ".parquet":
            return parquet_table(path)
    raise InputError(f"{path} is of no kind that can be read by its name; give one of {', '.join(SUFFIXES)}")


def _texts(table: ColumnTable, column: int, values: Sequence[Any]) -> list[str | None]:
    wrong = next((at for at, value in enumerate(values) if value is not None and not isinstance(value, str)), None)
    if wrong is not None:
        raise InputError(
            f"column {table.names[column]!r} of {table.source} is no text: row {wrong + 1} has "
            f"{type(values[wrong]).__name__}; give the name of the text column"
        )
    texts = [value.strip() if value is not None else None for value in values]
    if any(texts) and all(is_number(text) for text in texts if text):
        raise InputError(
            f"column {table.names[column]!r} of {table.source} is no text: it has numbers only; "
            "give the name of the text column"
        )
    return texts


def _labels(table: ColumnTable, column: int | None, count: int) -> list[str | None]:
    if column is None:
        return [None] * count
    return [_label(value, at + 1, table.names[column], table.source) for at, value in enumerate(table.column(column))]


def _label(value: Any, number: int, column: str, source: str) -> str | None:
    """Converts a label to text, whole numbers without the ".0" that files add where labels are missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str | int | float):
        raise InputError(
            f"column {column!r} of {source} has no labels: row {number} has {type(value).__name__}; "
            "give a column with one name or number in each row"
        )
    text = str(value).strip()
    whole, point, zeros = text.partition(".")
    is_whole = point and whole.removeprefix("-").isdecimal() and not zeros.strip("0")
    return (whole if is_whole else text) or None


def _without_duplicates(
    texts: Sequence[str | None],
    labels: Sequence[str | None],
    choices: Sequence[tuple[str, str]],
    table: ColumnTable,
) -> tuple[list[int], tuple[Note, ...]]:
    """Returns the indices of the rows to study, and notes on the others."""
    first: dict[tuple[str | None, ...], int] = {}
    lost: dict[str, list[int]] = {"empty": [], "ragged": [], "unreadable characters": []}
    again, conflicts = [], []
    for at, text in enumerate(texts):
        trouble = table.spoilt.get(at) or _trouble(text)
        asked = (text, *choices[at]) if choices else (text,)
        if trouble:
            lost[trouble].append(at + 1)
        elif asked in first:
            again.append(at + 1)
            if None not in (known := {labels[first[asked]], labels[at]}) and len(known) > 1:
                conflicts.append(at + 1)
        else:
            first[asked] = at
    odd = "{} with characters that are neither UTF-8 nor cp1252, NUL, or half a character: left out."
    mixed = (at + 1 for at in table.recoded if at not in table.spoilt)
    same = "{} with the text of an earlier row"
    return list(first.values()), (
        *Note.about("empty", lost["empty"], "{} without a text: left out."),
        *Note.about("ragged", lost["ragged"], "{} with more or fewer cells than there are columns: left out."),
        *Note.about("unreadable characters", lost["unreadable characters"], odd),
        *Note.about("mixed encodings", mixed, "{} that aren't UTF-8: read as cp1252."),
        *Note.about("duplicate", again, f"{same}: left out."),
        *Note.about("conflicting labels", conflicts, f"{same} but another label: the first label was kept."),
    )


def _trouble(text: str | None) -> str | None:
    if not text:
        return "empty"
    return "unreadable characters" if "\0" in text or any("\ud800" <= each <= "\udfff" for each in text) else None


def _sampled(usable: Sequence[int], limit: int | None, seed: int) -> list[int]:
    """Draws at most `limit` indices at random, and sorts them."""
    drawn = list(usable)
    random.Random(seed).shuffle(drawn)
    return sorted(drawn[:limit])
