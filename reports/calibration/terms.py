"""Terms and glossary of the page of a calibration, for non-specialists."""

from typing import Literal

from reports.study import terms

QUESTION = "How often are the verdicts of this toolkit wrong?"

FEWEST = 60  # fewest models; with fewer the rate could be above 5 % even if no verdict is wrong
BOUNDS_NOTHING = (
    "So few models bound nothing: even if no verdict on them is wrong, many could be on others. Take no rate from this."
)

TRUTHS = {"explains": "explains", "partial": "in part", "does_not": "does not"}

# By name in the tables: wording, and the fill of the bar.
ANSWERS: dict[Literal["supported", "inconclusive", "not_supported"], tuple[str, str]] = {
    "supported": ("supported", "favour"),
    "inconclusive": ("inconclusive", "openzone"),
    "not_supported": ("not supported", "against"),
}

# Sources of replacement words.
SOURCES = {"corpus": "other texts’ words", "vocabulary": "vocabulary’s words"}

# Title, and meaning of the level.
DOSES = {
    "bypass": ("Bypass", "share of the decision that goes round the last layer’s attention"),
    "decoy": ("Decoys", "share of the attention that lies on words without any say"),
    "noise": ("Noise", "noise in the attention scores, as a multiple of what they say"),
    "displaced": ("Displaced", "share of the attention on evidence that stands one word beside it"),
}

P_VALUES = {"p_luck": "luck"}

# Components of the verdict; the other metrics are descriptive.
OF_THE_VERDICT = ("use", "rank", "input_rank", "top", "share")
METRICS = {
    "use": ("Use", "How far the decision moves when weights trade places, beside what other words do."),
    "rank": ("Rank", "Whether positions with larger weights matter more in this layer."),
    "input_rank": ("Input rank", "Whether words with larger weights matter more."),
    "top": ("Top", "How much of what the best order of words gains over random ones the largest weights gain."),
    "share": ("Share", "How much of what the words do goes through this attention."),
    "rank_substituted": ("Rank, erased otherwise", "As rank, with the second way of erasing a position."),
    "rank_tau": ("Rank by Kendall’s tau", "As rank, where small and large effects count the same."),
    "input_tau": ("Input rank by Kendall’s tau", "As input rank, where small and large effects count the same."),
    "rank_shuffled": ("Rank of shuffled values", "What is left of rank when what is read trades places, too."),
    "rank_of_values": (
        "Rank of the values alone",
        "How well the sizes of what is read rank the effects, without weights.",
    ),
    "opposed": ("Opposed", "Share of the attention on words that speak against the decision."),
    "uniform": ("Uniform", "How far the decision moves when every word gets the same weight."),
    "position_rank": ("Place", "How well the place in the text ranks the words, later ones first."),
    "rarity_rank": ("Rarity", "How well rarity ranks the words, rare ones first."),
    "sink": ("Sink", "Share of the attention that lies on no word at all."),
}

LIMITS = (
    "The models are small: up to four layers and eight heads, of which one or a few layers decide, and the words of "
    "their texts are drawn independently of one another, as in no language. Trained models can differ, and nothing "
    "shows that the rates carry over to them.",
    "The method was developed on the families F. Models, words and texts are fresh here, but the kinds of models are "
    "not, so these rates may be flattering.",
    "The families X are drawn every second round. No threshold was chosen by a rate of error: all were declared for "
    "what they say. But the parts of the rule were chosen while looking at models of both kinds, on other seeds.",
    "A rate is a mean over families, each drawn equally often. How often such models occur among those that people "
    "use is not known, so a rate is not the probability that one verdict at hand is wrong.",
    "What is true of a model is computed from its closed form, by the same definitions as the verdict’s and with many "
    "more draws. Where the truth is in between (partly), “supported” is wrong, and “not supported” isn’t.",
    "Verdicts over more texts are on the same models as those over fewer, and single decisions too: one text of each.",
)

GLOSSARY = {
    **terms.GLOSSARY,
    "planted": (
        "planted model",
        "A transformer that was not trained. Its weights are set by hand so that it is known how it decides, and so "
        "whether its attention shows what the decision depends on.",
    ),
    "exact bounds": (
        "95% bounds",
        "How far the rate could be off because these models, and not others of the same kinds, were drawn. The true "
        "rate lies outside in at most 5 of 100 calibrations (Clopper and Pearson). With no wrong verdict among n, the "
        "upper bound is about 3.7/n.",
    ),
    "wrong": (
        "wrong",
        "“Supported” where attention explains only partly or not at all, or “not supported” where it does. "
        "“Inconclusive” is no answer, and so not a wrong one.",
    ),
    "auc": (
        "area under the curve",
        "Take a model whose attention explains and one whose attention does not, at random: how often the first has "
        "the larger number. 1: always. 0.5: the number tells nothing. 0: never, so it tells them apart, too.",
    ),
    "ks": (
        "Kolmogorov-Smirnov",
        "Compares how the p-values are spread with an even spread. The gap is the largest difference between the two; "
        "p is how often chance makes a gap as large.",
    ),
}
