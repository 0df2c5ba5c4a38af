"""U, D, R and T: what edits of a row do, of several texts at once."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.verdicts.idle_heads import head_use
from analyses.verdicts.measurement import MARGIN_ROUNDING, SHUFFLES, Draws
from analyses.verdicts.measurement_columns import DescriptiveColumns, RowColumns
from analyses.verdicts.rank_in_row import PositionEffects
from analyses.verdicts.ranking import Ranking
from analyses.verdicts.row_edits import level
from analyses.verdicts.shuffled_values import shuffled_effects
from analyses.verdicts.top_words import top_of_row
from analyses.verdicts.use import use
from analyses.verdicts.value_norms import value_effects
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow
from interpret.tolerances import margin_size


def row_columns(
    row: DecisionRow, content: Content, effects: PositionEffects, draws: Draws, generator: torch.Generator
) -> RowColumns:
    """Measures what edits of the row's weights do.

    Args:
        row: The row of several texts.
        content: Their words.
        effects: What each position of the row does.
        draws: Numbers of random draws.
        generator: Source of randomness.
    """
    attention = Ranking(content.shares(row.read_by()), content.exists)
    orders = content.orders(draws.permutations, generator)
    moved, heads = use(row, orders), head_use(row, content, orders)
    renormalised = felt(effects.renormalised, row)
    top = top_of_row(row, content, attention.scores, orders=draws.orders, generator=generator)
    return {
        "use": moved.quantile(0.5, dim=1).tolist(),  # not `median`, which takes the lower of two in the middle
        "joint": heads.joint.tolist(),
        "single": tuples(heads.single),
        "conditional": tuples(heads.conditional),
        "shown": tuples(heads.shown),
        "rank": attention.lesser(renormalised),
        "rank_ways": both_ways(attention, renormalised),
        "rank_substituted": attention.lesser(felt(effects.substituted, row)),
        "top": top.gain,
        "top_most": top.most,
    }


def described_row(
    row: DecisionRow, content: Content, effects: PositionEffects, generator: torch.Generator
) -> DescriptiveColumns:
    """Measures what describes the row, and judges nothing.

    Args:
        row: The row of several texts.
        content: Their words.
        effects: What each position of the row does.
        generator: Source of randomness.
    """
    attention = Ranking(content.shares(row.read_by()), content.exists)
    renormalised = felt(effects.renormalised, row)
    shuffled = shuffled_effects(row, content, content.orders(SHUFFLES, generator))
    mechanical = [attention.agreement(felt(each, row)) for each in shuffled.unbind(dim=1)]
    with torch.no_grad():
        uniform = row.margins(row.write(level(row, content)[:, None]))[:, 0]
    return {
        "uniform": (uniform - row.margin).abs().tolist(),
        "rank_tau": attention.tau(renormalised),
        "rank_shuffled": torch.tensor(mechanical).mean(dim=0).tolist(),
        "rank_of_values": Ranking(felt(value_effects(row, content), row), content.exists).agreement(renormalised),
        "rank_unfelt": unfelt(effects.renormalised, renormalised, content),
    }


def both_ways(ranking: Ranking, effects: Float[Tensor, "example unit"]) -> list[tuple[float, float]]:
    """Agreement of effects with a ranking, and of the ranking with effects, for each text."""
    return list(zip(ranking.agreement(effects), ranking.reverse(effects), strict=True))


def felt(effects: Float[Tensor, "example unit"], row: DecisionRow) -> Float[Tensor, "example unit"]:
    """Sets effects that may be rounding to 0."""
    return effects.where(effects > rounding(row)[:, None], 0.0)


def unfelt(
    measured: Float[Tensor, "example unit"], effects: Float[Tensor, "example unit"], content: Content
) -> list[int]:
    """Number of words whose measured effect counts as 0 because it may be rounding."""
    count: list[int] = ((measured > 0) & (effects == 0) & content.exists).sum(dim=1).tolist()
    return count


def rounding(row: DecisionRow) -> Float[Tensor, " example"]:
    """Largest change of each margin that may be rounding, in logits."""
    return MARGIN_ROUNDING * margin_size(row.clean, row.targets).cpu()


def tuples(values: Float[Tensor, "example part"] | Sequence[Sequence[float]]) -> list[tuple[float, ...]]:
    """Returns a tuple of plain numbers for each text."""
    return list(map(tuple, values.tolist() if isinstance(values, Tensor) else values))
