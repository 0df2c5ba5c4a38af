"""Names what to read on one text: the explanations that find what its decision depends on better than chance."""

from collections.abc import Collection

from jaxtyping import Float
from torch import Tensor

from analyses.explanations.built_in import JUDGED
from analyses.explanations.faithfulness import Faithfulness
from analyses.results.wording import listed
from analyses.statistics import holm, randomisation_p_value
from analyses.verdicts.thresholds import SIGNIFICANCE_LEVEL
from interpret.subjects.nouns import WORDS, Nouns

_NAMED = 4  # most explanations in a sentence


def what_to_read_here(
    found: Faithfulness,
    floors: Collection[str] = (),
    *,
    chance: Float[Tensor, " order"] | None = None,
    nouns: Nouns = WORDS,
) -> str:
    """Says which explanations of one decision beat random orders, with the evidence; one text can't rank them.

    Args:
        found: Their faithfulness on this text.
        floors: Names of those that know nothing of the model, which aren't named.
        chance: Comprehensiveness of random orders, from `comprehensiveness_of_chance`; by default of those in `found`,
            which may be too few to name any.
        nouns: Nouns for what is ranked.

    Returns:
        A sentence or two. The p-values of comprehensiveness are corrected for the number of explanations (Holm).
    """
    tested = [each for each in found.methods if each not in floors]
    falls = dict(zip(found.methods, found.measured.comprehensiveness.margin.tolist(), strict=True))
    drawn = found.random.comprehensiveness.margin
    against = drawn if chance is None else chance
    corrected = holm([randomisation_p_value(falls[each], against) for each in tested])
    p_values = dict(zip(tested, corrected, strict=True))
    clear = sorted((each for each in tested if p_values[each] <= SIGNIFICANCE_LEVEL), key=found.effect, reverse=True)
    how = f"corrected for {len(tested)} explanations" if len(tested) > 1 else "against random orders"
    if not clear:
        return (
            f"No explanation of this {nouns.whole} can be told from random orders of its {nouns.many} (smallest p = "
            f"{min(p_values.values()):.3f}, {how}), so none is evidence here; many {nouns.whole}s may tell more."
        )
    if len(against) > len(drawn):
        how += f", by {len(against)} random orders"
    named = f"{_capital(listed(clear, most=_NAMED))} {'find' if len(clear) > 1 else 'finds'}"
    largest = f"{'p up to' if len(clear) > 1 else 'p ='} {max(p_values[each] for each in clear):.3f}"
    said = f"{named} {nouns.many} that this decision depends on better than random orders do ({largest}, {how})."
    return said if JUDGED in clear else f"{said} By the same test {JUDGED} can't be told from random orders."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
