"""Wording of a verdict's claim, object and limits, shared by summaries, reports and the command line."""

CLAIM = (
    "these weights rank the input words by their causal effect on the logit margin, and do so because the effect "
    "passes through this attention"
)

OBJECT = "the last layer's attention row of the decision's position, mean over heads, special tokens left out"

_ALWAYS = (
    "It says which words weigh how much, not for what reason.",
    "Words are changed one at a time or the first few together: what words do only jointly is not seen.",
    "Edited weights and texts with replaced words are unlike what the model was trained on.",
    "Attention in the last layer is paid to states that know other words too; the input rank says how far that goes.",
    "Sharp attention of an untrained network explains that network's meaningless output: the claim is about causes, "
    "not about sense.",
    "Nothing here says that people would find the explanation plausible.",
)
LIMITS_OF_A_STUDY = (
    "One model, one data set, one score (the margin of the label the model prefers), one way to add up heads.",
    *_ALWAYS,
)
LIMITS_OF_A_TEXT = (
    "One text can't show how the model decides in general.",
    *_ALWAYS,
)
