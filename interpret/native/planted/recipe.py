"""All numbers that a planted model is made of, before they become weights."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
UNKNOWN, START, END = 1, 2, 3
POSITIONS = 68
EPS = 1e-5  # of every layer norm
LARGEST = 0.9  # of what a token's vector holds in one coordinate

Lower = Literal["idle", "pool", "move", "gather"]


@dataclass(frozen=True, eq=False)
class PlantedRecipe:
    """What words mean to the model, and what it does with that.

    Heads of the same kind are twins: they have the same scores and values, and share the kind's weight.

    Attributes:
        words: The tokens by id, special ones first.
        frequency: Probability of each in a text; 0 for special ones.
        evidence: What each word truly says for the second label; 0 for neutral words and decoys.
        is_decoy: Whether it is there to draw attention only.
        scores: Score of each token, which the last layer's softmax is taken of.
        values: What each token hands over in the last layer.
        pooled: What each token hands over in the first layer.
        special_scores: Score of [CLS] and [SEP] in the last layer.
        position_scores: Added to the scores by position, or `None`.
        head_kinds: The kind of each head.
        kind_weights: What a kind's output is multiplied with where it is written.
        into_null: Whether the last layer writes where the readout doesn't look.
        lower: What the first layer does: nothing; [CLS] pools `pooled`; each position takes the scores and values
            of the one before; the collector word gathers `pooled`.
        collector: Id of the collector word, or `None`.
        pool_weight: What is written for a unit of pooled evidence.
        gain: Logit difference for a unit of what was written, before the last layer norm.
        bias: Added to it.
        layers: Blocks.
    """

    words: tuple[str, ...]
    frequency: Float[np.ndarray, " id"]
    evidence: Float[np.ndarray, " id"]
    is_decoy: Float[np.ndarray, " id"]
    scores: Float[np.ndarray, "id kind"]
    values: Float[np.ndarray, "id kind"]
    pooled: Float[np.ndarray, " id"]
    special_scores: Float[np.ndarray, "2 kind"]
    position_scores: Float[np.ndarray, " position"] | None
    head_kinds: tuple[int, ...]
    kind_weights: tuple[float, ...]
    into_null: bool
    lower: Lower
    collector: int | None
    pool_weight: float
    gain: float
    bias: float
    layers: int

    @property
    def head_weights(self) -> tuple[float, ...]:
        """What each head's output is multiplied with: its share of its kind's weight."""
        return tuple(self.kind_weights[kind] / self.head_kinds.count(kind) for kind in self.head_kinds)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of what a token's vector holds; each takes a pair of numbers, +v and -v, so that the mean is 0."""
        kinds = range(self.scores.shape[1])
        names = ["start", "end", "word", "slack", "written", "null"]
        names += [f"score{kind}" for kind in kinds] + [f"value{kind}" for kind in kinds]
        names += ["pooled"] if self.lower in ("pool", "gather") else []
        names += ["collector", "gathered"] if self.lower == "gather" else []
        names += ["moved_score", "moved_value", "cos1", "sin1", "cos8", "sin8"] if self.lower == "move" else []
        names += ["position_slack"] if self.position_scores is not None else []
        return tuple(names)

    @property
    def pairs(self) -> int:
        """Pairs in a token's vector: enough for the coordinates, in heads of an even number of at least 4."""
        heads = len(self.head_kinds)
        dim = max(4, -(-2 * len(self.coordinates) // heads))
        return heads * (dim + dim % 2) // 2

    def unit(self, name: str) -> float:
        """How much of a quantity is stored as 1, so that no token stores more than `LARGEST`."""
        kind = int(name[5:]) if name[5:].isdigit() else 0
        column = {"score": self.scores[:, kind], "value": self.values[:, kind], "poole": self.pooled}[name[:5]]
        largest = float(np.abs(column).max())
        if name == "score0" and self.position_scores is not None:
            largest = max(largest, float(np.abs(self.position_scores).max()))
        return largest / LARGEST or 1.0

    def ids(self, texts: list[list[str]]) -> Int[np.ndarray, "example token"]:
        """Token ids with [CLS] and [SEP] around, padded with -1."""
        numbers = {word: number for number, word in enumerate(self.words)}
        rows = [[START, *(numbers.get(word, UNKNOWN) for word in text), END] for text in texts]
        padded = np.full((len(rows), max(map(len, rows), default=0)), -1)
        for row, ids in enumerate(rows):
            padded[row, : len(ids)] = ids
        return padded
