"""Statistics of a text's attention maps, computed in one reading."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from analyses.attention.entropy import Entropy, EntropyReader
from analyses.attention.patterns import Patterns, PatternsReader
from analyses.attention.received import Received, ReceivedReader
from analyses.attention.rollout_readers import rollout_reader
from analyses.attention.streaming import Reader, read_maps
from analyses.explanations.attention_only.rollout import Rollout
from interpret.attention.maps import Maps, maps_of
from interpret.attention.recording import Recording


@dataclass(frozen=True, eq=False)
class AttentionStatistics:
    """Statistics of a text's attention maps.

    Attributes:
        rollout: Attention rollout of the readouts.
        entropy: Entropy of every row.
        patterns: Share of each head's attention on fixed positions.
        received: Attention that each position receives.
    """

    rollout: Rollout = field(repr=False)
    entropy: Entropy = field(repr=False)
    patterns: Patterns = field(repr=False)
    received: Received = field(repr=False)


def attention_statistics(
    attention: Recording | Maps,
    *,
    readouts: Float[Tensor, "readout token"],
    separators: Sequence[int],
    residual: float = 0.5,
    also: Sequence[Reader] = (),
    example: int | None = None,
) -> AttentionStatistics:
    """Computes rollout, entropy, patterns and column sums of one text, reading each weight once.

    The results equal those of `attention_rollout`, `attention_entropy`, `attention_patterns` and `attention_received`,
    which give their sources.

    Args:
        attention: A recording of one text, or its maps.
        readouts: Weighted means of positions that rollout follows.
        separators: Positions of special tokens.
        residual: Share that the skip connection carries in rollout.
        also: Further readers that are passed every block.
        example: Index of the input in a recording of several, from 0; not needed for a single one.

    Raises:
        CaptureError: The calls of a recording don't form a chain of layers.
        ValueError: A readout, a separator or the residual is invalid, or attention isn't made of shares.
    """
    maps = maps_of(attention, example=example).as_chain()
    rollout = rollout_reader(maps, readouts=readouts, residual=residual)
    entropy, patterns, received = EntropyReader(maps), PatternsReader(maps, separators), ReceivedReader(maps)
    read_maps(maps, [rollout, entropy, patterns, received, *also])
    return AttentionStatistics(rollout.result(), entropy.result(), patterns.result(), received.result())
