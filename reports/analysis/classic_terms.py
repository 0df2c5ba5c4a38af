"""Descriptions of the published tests for non-specialists: each one's question, and why it isn't decisive."""

from dataclasses import dataclass

from interpret.subjects.nouns import WORDS, Nouns

TITLE = "What the classic tests say"

LEAD = (
    "These are the tests that researchers have argued with since 2019. None of them is part of the verdict: each can "
    "come out either way whether or not attention explains the decision. They are here for comparison with papers."
)

JAIN = "Jain and Wallace, 2019"
SERRANO = "Serrano and Smith, 2019"
LARGEST_DIVERGENCE = 0.693  # ln 2


@dataclass(frozen=True)
class Published:
    """One published test.

    Attributes:
        title: Title on the page.
        paper: Authors and year.
        asks: The question it asks.
        why: Reason why its answer doesn't decide whether attention explains the decision.
    """

    title: str
    paper: str
    asks: str
    why: str

    def of(self, nouns: Nouns) -> "Published":
        """Fills in the nouns for what is ranked."""
        return Published(**{name: nouns.say(text) for name, text in vars(self).items()})


_TESTS = {
    "gradient": Published(
        "Agreement with gradients",
        JAIN,
        "Does attention rank the {many} as gradients do?",
        "Gradients are not the truth either: ways to rank {many} often disagree with each other as much, so a low "
        "agreement is no evidence against attention.",
    ),
    "leave_one_out": Published(
        "Agreement with leaving {many} out",
        JAIN,
        "Does attention rank the {many} by what leaving each one out does?",
        "Both can agree although attention plays no part: it may rest on the {many} that decide while these act on "
        "the decision another way.",
    ),
    "yardsticks": Published(
        "The two yardsticks",
        JAIN,
        "Do gradients and leaving {many} out agree with each other?",
        "It says nothing about attention; but where they disagree, attention can’t agree with both.",
    ),
    "permutation": Published(
        "Permuted weights",
        JAIN,
        "Does the answer change when the {many}’ weights trade places at random?",
        "Nothing changes where all weights are alike, much changes where attention matters but ranks the {many} "
        "wrongly, and a probability near 0% or 100% hardly moves in any case.",
    ),
    "adversary": Published(
        "Adversarial attention",
        JAIN,
        "Is there quite different attention that gives the same answer?",
        "There is for almost every decision, also for those that attention explains: many weights and one answer leave "
        "room for it.",
    ),
    "uniform": Published(
        "Equal weights",
        "Wiegreffe and Pinter, 2019",
        "Would equal weights on all {many} do?",
        "Equal weights can give the same answer although the model uses its own, and another one although its own rank "
        "the {many} wrongly; besides, the paper trains models with equal weights, and here one layer is edited.",
    ),
    "single": Published(
        "The largest weight alone",
        SERRANO,
        "Does the decision change without the largest weight, and without a random other one?",
        "Where several positions say the same, the others stand in for the one that is gone, so that each looks as if "
        "it did nothing.",
    ),
    "removed": Published(
        "Weights until the decision changes",
        SERRANO,
        "How many weights must go, in several orders, until the decision changes?",
        "The orders are of this layer’s positions, which already know of the {many} around them; which input {many} "
        "matter is another question.",
    ),
    "sign": Published(
        "{Many} that speak against",
        "Liu et al., 2022",
        "Does the {one} ranked first speak against the decision?",
        "A weight has no sign: a {one} that speaks against the decision can matter to it as much, and one {one} says "
        "nothing about the rest of the order.",
    ),
    "effective": Published(
        "Effective attention",
        "Brunner et al., 2020",
        "Could other weights have made the heads write the same?",
        "It is about what the layer writes and not about the decision, for which other weights that do as well nearly "
        "always exist.",
    ),
}


def published_tests(nouns: Nouns) -> dict[str, Published]:
    """Returns the descriptions, about words or about patches."""
    return {name: test.of(nouns) for name, test in _TESTS.items()}


TESTS = published_tests(WORDS)

ORDERS = {
    "attention": "largest weight first",
    "gradient": "largest gradient first",
    "attention x gradient": "largest weight times gradient first",
    "random": "in random order",
    "ascending attention": "smallest weight first",
}

RANKINGS = {
    "attention": "by attention",
    "attention x gradient": "by attention times gradient",
    "attention x norm": "by attention times the length of the value vectors",
}
