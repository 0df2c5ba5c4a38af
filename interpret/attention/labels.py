"""Names for the layers and positions of recorded attention."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Labels:
    """Names of layers and text of positions, with which results label their numbers.

    Attributes:
        layers: Name of each attention call, such as "layer 3".
        tokens: Text of each position.
    """

    layers: tuple[str, ...]
    tokens: tuple[str, ...]
