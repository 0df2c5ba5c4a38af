"""Names of classes: what a config calls them, and which one a user means."""

from collections.abc import Sequence
from typing import Any

from interpret.errors import InputError

SCORE = "score"  # what a model's one number is called, where nobody gives it a name
_UNNAMED = "LABEL_0"  # what transformers calls it then


def labels_of(name: str, config: Any) -> list[str]:
    """Names of the classes, in the order of the logits.

    Args:
        name: What the user called the model.
        config: Of transformers.

    Raises:
        InputError: The model gives several numbers, and has no labels.
    """
    if config.problem_type == "regression" and config.num_labels > 1:
        raise InputError(
            f"{name} is made for regression and gives {config.num_labels} numbers, which are no labels to choose from; "
            "a model that gives one number, or a classifier, can be explained"
        )
    if config.num_labels < 1:
        raise InputError(f"{name} has no labels (num_labels is {config.num_labels}), so it decides nothing")
    known = config.id2label or {}
    names = [str(known.get(index, f"LABEL_{index}")) for index in range(config.num_labels)]
    return [SCORE] if names == [_UNNAMED] and not is_multi_label(config) else names


def named_labels(name: str, config: Any, given: Sequence[str] | None) -> list[str]:
    """Names of the classes: those that the user gives, or those of the config.

    Raises:
        InputError: As `labels_of`; or others were given than one for each class.
    """
    labels = labels_of(name, config)
    return labels if given is None else require_names(name, len(labels), given)


def require_names(name: str, count: int, given: Sequence[str]) -> list[str]:
    """The names that a user gives for so many classes.

    Raises:
        InputError: They are more or fewer, or no names.
    """
    if isinstance(given, str) or len(given) != count or not all(isinstance(each, str) for each in given):
        raise InputError(f"{name} scores {count} labels, so labels= must be {count} names, not {given!r}")
    return list(given)


def is_multi_label(config: Any) -> bool:
    """Whether the labels of a model of transformers don't exclude each other."""
    return bool(config.problem_type == "multi_label_classification")


class NamedLabels:
    """What subjects share whose labels are classes with names.

    Attributes:
        name: What the user called the model.
        labels: Names of the classes, in the order of the logits.
    """

    name: str
    labels: tuple[str, ...]

    def label(self, index: int) -> str:
        """Name of a class."""
        return self.labels[index]

    def find_label(self, name: str) -> int:
        """Index of a class by its name, whatever the case of its letters, or by its number.

        Raises:
            InputError: There is no such class; lists those there are.
        """
        folded, plain = [label.casefold() for label in self.labels], name.strip()
        if name in self.labels:
            return self.labels.index(name)
        if plain.casefold() in folded:
            return folded.index(plain.casefold())
        if plain.isdecimal() and int(plain) < len(self.labels):
            return int(plain)
        more = len(self.labels) - 10
        raise InputError(
            f"{self.name} has no label {name!r}; its labels are {', '.join(self.labels[:10])}"
            f"{f' and {more} more' if more > 0 else ''}, or their numbers 0 to {len(self.labels) - 1}"
        )
