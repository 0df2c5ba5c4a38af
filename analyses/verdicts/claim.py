"""Wording of a verdict's claim, object and limits, shared by summaries, reports and the command line.

The sentences have places for nouns, which `Nouns.say` fills in.
"""

CLAIM = (
    "these weights rank the input {many} by their causal effect on the logit margin, and do so because the effect "
    "passes through this attention"
)

OBJECT = "the last layer's attention row of the decision's position, mean over heads, special tokens left out"

_ALWAYS = (
    "It says which {many} weigh how much, not for what reason.",
    "What {many} do jointly is divided among them evenly, as Shapley values do: which of them need each other is not "
    "told.",
    "Edited weights and {wholes} with replaced {many} are unlike what the model was trained on.",
    "Attention in the last layer is paid to states that know other {many} too; the input rank says how far that goes.",
    "Sharp attention of an untrained network explains that network's meaningless output: the claim is about causes, "
    "not about sense.",
    "Nothing here says that people would find the explanation plausible.",
)
LIMITS_OF_A_STUDY = (
    "One model, one data set, one score (the margin of the label the model prefers), one way to add up heads.",
    *_ALWAYS,
)
LIMITS_OF_A_TEXT = (
    "One {whole} can't show how the model decides in general.",
    *_ALWAYS,
)
