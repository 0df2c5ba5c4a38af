"""Names what to read instead of attention, where many texts tell: one explanation, several that are tied, or none."""

from collections.abc import Sequence
from dataclasses import dataclass

from analyses.explanations.built_in import JUDGED
from analyses.ranking.differences import Difference
from analyses.results.wording import listed
from analyses.statistics import Interval
from analyses.verdicts.thresholds import SIGNIFICANCE_LEVEL
from analyses.verdicts.verdict import FEWEST_EXAMPLES

_NAMED = 4  # most explanations in a sentence
_STAYS = "with all of the model's weights shuffled, the map stays"


@dataclass(frozen=True)
class Standing:
    """Explanation with what decides whether it is named.

    Attributes:
        name: Its name.
        is_floor: Whether it knows nothing of the model.
        above_chance: Mean of the primary measure, tested against 0.
        behind_best: The best explanation's lead over it; `None` for the best itself.
        over_attention: Its lead over last-layer attention; `None` for that itself, or where it isn't among them.
        is_blind: Whether its map stays when the model's weights are shuffled.
    """

    name: str
    is_floor: bool
    above_chance: Difference
    behind_best: Difference | None
    over_attention: Difference | None
    is_blind: bool = False


def what_to_read(standings: Sequence[Standing]) -> str:
    """Says which explanations find the words that decisions depend on, with the evidence.

    An explanation is named where it is clearly better than random orders and nothing is clearly better than it. All
    tests are corrected for the number of explanations.

    Args:
        standings: The explanations, the best first. The first that isn't a floor is the best.
    """
    best = next((each for each in standings if not each.is_floor), None)
    if best is None:
        return "No explanation was tested."
    texts = best.above_chance.interval.count
    if texts < FEWEST_EXAMPLES:
        return f"{texts} texts are too few to name an explanation; it takes {FEWEST_EXAMPLES}."
    if not _is_clear(best.above_chance):
        return (
            "No explanation finds the words that these decisions depend on better than random orders do: the highest, "
            f"{best.name}, reaches {_written(best.above_chance.interval)} where random orders reach 0."
        )
    leading = [each for each in standings if not each.is_floor and _is_level_with(each, best)]
    rivals = [each.name for each in standings if each.is_floor and _is_level_with(each, best)]
    better = [each for each in leading if _beats_attention(each)]
    said = _without_attention(better) if _beats_attention(best) else _with_attention(leading)
    if rivals:
        said += f" But an order that knows nothing of the model does as well ({listed(rivals)})."
    named = better if _beats_attention(best) else leading if best.name == JUDGED else [best]
    if blind := [each.name for each in named if each.is_blind]:
        said += f" But {listed(blind)} can't say why this model decides so: {_STAYS}."
    return said


def _without_attention(named: Sequence[Standing]) -> str:
    """Sentence where the best is better than attention: those that are tied with it and better, too."""
    leads = [_written(each.over_attention.interval) for each in named[:_NAMED] if each.over_attention]
    if len(named) == 1:
        reached = _written(named[0].above_chance.interval)
        return (
            f"Read {named[0].name}: it finds the words that these decisions depend on best, {reached} where random "
            f"orders reach 0 and the best order found reaches 1, and beats {JUDGED} by {leads[0]}."
        )
    return (
        f"Read {listed([each.name for each in named], 'or', most=_NAMED)}: these texts can't tell them apart, and "
        f"{'both' if len(named) == 2 else 'all'} find the words that these decisions depend on better than {JUDGED} "
        f"does, by {listed(leads)}, where random orders are at 0 and the best order found at 1."
    )


def _with_attention(leading: Sequence[Standing]) -> str:
    """Sentence where nothing is clearly better than attention."""
    best = leading[0]
    reached = f"{_written(best.above_chance.interval)}, where random orders are at 0 and the best order found at 1"
    others = [each.name for each in leading if each.name != JUDGED][:_NAMED]
    if best.over_attention is not None:
        return f"Nothing is clearly better than {JUDGED} here: the highest, {best.name}, reaches {reached}."
    if best.name == JUDGED and others:
        tied = f"{listed(others)} can't be told from it"
        return f"Nothing is clearly better than {JUDGED} here: {tied}, and it reaches {reached}."
    return f"Read {best.name}: it finds the words that these decisions depend on best, {reached}."


def _beats_attention(each: Standing) -> bool:
    return each.over_attention is not None and _is_clear(each.over_attention)


def _is_level_with(each: Standing, best: Standing) -> bool:
    """Whether the best isn't clearly better, and it is better than random orders by itself."""
    if each is best:
        return True
    return each.behind_best is not None and not _is_clear(each.behind_best) and _is_clear(each.above_chance)


def _is_clear(difference: Difference) -> bool:
    return difference.is_clear(SIGNIFICANCE_LEVEL)


def _written(found: Interval) -> str:
    return f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]"
