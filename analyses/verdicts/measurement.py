"""Measurements of one text: the components of a verdict and descriptive numbers."""

from dataclasses import dataclass, field

from interpret.subjects.inputs.units import FEWEST_WORDS as FEWEST_WORDS


@dataclass(frozen=True)
class Draws:
    """Numbers of random draws of each component.

    Attributes:
        permutations: Permutations of the words' weights, for U and D.
        replacements: Replacements of each word, for I and S.
        orders: Random orders in the null distribution of T.
        null_orders: Random orders in the null distribution of one text's ranks.
    """

    permutations: int = 12
    replacements: int = 8
    orders: int = 20
    null_orders: int = 999


USUAL = Draws()
MARGIN_ROUNDING = 1e-5  # share of a margin's scores; smaller changes of the margin count as none
SHUFFLES = 3  # shuffles of values, for the mechanical part of R


@dataclass(frozen=True, eq=False)
class Measurement:
    """Components and descriptive numbers of one text. Effects in logits of the margin; NaN where undefined.

    The verdict rests on these:

    Attributes:
        words: Number of ranked units.
        margin: Margin of the unedited text.
        spread: Half the mean squared difference between the margin and those of texts with every word replaced: the
            margin's variance due to words. Effects are standardised by its root.
        use: U. Median absolute change of the margin under permutations of the words' weights.
        rank: R. Gini correlation of the position effects with attention, -1 to 1.
        rank_substituted: The same with values substituted instead of weights erased.
        input_rank: I. Gini correlation of the input effects with attention, -1 to 1.
        input_rank_halves: The same from each half of the draws; they differ only by chance.
        top: T. Change without the words that attention ranks first, minus that without random words.
        largest: Largest magnitude of a mean input effect of one word.
        share: S. Share of the input effects that passes through this attention.
        joint: Mean change under the permutations of U; the reference for `single` and `conditional`.
        single: For each head, the mean change when only its weights are permuted.
        conditional: For each head, the mean change by its permutation when all others are permuted.
        shown: For each head, its share of the displayed map.
        p_rank: P-value of `rank` against random orders of the words.
        p_input: The same for `input_rank`.
        p_top: The same for `top`.
        unlike: Shares of off-distribution edits behind U, R and T.

    These stand beside it:

    Attributes:
        sink: Share of the displayed row on no word.
        uniform: Change of the margin when every word gets the same weight.
        rank_tau: Kendall's tau-b instead of R's Gini correlation.
        input_tau: The same for I.
        rank_shuffled: R with the words' values shuffled: the mechanical part of R.
        rank_of_values: R of the ranking by values alone.
        opposed: Share of the attention on words that is on words opposing the decision.
        position_rank: I of the ranking by position, later words first: a trivial baseline.
        rarity_rank: I of the ranking by rarity in the source of replacements: another trivial baseline.
        head_ranks: I of every head of every layer at the readout, layer by layer.
        rounding: Largest change of the margin that counts as rounding, in logits.
        rank_unfelt: Number of words whose position effect is no larger than that, and so counts as none.
        input_unfelt: The same for input effects.
    """

    words: int
    margin: float
    spread: float
    use: float
    rank: float
    rank_substituted: float
    input_rank: float
    input_rank_halves: tuple[float, float]
    top: float
    largest: float
    share: float
    joint: float
    single: tuple[float, ...] = field(repr=False)
    conditional: tuple[float, ...] = field(repr=False)
    shown: tuple[float, ...] = field(repr=False)
    p_rank: float
    p_input: float
    p_top: float
    unlike: tuple[float, float, float]
    sink: float
    uniform: float
    rank_tau: float
    input_tau: float
    rank_shuffled: float
    rank_of_values: float
    opposed: float
    position_rank: float
    rarity_rank: float
    head_ranks: tuple[float, ...] = field(repr=False)
    rounding: float = MARGIN_ROUNDING
    rank_unfelt: int = 0
    input_unfelt: int = 0

    @property
    def input_rank_without_chance(self) -> float:
        """Extrapolation of `input_rank` to infinitely many draws, as chance lowers it by about k over their number."""
        return 2 * self.input_rank - sum(self.input_rank_halves) / 2
