"""Results that have a documented JSON form, and a report that shows it."""

import copy
import os
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from analyses.results.plain_data import LEFT_OUT
from analyses.results.result import Result
from interpret.errors import InputError
from interpret.subjects.subject import Subject
from interpret.system.writing import write_whole

Form = TypeVar("Form", bound=Mapping[str, object])


class ReportedResult(Result):
    """A result with a documented JSON form, which notebooks show as its report."""

    @abstractmethod
    def to_dict(self, command: str = "") -> Mapping[str, object]:
        """Returns plain numbers and texts, in the documented schema.

        Args:
            command: Command that reproduces the result, for readers of the report.
        """

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the result, from which `analyses.read` makes an equal one; or its report, as `.html`, for people.

        Args:
            path: Path of the file, ending in `.json`, `.safetensors`, `.parquet` or `.html`.

        Raises:
            InputError: The suffix is another, or the file can't be written.

        Example:
            >>> analyze(interpret.load(), "Slow at first, then wonderful.", effort="quick").save("report.html")
        """
        if Path(path).suffix != ".html":
            super().save(path)
            return
        from analyses.results.pages import page_of

        write_whole(Path(path), page_of(self.to_dict()))

    def _repr_html_(self) -> str:
        """Returns the report in a frame of its own, for notebooks."""
        from analyses.results.markup import framed_page
        from analyses.results.pages import page_of

        return framed_page(page_of(self.to_dict()), self.summary()[0])


@dataclass(frozen=True, eq=False, repr=False)
class ModelResult(ReportedResult, Generic[Form]):
    """A result that keeps its model while it is in memory, and its JSON form once it was saved.

    Attributes:
        live: The model; `None` after reading from a file.
        document: The JSON form as it was when the result was saved; `None` before.
    """

    live: Subject | None = field(default=None, kw_only=True, metadata=LEFT_OUT)
    document: dict[str, Any] | None = field(default=None, kw_only=True)

    @property
    def subject(self) -> Subject:
        """The model.

        Raises:
            InputError: The result was read from a file, which holds no model.
        """
        if self.live is None:
            raise InputError(
                f"this {type(self).__name__} was read from a file, which holds no model; load it with "
                "interpret.load(...), by the name in to_dict()['model']"
            )
        return self.live

    def to_dict(self, command: str = "") -> Form:
        """Returns plain numbers and texts, in the documented schema; after reading, as they were when it was saved.

        Args:
            command: Command that reproduces the result, for readers of the report.
        """
        if self.document is None:
            return self._to_dict(command)
        return cast(Form, _copied(self.document, command))

    @abstractmethod
    def _to_dict(self, command: str) -> Form:
        """Makes the JSON form, for which the model is needed."""

    def to_save(self) -> Result:
        """Returns the result with its JSON form, which can't be made without the model."""
        return replace(self, document=dict(self.to_dict()))


@dataclass(frozen=True, eq=False, repr=False)
class DocumentResult(ReportedResult):
    """The JSON form of a result, as a command wrote it.

    Attributes:
        document: Its content.
    """

    document: dict[str, Any]

    def to_dict(self, command: str = "") -> dict[str, Any]:
        """Returns the content.

        Args:
            command: Command that reproduces the result; by default the one that made it.
        """
        return _copied(self.document, command)


def _copied(document: dict[str, Any], command: str) -> dict[str, Any]:
    """Copies a document, with another command if one is given."""
    found = copy.deepcopy(document)
    said = found.get("run", found)  # a knockout has no account of its run, and its command at the top
    said["command"] = command or said["command"]
    return found
