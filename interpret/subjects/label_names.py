"""Names of a model's outputs: of classes, looked up by name or number, or of the single score that it gives."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interpret.errors import InputError
from interpret.subjects.inputs.example import Example

SCORE = "score"  # default name of the single output of a regression
_UNNAMED = "LABEL_0"  # transformers' default name for it
_NOTE = (
    "The model gives one score, which is what is explained: the margin is the score itself, as the model gives it. It "
    "is no probability; what stands as one is the logistic function of the score."
)


def labels_of(name: str, config: Any) -> list[str]:
    """Names of the classes, in the order of the logits.

    Args:
        name: The user's name for the model.
        config: Config of transformers.

    Raises:
        InputError: The model is a regression with several outputs, or has no labels.
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
    """Names of the classes: the user's, or by default those of the config.

    Raises:
        InputError: As in `labels_of`; or `given` isn't one name for each class.
    """
    labels = labels_of(name, config)
    return labels if given is None else require_names(name, len(labels), given)


def require_names(name: str, count: int, given: Sequence[str]) -> list[str]:
    """Returns the user's names, after checking that there is one for each class.

    Raises:
        InputError: There are more or fewer, or they aren't strings.
    """
    if isinstance(given, str) or len(given) != count or not all(isinstance(each, str) for each in given):
        raise InputError(f"{name} scores {count} labels, so labels= must be {count} names, not {given!r}")
    return list(given)


def is_multi_label(config: Any) -> bool:
    """Returns whether a transformers model is a multi-label classifier."""
    return bool(config.problem_type == "multi_label_classification")


class NamedLabels:
    """Mixin for subjects whose labels are named classes.

    Attributes:
        name: The user's name for the model.
        labels: Names of the classes, in the order of the logits.
    """

    name: str
    labels: tuple[str, ...]

    def label(self, index: int) -> str:
        """Name of a class."""
        return self.labels[index]

    def find_label(self, name: str) -> int:
        """Index of a class by its name, ignoring case, or by its number.

        Raises:
            InputError: There is no such class; the message lists the classes.
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


class OneScore(NamedLabels):
    """Mixin for subjects whose model gives one number for each input, such as rerankers and regressions.

    The score is compared with 0, so its margin is the score itself, whatever its sign; it is the only label.
    """

    def label(self, index: int) -> str:
        """Name of the score, the only label."""
        return self.labels[0]

    def find_other_in(self, example: Example, name: str) -> int:
        """Raises `InputError`, because a single score has no rival."""
        raise InputError(
            f"{self.name} gives one score, so there is no other label to hold it against; leave out --against "
            "(against= in Python)"
        )

    def preferred(self, example: Example, logits: Float[Tensor, " label"]) -> int:
        """Returns 0, the score, whatever its sign."""
        return 0

    def alternatives(self, example: Example, probabilities: Float[Tensor, " label"]) -> tuple[tuple[str, float], ...]:
        """Returns the score alone."""
        return ((self.labels[0], float(probabilities[0])),)

    def remarks_on(self, example: Example) -> tuple[str, ...]:
        """Adds the remark that a score is explained, not a choice between labels."""
        return (*super().remarks_on(example), _NOTE)  # type: ignore[misc]  # of the subject that this is mixed into

    def decision_logits(self, output: Any, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch 2"]:
        """Returns the score, and the 0 that it is compared with."""
        score = output.logits[:, :1]
        return torch.cat([score, torch.zeros_like(score)], dim=1)
