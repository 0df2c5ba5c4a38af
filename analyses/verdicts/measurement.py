"""Measurements of one text: the components of a verdict and descriptive numbers."""

import math
from dataclasses import dataclass, field

from interpret.errors import InputError
from interpret.subjects.inputs.units import FEWEST_WORDS as FEWEST_WORDS

ROUNDS = 2  # estimates of each effect that share no random number, which say how far chance moves them


@dataclass(frozen=True)
class Draws:
    """Numbers of random draws of each component.

    Attributes:
        permutations: Permutations of the words' weights, for U and D.
        replacements: Replacements of each word, for I and S: one in each walk, and an even number, half for each round.
        like: Texts like each, with every word replaced, that tell how far the margin reaches.
        alone: Replacements of each word in the otherwise unchanged text, which only describe.
        orders: Random orders that T is held against.
        null_orders: Random trades in the null distribution of luck; none for many texts, which are their own evidence.
    """

    permutations: int = 12
    replacements: int = 8
    like: int = 8
    alone: int = 0
    orders: int = 20
    null_orders: int = 0

    def __post_init__(self) -> None:
        if self.replacements < ROUNDS or self.replacements % ROUNDS:
            raise InputError(
                f"replacements must be an even number, half for each of two rounds of walks, not {self.replacements}"
            )


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
        reach: Mean distance of the margin from those of texts with every word replaced. What permuted weights do is
            told in this unit.
        spread: Half the mean square of that distance: the margin's variance due to words.
        use: U. Median absolute change of the margin under permutations of the words' weights.
        rank: R. Lesser of `rank_ways`.
        rank_ways: Gini correlation of the position effects with attention, -1 to 1, and that of attention with them.
        rank_substituted: R with values substituted instead of weights erased.
        input_rank: I. Lesser of `input_ways`.
        input_ways: Gini correlation of the effects in context with attention, -1 to 1, and that of attention with them.
        input_rank_halves: I from each round of walks; they differ only by chance.
        reliability: How far the effects in context would come out alike in other walks, 0 to 1: the correlation of
            both rounds, stepped up to their length together (Spearman and Brown).
        top: T, in logits: what the words do that attention ranks first, less what random words do.
        top_most: The same of the best order known. T is the one as a share of the other.
        share: S. Share of the effects in context that passes through this attention.
        joint: Mean change under the permutations of U; the reference for `single` and `conditional`.
        single: For each head, the mean change when only its weights are permuted.
        conditional: For each head, the mean change by its permutation when all others are permuted.
        shown: For each head, its share of the displayed map.
        p_luck: P-value of the agreement of attention with effects against luck, of one text.

    These stand beside it:

    Attributes:
        in_context: Effect of each word in context: the mean fall of the margin at the steps that replace it.
        alone: Fall of the margin when only this word is replaced; empty where it wasn't measured.
        sink: Share of the displayed row on no word.
        uniform: Change of the margin when every word gets the same weight.
        rank_tau: Kendall's tau-b instead of R's Gini correlation.
        input_tau: The same for I.
        rank_shuffled: R's first way with the words' values shuffled: the mechanical part of R.
        rank_of_values: R's first way of the ranking by values alone.
        opposed: Share of the attention on words that is on words opposing the decision.
        position_rank: I's first way of the ranking by position, later words first: a trivial baseline.
        rarity_rank: I's first way of the ranking by rarity in the source of replacements: another trivial baseline.
        head_ranks: I's first way of every head of every layer at the readout, layer by layer.
        rounding: Largest change of the margin that counts as rounding, in logits.
        rank_unfelt: Number of words whose position effect is no larger than that, and so counts as none.
        input_unfelt: The same for effects in context.
    """

    words: int
    margin: float
    reach: float
    spread: float
    use: float
    rank: float
    rank_ways: tuple[float, float]
    rank_substituted: float
    input_rank: float
    input_ways: tuple[float, float]
    input_rank_halves: tuple[float, float]
    reliability: float
    top: float
    top_most: float
    share: float
    joint: float
    single: tuple[float, ...] = field(repr=False)
    conditional: tuple[float, ...] = field(repr=False)
    shown: tuple[float, ...] = field(repr=False)
    p_luck: float
    in_context: tuple[float, ...] = field(repr=False)
    alone: tuple[float, ...] = field(repr=False)
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
        """Extrapolation of `input_rank` to infinitely many walks, as chance lowers it by about k over their number."""
        return 2 * self.input_rank - sum(self.input_rank_halves) / 2

    @property
    def top_share(self) -> float:
        """T: 0 for random words, 1 for the best order known; NaN where that gains no more than rounding."""
        return self.top / self.top_most if self.top_most > self.rounding else math.nan
