"""Names what to read on one text: the explanations that find what its decision depends on better than chance."""

from collections.abc import Collection

from analyses.explanations.built_in import JUDGED
from analyses.explanations.faithfulness import Faithfulness
from analyses.results.wording import listed
from analyses.statistics import holm
from analyses.verdicts.thresholds import SIGNIFICANCE_LEVEL
from interpret.subjects.nouns import WORDS, Nouns

_NAMED = 4  # most explanations in a sentence


def what_to_read_here(found: Faithfulness, floors: Collection[str] = (), *, nouns: Nouns = WORDS) -> str:
    """Says which explanations of one decision beat random orders, with the evidence; one text can't rank them.

    Args:
        found: Their faithfulness on this text.
        floors: Names of those that know nothing of the model, which aren't named.
        nouns: Nouns for what is ranked.

    Returns:
        A sentence or two. The p-values of comprehensiveness are corrected for the number of explanations (Holm).
    """
    tested = [each for each in found.methods if each not in floors]
    orders = len(found.random.comprehensiveness.margin)
    if len(tested) / (orders + 1) > SIGNIFICANCE_LEVEL:
        return (
            f"{orders} random orders are too few to tell any of {len(tested)} explanations from chance; test fewer, or "
            "draw more (--thorough)."
        )
    p_values = dict(zip(tested, holm([found.p_value(each) for each in tested]), strict=True))
    clear = sorted((each for each in tested if p_values[each] <= SIGNIFICANCE_LEVEL), key=found.effect, reverse=True)
    corrected = f"corrected for {len(tested)} explanations" if len(tested) > 1 else "against random orders"
    if not clear:
        return (
            f"No explanation of this {nouns.whole} can be told from random orders of its {nouns.many} (smallest p = "
            f"{min(p_values.values()):.3f}, {corrected}), so none is evidence here; many {nouns.whole}s may tell more."
        )
    named = f"{_capital(listed(clear, most=_NAMED))} {'find' if len(clear) > 1 else 'finds'}"
    largest = f"{'p up to' if len(clear) > 1 else 'p ='} {max(p_values[each] for each in clear):.3f}"
    said = f"{named} {nouns.many} that this decision depends on better than random orders do ({largest}, {corrected})."
    return said if JUDGED in clear else f"{said} {_capital(JUDGED)} doesn't."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
