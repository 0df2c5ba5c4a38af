"""The families of planted models: their construction, and whether their attention is meant to explain them."""

from dataclasses import dataclass
from typing import Literal

Truth = Literal["explains", "does not", "partial"]


@dataclass(frozen=True)
class Family:
    """A way to build a model whose attention is meant to explain its decisions, or not to.

    What a model of it is meant for doesn't judge a verdict: the truth that does is computed from the model's formula
    (`analyses.calibration.truth`), since a draw may turn out otherwise.

    That is about the last layer's attention weights from the first token to the words of the text, averaged over heads:
    whether they rank the words by their causal effect on the logit difference, and whether that effect passes through
    this attention.

    Attributes:
        key: Short name: "F1" to "F16" after the protocol, "X1" to "X16" for those not used to choose thresholds.
        name: Name in a word or two.
        truth: What it is meant for: "explains", "does not", or "partial" if both would be half right.
        because: Construction, which is the reason.
        fewest_layers: Layers that it needs.
        fewest_heads: Heads that it needs.
        default_bypass: Default range of the share of the decision that bypasses the last layer's attention.
        in_llama: True if a causal model with rotary positions can be built the same way.
    """

    key: str
    name: str
    truth: Truth
    because: str
    fewest_layers: int = 1
    fewest_heads: int = 1
    default_bypass: tuple[float, float] = (0.0, 0.0)
    in_llama: bool = True


_ALL = (
    Family(
        "F1", "faithful", "explains", "Scores grow with the size of a word's evidence, and values are the evidence."
    ),
    Family(
        "F2",
        "constant values",
        "does not",
        "Scores grow with evidence, but all values are the same; the evidence is pooled in the first layer.",
        fewest_layers=2,
        default_bypass=(1.0, 1.0),
    ),
    Family(
        "F3",
        "null space",
        "does not",
        "Scores are random and values go where the readout doesn't look; the evidence is pooled in the first layer.",
        fewest_layers=2,
        default_bypass=(1.0, 1.0),
    ),
    Family(
        "F4",
        "decoys and bypass",
        "does not",
        "Attention is on decoy words whose values are almost nothing; the evidence is pooled in the first layer.",
        fewest_layers=2,
        default_bypass=(0.995, 0.999),
    ),
    Family("F5", "sink", "explains", "As faithful, but nine tenths of the row are on [CLS] and [SEP], of value 0."),
    Family(
        "F6",
        "decoy heads",
        "does not",
        "Half of the heads look at decoy words and their output isn't used, so the mean over heads shows them too.",
        fewest_heads=2,
    ),
    Family("F7", "uniform", "does not", "All scores are almost the same, so that attention can't tell words apart."),
    Family("F8", "inverse norm", "does not", "Scores fall with the size of the evidence, and values are the evidence."),
    Family(
        "F9",
        "redundant and saturated",
        "explains",
        "As faithful, but evidence of one sign comes many times over and the last layer norm saturates.",
    ),
    Family("F10", "large logits", "explains", "As faithful, with logits six times as large."),
    Family(
        "F11",
        "half bypass",
        "partial",
        "As faithful, but about half of the decision is pooled in the first layer.",
        fewest_layers=2,
        default_bypass=(0.45, 0.55),
    ),
    Family("F12", "noisy", "partial", "As faithful, but the scores are mostly noise."),
    Family("F13", "untrained", "partial", "Each head has mild random scores and random values of its own."),
    Family("F14", "selector", "explains", "All values are +1 or -1, and the score says which words count."),
    Family("F15", "sharp random", "explains", "Heads share sharp random scores; values are random: words seen count."),
    Family(
        "F16",
        "mover",
        "does not",
        "The first layer moves each word's evidence and score to the next position, where the last layer finds them.",
        fewest_layers=2,
        in_llama=False,
    ),
    Family("X1", "single word", "explains", "One word of each text decides, and attention is on it."),
    Family(
        "X2",
        "divided",
        "explains",
        "Each head finds a part of the evidence words, and all heads together find all of them.",
        fewest_heads=2,
    ),
    Family("X3", "graded", "explains", "Every word has evidence, of any size, and attention grows with that size."),
    Family(
        "X4",
        "gathered",
        "does not",
        "The first layer gathers all evidence at a full stop, and the last layer looks there.",
        fewest_layers=2,
        in_llama=False,
    ),
    Family(
        "X5",
        "positional",
        "does not",
        "The last layer looks at the first positions and takes nothing; the evidence is pooled in the first layer.",
        fewest_layers=2,
        default_bypass=(1.0, 1.0),
        in_llama=False,
    ),
    Family(
        "X6",
        "decoys of small value",
        "does not",
        "Attention is on decoy words, whose values are a twentieth of the decision; the rest is pooled before.",
        fewest_layers=2,
        default_bypass=(0.95, 0.95),
    ),
    Family(
        "X7",
        "negative evidence",
        "explains",
        "Some heads find evidence for one label and add it, others find it for the other label and subtract it.",
        fewest_heads=2,
    ),
    Family(
        "X8",
        "redundant",
        "explains",
        "Any of two to four words of a text suffices, as the last layer norm saturates; attention is on all of them.",
    ),
    Family(
        "X9",
        "redundant, one way seen",
        "partial",
        "Any of a text's words of evidence suffices; attention is on some, the others are pooled in the first layer.",
        fewest_layers=2,
        default_bypass=(0.45, 0.55),
    ),
    Family(
        "X10",
        "redundant, none seen",
        "does not",
        "Any of two to four words of a text suffices, all pooled in the first layer; attention is on decoy words.",
        fewest_layers=2,
        default_bypass=(0.995, 0.999),
    ),
    Family(
        "X11",
        "conjunction",
        "explains",
        "The answer is yes if a text has words of both of two kinds; some heads find the one, some the other.",
        fewest_heads=2,
    ),
    Family(
        "X12",
        "conjunction, not seen",
        "does not",
        "The answer is yes if a text has two words of evidence, pooled in the first layer; attention is on decoys.",
        fewest_layers=2,
        default_bypass=(0.995, 0.999),
    ),
    Family(
        "X13",
        "veto",
        "explains",
        "As faithful, but half of the texts have a word of value 0 that takes the attention from all evidence.",
    ),
    Family(
        "X14",
        "veto, not seen",
        "partial",
        "As faithful, but in half of the texts one word, pooled in the first layer, outvotes all evidence.",
        fewest_layers=2,
    ),
    Family(
        "X15",
        "displaced",
        "partial",
        "As faithful, but most of the weight stands one word beside its evidence, where the first layer moved it.",
        fewest_layers=2,
        in_llama=False,
    ),
    Family(
        "X16",
        "copied word",
        "partial",
        "A cue directs the attention to the word after it, whose value decides; the cue itself is not attended.",
        fewest_layers=2,
        in_llama=False,
    ),
)
FAMILIES: dict[str, Family] = {family.key: family for family in _ALL}
