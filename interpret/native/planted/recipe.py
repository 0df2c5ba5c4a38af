"""Recipe of a planted model: all numbers that its weights are built from."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
UNKNOWN, START, END = 1, 2, 3
POSITIONS = 68
EPS = 1e-5  # of every layer norm
LARGEST_COORDINATE = 0.9  # largest value that a token's vector holds in one coordinate

Lower = Literal["idle", "pool", "move", "gather"]


@dataclass(frozen=True)
class Taken:
    """What the last layer reads of a position where "move" is the first layer's task, as factors.

    Attributes:
        own_score: Factor of the score of the position's own word.
        moved_score: Factor of the score of the word before.
        own_value: Factor of the value of the position's own word.
        moved_value: Factor of the value of the word before.
    """

    own_score: float = 0.0
    moved_score: float = 1.0
    own_value: float = 0.0
    moved_value: float = 1.0


@dataclass(frozen=True, eq=False)
class PlantedRecipe:
    """Evidence, scores and values of words, and the layers that use them.

    Heads of the same kind are copies: they have the same scores and values, and share the kind's weight.

    Attributes:
        words: The tokens by id, special ones first.
        frequency: Probability of each in a text; 0 for special ones.
        evidence: Evidence of each word for the second label; 0 for neutral words and decoys.
        is_decoy: 1 for words that only draw attention, else 0.
        scores: Attention score of each token in the last layer, before the softmax.
        values: Value of each token in the last layer.
        pooled: Value of each token in the first layer.
        special_scores: Scores of [CLS] and [SEP] in the last layer.
        position_scores: Added to the scores by position, or `None`.
        head_kinds: The kind of each head.
        kind_weights: Factor of each kind's output.
        into_null: True if the last layer writes to a coordinate that the readout doesn't read.
        lower: Task of the first layer. "idle": nothing; "pool": [CLS] pools `pooled`; "move": each position takes the
            score and value of the previous one; "gather": the collector word gathers `pooled`.
        collector: Id of the collector word, or `None`.
        pool_weight: Output of the first layer per unit of pooled evidence.
        taken: What the last layer reads in "move".
        gain: Logit difference per unit of written output, before the last layer norm.
        bias: Bias of the logit difference.
        layers: Number of blocks.
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
    taken: Taken
    gain: float
    bias: float
    layers: int

    @property
    def head_weights(self) -> tuple[float, ...]:
        """Factor of each head's output: its share of its kind's weight."""
        return tuple(self.kind_weights[kind] / self.head_kinds.count(kind) for kind in self.head_kinds)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of the coordinates of a token's vector; each takes two dimensions, +v and -v, so that the mean is 0."""
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
        """Pairs in a token's vector: enough for the coordinates, with an even head dimension of at least 4."""
        heads = len(self.head_kinds)
        dim = max(4, -(-2 * len(self.coordinates) // heads))
        return heads * (dim + dim % 2) // 2

    def unit(self, name: str) -> float:
        """Amount of a quantity that is stored as 1, so that no token stores more than `LARGEST_COORDINATE`."""
        kind = int(name[5:]) if name[5:].isdigit() else 0
        column = {"score": self.scores[:, kind], "value": self.values[:, kind], "poole": self.pooled}[name[:5]]
        largest = float(np.abs(column).max())
        if name == "score0" and self.position_scores is not None:
            largest = max(largest, float(np.abs(self.position_scores).max()))
        return largest / LARGEST_COORDINATE or 1.0

    def ids(self, texts: list[list[str]]) -> Int[np.ndarray, "example token"]:
        """Encodes texts as token ids with [CLS] and [SEP], padded with -1."""
        numbers = {word: number for number, word in enumerate(self.words)}
        rows = [[START, *(numbers.get(word, UNKNOWN) for word in text), END] for text in texts]
        padded = np.full((len(rows), max(map(len, rows), default=0)), -1)
        for row, ids in enumerate(rows):
            padded[row, : len(ids)] = ids
        return padded
