"""Base classes of results: each says what it holds, becomes a table or a picture, and is saved and read back."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from analyses.results.pictures import Chart
from interpret.attention.labels import Labels
from interpret.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame


class Result(ABC):
    """A result of an analysis. Subclasses are frozen dataclasses with `repr=False`.

    Attributes:
        kinds: All subclasses by name; `read` makes no other type.

    Example:
        >>> subject = interpret.load()
        >>> record, checks = subject.record(subject.encode("Slow at first, then wonderful."))
        >>> found = attention_entropy(record)
        >>> isinstance(found, Result)
        True
        >>> found.save("entropy.json")
        >>> found.to_frame().shape == read("entropy.json").to_frame().shape
        True
    """

    kinds: ClassVar[dict[str, type["Result"]]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        Result.kinds[cls.__name__] = cls

    @abstractmethod
    def summary(self) -> list[str]:
        """Returns what one looks for first, on a few lines: shape, units, and the main numbers."""

    @abstractmethod
    def to_frame(self) -> "DataFrame":
        """Returns the numbers as a table: one row for each value, or for values of the same place.

        Layers, heads and positions are numbered from 0, as everywhere in code; their names stand in columns beside.
        """

    def __repr__(self) -> str:
        return "\n  ".join(self.summary())

    def _repr_html_(self) -> str:
        """Returns the summary and the first rows of the table, for notebooks."""
        from analyses.results.markup import summary_and_table

        return summary_and_table(self.summary(), self.to_frame())

    def to_save(self) -> "Result":
        """Returns what is saved: the result itself, unless it holds more than a file can."""
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the result to a file, from which `analyses.read` makes an equal one.

        The suffix chooses the format: `.json` for people, `.safetensors` for large tensors, `.parquet` for other
        programs, which see the table of `to_frame`. A file of that name stays until the new one is complete.

        Args:
            path: Path of the file.

        Raises:
            InputError: The suffix is another, or the file can't be written.
        """
        from analyses.results.saving import save

        save(self.to_save(), path)


class PlottedResult(Result):
    """A result of which a picture says more than a table.

    Example:
        >>> subject = interpret.load()
        >>> record, checks = subject.record(subject.encode("Slow at first, then wonderful."))
        >>> found = attention_entropy(record)
        >>> isinstance(found, PlottedResult)
        True
        >>> list(found.pictures())
        ['nats', 'share']
        >>> axes = found.plot(of="share")
        >>> axes.figure.savefig("entropy.png", bbox_inches="tight")
    """

    @abstractmethod
    def pictures(self) -> Mapping[str, Callable[[], Chart]]:
        """Returns the pictures by what they show, each made when called; the first is the usual one."""

    def plot(self, ax: "Axes | None" = None, *, of: str | None = None) -> "Axes":
        """Draws the result with matplotlib; nothing is shown or saved.

        The axes belong to a figure, which becomes a file: `found.plot().figure.savefig("found.png",
        bbox_inches="tight")`.

        Args:
            ax: Axes to draw on; by default those of a new figure.
            of: Name of the picture, a key of `pictures()`; by default the first.

        Raises:
            InputError: There is no such picture.
        """
        from analyses.results.drawing import draw, new_axes, plain_style

        picture = self._picture(of)
        axes = new_axes(picture) if ax is None else ax
        with plain_style():
            draw(axes, picture)
        return axes

    def _repr_html_(self) -> str:
        """Returns the summary and the usual picture, for notebooks."""
        from analyses.results.markup import summary_and_picture

        return summary_and_picture(self.summary(), self._picture(None))

    def _picture(self, of: str | None) -> Chart:
        pictures = self.pictures()
        if of is not None and of not in pictures:
            raise InputError(f"of must be one of {', '.join(pictures)}, not {of!r}")
        return pictures[next(iter(pictures)) if of is None else of]()


@dataclass(frozen=True, eq=False, repr=False)
class MapsResult(PlottedResult):
    """A result computed from attention maps: tensors whose axes are layers, heads and positions.

    Attributes:
        labels: Names of the layers and tokens, or of each example's; `None` where only numbers are known.
    """

    labels: Labels | tuple[Labels, ...] | None = field(default=None, kw_only=True)

    def to_frame(self) -> "DataFrame":
        """Returns a row for each place and a column for each tensor of the same axes."""
        from analyses.results.frames import frame_of_tensors

        return frame_of_tensors(self, self.labels)

    def layer_names(self, layers: int) -> tuple[str, ...]:
        """Returns the layers' names, or their numbers from 0 where names are unknown."""
        return _names(self._first_labels().layers, layers)

    def token_names(self, length: int) -> tuple[str, ...]:
        """Returns the tokens' texts, or their positions from 0 where they are unknown or differ between examples."""
        return _names(() if isinstance(self.labels, tuple) else self._first_labels().tokens, length)

    def _first_labels(self) -> Labels:
        known = self.labels[0] if isinstance(self.labels, tuple) else self.labels
        return Labels((), ()) if known is None else known


def _names(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    return names if len(names) == count else tuple(map(str, range(count)))
