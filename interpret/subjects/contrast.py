"""Contrast: a model as one that chooses between two of its labels, to ask why one of them rather than the other.

Only the logits of these two are left, so everything that is asked of the subject follows their difference: the margin
is the target's logit minus the other's, and the probability is the target's given that it is one of the two.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from jaxtyping import Float, Shaped
from torch import Tensor

from interpret.errors import InputError
from interpret.subjects.deciding import finite_logits
from interpret.subjects.derived import DerivedPart, Whole, derived
from interpret.subjects.inputs.example import Example
from interpret.subjects.plain_call import PlainCall
from interpret.subjects.task_model import TaskModel

if TYPE_CHECKING:
    from interpret.subjects.inputs.continuation import Writer


Part = TypeVar("Part", bound="_Contrast")


def contrast(whole: Whole, example: Example, target: str | None, against: str) -> Whole:
    """Makes a subject of the choice between two labels on one input.

    Args:
        whole: The subject that scores all labels.
        example: The input.
        target: Name of the label that is explained; by default the one that the model prefers.
        against: Name of the label that it is held against.

    Returns:
        A subject of the same class and model, whose label 0 is the target and label 1 the other.

    Raises:
        InputError: There is no such label, there is nothing else that the model scores, or both are the same.
    """
    other = whole.find_other_in(example, against)
    if target is None:
        own = whole.preferred(example, finite_logits(whole, example.ids[None])[0])
    else:
        own = whole.find_label_in(example, target)
    if own == other:
        chosen = ", which the model prefers itself" if target is None else ""
        raise InputError(
            "the target and the label that it is held against must differ, and both are "
            f"{whole.label_in(example, own)!r}{chosen}; give another --target or --against (target= or against= in "
            "Python)"
        )
    return derived(_Contrast, whole, (own, other))


class _Contrast(DerivedPart):
    """The choice between two labels of the whole subject."""

    def __init__(self, whole: TaskModel, pair: tuple[int, int]) -> None:
        DerivedPart.__init__(self, whole)  # not that of the whole one's class, which comes next
        self._all = whole
        self._pair = pair

    def logits(self, ids: Shaped[Tensor, "batch token *number"]) -> Float[Tensor, "batch 2"]:
        """Logits of the two labels."""
        return self.compared(self._all.logits(ids))

    def logits_from(
        self, embeddings: Float[Tensor, "batch token hidden"], ids: Shaped[Tensor, "#batch token *number"]
    ) -> Float[Tensor, "batch 2"]:
        """Logits of the two labels, from input embeddings."""
        return self.compared(self._all.logits_from(embeddings, ids))

    def compared(self, logits: Float[Tensor, "batch label"]) -> Float[Tensor, "batch 2"]:
        """Logits of the two labels, from those of all."""
        return logits[:, self._pair]

    def logits_of_many(
        self,
        parts: Iterable[Shaped[Tensor, "_batch _token *_number"]],
        watched: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Iterator[Float[Tensor, "_batch 2"]]:
        """Yields the logits of the two labels; work is shared between inputs as the whole subject shares it."""
        for logits in self._all.logits_of_many(parts, watched):
            yield self.compared(logits)

    def plain_call(self, example: Example) -> PlainCall | None:
        """Inputs of the plain call, and its logits of the two labels."""
        plain = self._all.plain_call(example)
        return None if plain is None else replace(plain, logits=plain.logits[list(self._pair)])

    def about(self: Part, example: Example, target: str | None) -> Part:
        """The choice itself, which is one decision."""
        return self

    def about_two(self, example: Example, target: str | None, against: str) -> Any:
        """Returns the subject of another choice between labels of the whole subject."""
        whole: Any = self._all
        return whole.about_two(example, target, against)

    def label(self, index: int) -> str:
        """Name of a label: 0 for the target, 1 for the other."""
        return self._all.label(self._pair[index])

    def label_in(self, example: Example, index: int) -> str:
        """Name of a label in the context of this example."""
        return self._all.label_in(example, self._pair[index])

    def find_label(self, name: str) -> int:
        """Index of one of the two labels by its name."""
        return self._place(self._all.find_label(name), name)

    def find_label_in(self, example: Example, name: str) -> int:
        """Index of one of the two labels by its name in this example."""
        return self._place(self._all.find_label_in(example, name), name)

    def place_in(self, example: Example, index: int) -> tuple[int, int] | None:
        """First character of a label in the input and one past its last."""
        return self._all.place_in(example, self._pair[index])

    def preferred(self, example: Example, logits: Float[Tensor, " 2"]) -> int:
        """Returns 0, the target, whichever the model prefers."""
        return 0

    def rival_in(self, example: Example, target: int) -> str | None:
        """Name of the other label."""
        return self.label_in(example, 1 - target)

    def remarks_on(self, example: Example) -> tuple[str, ...]:
        """Adds what margin and probability are."""
        target, other = (self.label_in(example, index) for index in range(2))
        return (
            *self._all.remarks_on(example),
            f"The question is why “{target}” rather than “{other}”: the margin is the logit of the one minus that of "
            "the other, and the probability is that of the one given that it is one of the two.",
        )

    @property
    def tokens_at_once(self) -> int:
        """Most tokens of one forward pass: those of the whole subject."""
        return self._all.tokens_at_once

    @tokens_at_once.setter
    def tokens_at_once(self, tokens: int) -> None:
        self._all.tokens_at_once = tokens

    @property
    def writer(self) -> "Writer":
        """The whole subject, which writes with all its tokens."""
        return self._all.writer

    def _place(self, index: int, name: str) -> int:
        if index not in self._pair:
            two = " or ".join(repr(self._all.label(each)) for each in self._pair)
            raise InputError(f"the choice is between {two}, and {name!r} is neither")
        return self._pair.index(index)
