"""Several inputs that a model is asked about together."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from interpret.errors import InputError
from interpret.subjects.inputs.example import Example

Text = str | os.PathLike[str]
"""A text, or the path of an image."""


@dataclass(frozen=True, eq=False, repr=False)
class Batch(Sequence[Example]):
    """Encoded inputs, in the order in which they were given.

    They keep their own lengths, and nothing is padded: those of equal length share forward passes.

    Attributes:
        examples: The inputs.

    Example:
        >>> subject = interpret.load()
        >>> batch = subject.encode(["Slow at first, then wonderful.", "A dull film."])
        >>> len(batch), len(batch[1].ids)
        (2, 6)
        >>> [decision.label for decision in subject.decide(batch)]
        ['positive', 'negative']
        >>> records, checks = subject.record(batch)
        >>> records[1].weights(0).shape  # batch, head, query, key
        torch.Size([1, 4, 6, 6])
    """

    examples: tuple[Example, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.examples)

    @overload
    def __getitem__(self, index: int) -> Example: ...

    @overload
    def __getitem__(self, index: slice) -> "Batch": ...

    def __getitem__(self, index: int | slice) -> "Example | Batch":
        return Batch(self.examples[index]) if isinstance(index, slice) else self.examples[index]

    def __iter__(self) -> Iterator[Example]:
        return iter(self.examples)

    def __repr__(self) -> str:
        counts = [len(example.ids) for example in self.examples]
        lengths = f" of {min(counts)} to {max(counts)} tokens" if counts else ""
        return f"<Batch of {len(counts)} inputs{lengths}>"


def encoded_batch(texts: Sequence[Any], encode: Callable[..., Example], options: dict[str, Any]) -> Batch:
    """Encodes several inputs.

    Args:
        texts: Texts, paths of images, or pairs of texts as tuples.
        encode: Encodes one input, of one text or two.
        options: Further options of `encode`, the same for all.

    Raises:
        InputError: There is no input, or one can't be encoded; the message says which.
    """
    if not texts:
        raise InputError("a batch must have at least one text, and came an empty sequence")
    examples = []
    for number, text in enumerate(texts, start=1):
        try:
            examples.append(encode(*_pair(text), **options))
        except InputError as error:
            raise InputError(f"text {number} of {len(texts)}: {error}") from error
    return Batch(tuple(examples))


def _pair(text: Any) -> tuple[Any, ...]:
    """Returns one text, or two, as arguments of `encode`."""
    if isinstance(text, str | os.PathLike):
        return (text,)
    if not isinstance(text, tuple) or len(text) != 2:
        raise InputError(f"each must be a text, or a pair of texts as a tuple, not {text!r}")
    return text
