"""The one measure that ranks explanations, declared before any result was seen.

`FAITHFULNESS` is the mean of normalised comprehensiveness and sufficiency, because a reader takes an explanation as an
order of the words and looks at the first: what matters is whether the decision needs these words (comprehensiveness)
and whether it stands on these words alone (sufficiency). Either half can be had without the other. Where several words
say the same, the decision doesn't need any one of them; where words oppose each other, it stands on those that agree.
Both halves have 0 where random orders are and 1 at the best order that was found for the text, so that their mean has,
and each text counts alike. LDS and sensitivity-n ask more, that scores add up, which attention never claimed to do;
infidelity needs a scale, which it hasn't. They are reported beside it and name no winner.

Source: comprehensiveness and sufficiency are the most diagnostic measures of those compared by Chan et al. (2022),
A Comparative Study of Faithfulness Metrics for Model Interpretability Methods, ACL.
"""

from jaxtyping import Float
from torch import Tensor

from analyses.ranking.judged import Judged
from analyses.ranking.measures import COMPREHENSIVENESS, SUFFICIENCY, RankingMeasure
from analyses.statistics import randomisation_p_values

FAITHFULNESS = RankingMeasure(
    "faithfulness",
    "Mean of comprehensiveness and sufficiency: 0 is chance, 1 the best order found.",
    normalised=True,
)
_HALVES = (COMPREHENSIVENESS.name, SUFFICIENCY.name)


def faithfulness_of(judged: Judged) -> Float[Tensor, " method"]:
    """Returns the primary measure of each method; NaN where either half is undefined."""
    return _mean(judged.values)


def faithfulness_of_chance(judged: Judged) -> Float[Tensor, " draw"]:
    """Returns the primary measure of each random order."""
    return _mean(judged.random)


def p_worse_than_chance(judged: Judged) -> Float[Tensor, " method"]:
    """P-value of each method: share of random scores whose primary measure is as low; NaN where it is undefined."""
    return randomisation_p_values(-faithfulness_of(judged), -faithfulness_of_chance(judged))


def _mean(values: dict[str, Tensor]) -> Tensor:
    first, second = (values[name] for name in _HALVES)
    return (first + second) / 2
