"""Sentences on the error rate of verdicts."""

from analyses.verdicts.error_rates import ErrorRateDict
from interpret.subjects.nouns import WORDS, Nouns
from reports.shared.notation import percent

UNKNOWN = (
    "No error rate is known for this case: the test has not been tried on models whose true answer is known, with this "
    "kind of task, as many {wholes} and such a {size}. Do not take the rate of another case for it."
)


def sentence(rate: ErrorRateDict | None, nouns: Nouns = WORDS) -> str:
    """Describes an error rate, or says that none is known.

    Args:
        rate: The field `error_rate` of an analysis or a study.
        nouns: Nouns for what was ranked.
    """
    if rate is None:
        return nouns.say(UNKNOWN)
    shortest, longest = rate["words"]
    texts = "one text" if rate["examples"] == 1 else f"{rate['examples']} texts"
    return (
        f"Tried on {rate['models']:,} models that were built so that the true answer is known, with {texts} of "
        f"{shortest} to {longest} words each, this test was wrong in {percent(rate['rate'])} of the cases (95% bounds "
        f"{percent(rate['low'])} to {percent(rate['high'])}) and inconclusive in "
        f"{percent(rate['inconclusive'] / rate['models'])}. Trained models can differ from those that were built."
    )
