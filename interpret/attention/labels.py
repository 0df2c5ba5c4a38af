"""Names of the layers and tokens that attention was recorded on."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Labels:
    """Names that travel from a recording to the results computed from it.

    Attributes:
        layers: Name of each attention call, such as "layer 1".
        tokens: Text of each token of the input.
    """

    layers: tuple[str, ...]
    tokens: tuple[str, ...]
