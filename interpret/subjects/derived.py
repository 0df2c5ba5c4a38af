"""Subjects made of another one, from which they differ in a part."""

import copy
from typing import Any, TypeVar, cast

from interpret.subjects.task_model import TaskModel

Whole = TypeVar("Whole", bound=TaskModel)


class DerivedPart(TaskModel):
    """The part of a derived subject that differs; it asks the whole one for all else about what it changes.

    Each part keeps the whole one under a name of its own, since a derived subject may be the whole one of another.

    Args:
        whole: The other subject.
    """

    def __init__(self, whole: TaskModel) -> None:
        self.__dict__ = copy.copy(whole.__dict__)  # the same model, already probed


def derived(part: type, whole: Whole, *given: Any) -> Whole:
    """Makes a subject of the same class and model as another one, in which a part goes before that class.

    Args:
        part: The part that differs.
        whole: The other subject.
        given: Further arguments of the part.
    """
    named = {"__module__": type(whole).__module__}
    kind: Any = type(type(whole).__name__, (part, type(whole)), named)
    return cast(Whole, kind(whole, *given))
