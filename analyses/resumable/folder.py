"""Folder of a study with its fingerprint, finished parts and results, consistent at every moment."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from analyses.resumable.chunks import Chunk
from analyses.resumable.lock import LOCK, locked
from analyses.resumable.parts import merged, packed, table_of, unpacked
from interpret.errors import InputError
from interpret.system.files import read_file
from interpret.system.writing import make_folder, writing

STUDY, PARTS, RESULTS, SUMMARY = "study.json", "parts", "results.parquet", "summary.json"
REPORT, TEXTS = "report.html", "texts"
SHOWN_DIFFERENCES = 3
LONGEST_VALUE = 60  # characters of a value in an error


@dataclass(frozen=True)
class StudyFolder:
    """Folder that stores a study chunk by chunk, so that it can be resumed after any interruption.

    It has study.json (the fingerprint), parts/00007.parquet (the records of chunk 7), and at the end results.parquet
    (all records) and summary.json. Every file is written under a temporary name, flushed to the disk and renamed, so it
    is complete or missing. Reports are written to report.html and texts/row-7.html (by row number) while the folder is
    open. The same study has the same bytes in every file, however often it was interrupted: what differs between runs,
    such as seconds and memory, is printed and not stored.

    Attributes:
        path: The folder; created if missing.
        fingerprint: JSON values that the records depend on: schema, model, data, options (with the chunk size), seed
            and version. The same fingerprint means the same study.
    """

    path: Path
    fingerprint: Mapping[str, Any]

    @contextmanager
    def open(self) -> Iterator["StudyFolder"]:
        """Creates or resumes the folder, and locks it until the end of the block.

        The operating system releases the lock when the process ends in any way. A study without stored chunks leaves no
        files behind.

        Raises:
            InputError: It has another study or other files, another process has locked it, or it can't be written.
        """
        self._require_own()
        made = [each for each in (self.path, *self.path.absolute().parents) if not each.exists()]
        try:
            make_folder(self.path)
            with locked(self.path), self._with_parts():
                self._require_own()  # it may have become another study's while this process waited for its turn
                self._clear()
                yield self
        finally:
            _remove_empty(made)

    def finished(self) -> set[int]:
        """Returns the indices of stored chunks, without damaged parts and those of other studies."""
        return set(self.stored())

    def stored(self) -> dict[int, tuple[int, ...]]:
        """Returns the rows of each stored chunk, by its index."""
        return {index: rows for index, (rows, _) in self._parts().items()}

    def save(self, chunk: Chunk, records: list[dict[str, Any]]) -> None:
        """Stores the records of one chunk; the first one makes the folder this study's.

        Args:
            chunk: The chunk.
            records: Dictionaries of the same fields, whose values are bools, ints, floats, strings, lists of these,
                or `None`.

        Raises:
            ValueError: The records differ in their fields, or have other kinds of values.
            InputError: The disk is full.
        """
        labels = {"study": self._digest(), "chunk": str(chunk.index), "rows": json.dumps(chunk.rows)}
        part = packed(table_of(records), labels)
        if not (self.path / STUDY).exists():
            _write_durably(self.path / STUDY, _json_bytes(self.fingerprint))
        _write_durably(self._part(chunk.index), part)

    def records(self) -> pa.Table:
        """Returns all records in the order of their chunks.

        Raises:
            ValueError: A chunk before the last stored one is missing, or parts have different fields.
        """
        parts = self._parts()
        if missing := set(range(max(parts, default=-1) + 1)) - set(parts):
            raise ValueError(f"chunks {sorted(missing)} aren't stored yet; run them first")
        return merged([parts[index][1] for index in sorted(parts)])

    def finish(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """Writes all records to results.parquet, then `summary` to summary.json.

        Returns:
            The summary as read back from JSON, equal to what `summary` returns later.

        Raises:
            ValueError: A chunk is missing, or `summary` isn't JSON (NaN isn't).
            InputError: The disk is full.
        """
        content = _json_bytes(summary)
        _write_durably(self.path / RESULTS, packed(self.records(), {"study": self._digest()}))
        _write_durably(self.path / SUMMARY, content)
        found: dict[str, Any] = json.loads(content)
        return found

    def summary(self) -> dict[str, Any] | None:
        """Returns the summary of a finished study; `None` if it isn't finished or its results are damaged."""
        try:
            results = unpacked(read_file(self.path / RESULTS))
            found = json.loads(read_file(self.path / SUMMARY))
        except (OSError, ValueError):  # also files that can't be opened without blocking
            return None
        whole = isinstance(found, dict) and results is not None and results[1].get("study") == self._digest()
        return found if whole else None

    def _part(self, index: int) -> Path:
        return self.path / PARTS / f"{index:05d}.parquet"

    def _digest(self) -> str:
        return hashlib.sha256(_json_bytes(self.fingerprint)).hexdigest()

    def _parts(self) -> dict[int, tuple[tuple[int, ...], pa.Table]]:
        """Returns rows and records of the chunks whose parts are complete and belong to this study."""
        found: dict[int, tuple[tuple[int, ...], pa.Table]] = {}
        for path in sorted((self.path / PARTS).glob("*.parquet")):
            part = unpacked(read_file(path)) if path.is_file() else None
            if part is None or part[1].get("study") != self._digest():
                continue
            index = int(part[1]["chunk"])
            if path == self._part(index):
                found[index] = tuple(json.loads(part[1]["rows"])), part[0]
        return found

    def _require_own(self) -> None:
        """Raises an error if the folder has anything but this study."""
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file; give a folder for the study")
        if not self.path.is_dir():
            return
        study = self.path / STUDY
        if not study.exists():
            # A process that was killed at its start leaves only these.
            others = {each.name for each in self.path.iterdir() if not each.match(".*.part")} - {LOCK, PARTS}
            others |= {f"{PARTS}/{each.name}" for each in (self.path / PARTS).glob("*")}
            if others:
                raise InputError(
                    f"{self.path} has files but no study.json (such as {min(others)}); give a new or an empty folder"
                )
            return
        try:
            old = json.loads(read_file(study))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{study} can't be read, so it isn't known whose study this is; give a new folder"
            ) from error
        differences = _differences(old, json.loads(_json_bytes(self.fingerprint)))
        if differences:
            shown, more = "; ".join(differences[:SHOWN_DIFFERENCES]), len(differences) - SHOWN_DIFFERENCES
            raise InputError(
                f"{self.path} has another study: {shown}{f'; and {more} more' if more > 0 else ''}; "
                "give a new folder, or ask for the same study again"
            )

    @contextmanager
    def _with_parts(self) -> Iterator[None]:
        """Holds the folder of parts until the end of the block; removes it if it is empty then."""
        try:
            with writing(self.path):
                (self.path / PARTS).mkdir(exist_ok=True)
            yield
        finally:
            _remove_empty([self.path / PARTS])

    def _clear(self) -> None:
        """Removes temporary files of a killed process."""
        for path in (each for part in (".", PARTS, TEXTS) for each in (self.path / part).glob(".*.part")):
            with writing(path):
                path.unlink()


def _remove_empty(folders: Sequence[Path]) -> None:
    """Removes empty folders, inner ones first."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _beside(path: Path) -> Path:
    """Returns a file's temporary path; one name is enough, as one process writes at a time."""
    return path.with_name(f".{path.name}.part")


def _write_durably(path: Path, content: bytes) -> None:
    """Writes a file under a temporary name, flushes it to the disk, and renames it."""
    beside = _beside(path)
    with writing(path):
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the new name, too
        finally:
            os.close(folder)


def _json_bytes(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()


def _differences(old: Any, new: Any, name: str = "") -> list[str]:
    """Lists the differences between two fingerprints, a sentence for each value."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted({*old, *new})
        inner = [_differences(old.get(key), new.get(key), f"{name}.{key}".lstrip(".")) for key in keys]
        return [each for differences in inner for each in differences]
    return [] if old == new else [f"{name or 'its content'} was {_shown(old)} and is now {_shown(new)}"]


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
