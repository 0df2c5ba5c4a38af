"""What is told of a text's attention as a whole, read in one go."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from analyses.attention.entropy import Entropy, EntropyReader
from analyses.attention.patterns import Patterns, PatternsReader
from analyses.attention.received import Received, ReceivedReader
from analyses.attention.rollout_readers import rollout_reader
from analyses.attention.streaming import Reader, read_maps
from analyses.explanations.rollout import Rollout
from interpret.attention.maps import Maps, maps_of
from interpret.attention.recording import Recording


@dataclass(frozen=True, eq=False)
class AttentionStatistics:
    """Sums over the attention of a text.

    Attributes:
        rollout: Of the readouts.
        entropy: Of every row.
        patterns: How much goes to fixed places.
        received: What each position receives.
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
    """Rollout, entropy, patterns and column sums of one text, each weight computed once for all of them.

    The numbers are those of `attention_rollout`, `attention_entropy`, `attention_patterns` and `attention_received`,
    which say where they come from.

    Args:
        attention: A recording of one text, or its maps.
        readouts: Weighted means of positions that rollout follows.
        separators: Positions of special tokens.
        residual: Share that the skip connection carries in rollout.
        also: Readers of the same maps that are shown every block, too.
        example: Which of the inputs of a recording, from 0; of one input it needn't be said.

    Raises:
        CaptureError: The calls of a recording are no chain of layers.
        ValueError: A readout, a separator or the residual can't be, or attention isn't made of shares.
    """
    maps = maps_of(attention, example=example).as_chain()
    rollout = rollout_reader(maps, readouts=readouts, residual=residual)
    entropy, patterns, received = EntropyReader(maps), PatternsReader(maps, separators), ReceivedReader(maps)
    read_maps(maps, [rollout, entropy, patterns, received, *also])
    return AttentionStatistics(rollout.result(), entropy.result(), patterns.result(), received.result())
