"""Names of a subject's layers and an example's tokens, for results that no recording gave them."""

from interpret.attention.labels import Labels
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


def labels_of(subject: Subject, example: Example, layers: int) -> Labels:
    """Returns the names of all layers and tokens.

    Args:
        subject: The model.
        example: The input.
        layers: Number of attention calls.
    """
    return Labels(tuple(map(subject.layer_name, range(layers))), example.tokens)
