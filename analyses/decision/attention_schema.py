"""Types of recorded attention, of rollout and of heads in a document of JSON."""

from typing_extensions import TypedDict

from analyses.attention.encoded_maps import TilesDict
from analyses.export.encoding import WeightsDict
from analyses.export.json_schema import Share


class EntropyDict(TypedDict):
    """Entropy of each head's attention, `[layer][head]`, mean over rows.

    Attributes:
        nats: In nats.
        share: As a share of the logarithm of the number of visible keys; null where there is only one.
    """

    nats: list[list[float | None]]
    share: list[list[float | None]]


class PatternsDict(TypedDict):
    """Mean share of each head's attention on fixed positions, `[layer][head]`.

    Attributes:
        previous: On the position before.
        next: On the position after.
        first: On the first position.
        separator: On special tokens.
    """

    previous: list[list[float | None]]
    next: list[list[float | None]]
    first: list[list[float | None]]
    separator: list[list[float | None]]


class AttentionDict(TypedDict):
    """Recorded attention.

    Attributes:
        weights: All weights, or those of a long text in tiles.
        entropy: How widely each head looks.
        patterns: Where each head looks.
        sink_mass: Share of all attention on the first position and on special tokens.
    """

    weights: WeightsDict | TilesDict
    entropy: EntropyDict
    patterns: PatternsDict
    sink_mass: float


class RolloutDict(TypedDict):
    """Attention rollout of the position that the decision is read from.

    Attributes:
        residual: Share that the skip connection carries.
        layers: `[layer][unit]`: share that came from each unit, after each layer.
    """

    residual: Share
    layers: list[list[float]]


class HeadsDict(TypedDict):
    """Fall of the margin without each head, in logits, `[layer][head]`.

    Attributes:
        zero: With its output set to zero.
        mean: With its output replaced by its mean over positions.
        gradient: First-order estimate of `zero`.
    """

    zero: list[list[float | None]]
    mean: list[list[float | None]]
    gradient: list[list[float | None]]
