"""Names of classes: what a config calls them, and which one a user means."""

from typing import Any

from interpret.errors import InputError


def labels_of(name: str, config: Any) -> list[str]:
    """Names of the classes, in the order of the logits.

    Args:
        name: What the user called the model.
        config: Of transformers.

    Raises:
        InputError: The model gives numbers, and has no labels.
    """
    if config.problem_type == "regression" or (config.num_labels < 2 and not is_multi_label(config)):
        kind = "is made for regression" if config.problem_type == "regression" else "gives one number"
        raise InputError(f"{name} {kind}, and only classifiers are supported yet: a number is no decision")
    names = config.id2label or {}
    return [str(names.get(index, f"LABEL_{index}")) for index in range(config.num_labels)]


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
