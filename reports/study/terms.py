"""Terms and glossary of the page of a study, for non-specialists."""

from reports.analysis import wording

QUESTION = "Do this model’s attention weights show which words its decisions depend on?"

QUESTION_OF_METHODS = "Do the scores of “{}” show which words this model’s decisions depend on?"

ANSWERS = {
    "supported": "Yes, on texts like these and as far as this test goes: words with larger weights move the decision "
    "more, and they do so through this attention.",
    "not supported": "No. On texts like these, do not read these weights as the reasons for the decisions.",
    "inconclusive": "Not settled. These texts neither show that the weights can be read as reasons nor that they "
    "cannot. Until that is settled, do not read them so.",
}

ANSWERS_OF_METHODS = {
    "supported": "Yes, on texts like these and as far as this test goes: words with larger scores move the decision "
    "more.",
    "not supported": "No. On texts like these, do not read these scores as the reasons for the decisions.",
    "inconclusive": "Not settled. These texts neither show that the scores can be read as reasons nor that they "
    "cannot. Until that is settled, do not read them so.",
}

BASELINES = {
    "position": (
        "place in the text",
        {1: "later words first", -1: "earlier words first"},
    ),
    "rarity": (
        "rarity",
        {1: "rare words first", -1: "frequent words first"},
    ),
}

GLOSSARY = {
    **wording.GLOSSARY,
    "reach": (
        "reach",
        "How far the logit margin of a text lies from that of texts with other words, on average. What trading the "
        "weights does is told as a part of it: 0.1 is little beside what the words do; 1 is as much.",
    ),
    "agreement": (
        "rank agreement",
        "How well one order of the words matches the order of their effects. Words with large effects count for more "
        "(the Gini correlation). Asked both ways, whether large weights find the effects and whether weights lie on "
        "words with effects; the lesser counts. 1: the same order. 0: no relation. −1: the reverse.",
    ),
    "bounds": (
        "95% bounds",
        "How far the mean could be off because these texts, and not others like them, were drawn. The true mean is "
        "below the lower bound in about 5 of 100 studies, and above the upper one in about 5 of 100.",
    ),
    "replacing": (
        "replacing and erasing",
        "To see what a word does, all words of a text are replaced by words from other texts, one after another in "
        "random orders, and the model runs again at each step: so every word is replaced in the company of all others, "
        "of some, and of none. To see what a position of the layer does, its weight is set to zero and the others are "
        "scaled up.",
    ),
    "half": (
        "two halves",
        "The best of many heads looks better than it is on the texts that made it the best. So heads are found on one "
        "half of the texts, drawn at random, and tested again on the other half. In either test, p-values are adjusted "
        "for the number of heads (Benjamini and Hochberg).",
    ),
}
