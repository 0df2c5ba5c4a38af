"""What is measured on one text, as plain numbers."""

from dataclasses import dataclass, field

from interpret.subjects.units import FEWEST_WORDS as FEWEST_WORDS


@dataclass(frozen=True)
class Draws:
    """How many random draws each component takes.

    Attributes:
        permutations: Of the words' weights, for U and D.
        replacements: Of each word, for I and S.
        orders: Random orders that T is held against.
        null_orders: Random orders that the ranks of one text are held against.
    """

    permutations: int = 12
    replacements: int = 8
    orders: int = 20
    null_orders: int = 999


USUAL = Draws()
ROUNDING = 1e-5  # of the scores that a margin is made of: smaller moves of it are none
SHUFFLES = 3  # of values, for what of R is mechanical


@dataclass(frozen=True, eq=False)
class Measurement:
    """The components of one text, and what describes it. Effects in logits of the margin; NaN where undefined.

    The verdict rests on these:

    Attributes:
        words: Units that are ranked.
        margin: Of the untouched text.
        spread: Mean square of how far the margin is from those of texts with every word replaced, halved: the
            variance that the words could give it. Effects are standardised by its root.
        use: U. Median move under permutations of the words' weights.
        rank: R. Gini correlation of the position effects with attention, -1 to 1.
        rank_substituted: The same with the second way of erasing.
        input_rank: I. Gini correlation of the input effects with attention, -1 to 1.
        input_rank_halves: The same from either half of the draws; they differ by chance only.
        top: T. Move without the first words of attention, above that without random words.
        largest: Largest magnitude of a mean input effect: what one word of the text can do.
        share: S. Share of the input effects that goes through this attention.
        joint: Mean move under those permutations; what `single` and `conditional` are parts of.
        single: For each head, the move when its weights alone are permuted.
        conditional: For each head, its part when all are permuted.
        shown: For each head, its share of the displayed map.
        p_rank: How often random orders of the words reach `rank`.
        p_input: The same for `input_rank`.
        p_top: The same for `top`.
        unlike: Shares of the edits behind U, R and T whose outputs are unlike those of real texts.

    These stand beside it:

    Attributes:
        sink: Share of the displayed rows that lies on no word.
        uniform: Move of the margin when every word gets the same weight.
        rank_tau: Kendall's tau-b in the place of R's Gini correlation.
        input_tau: The same for I.
        rank_shuffled: R after the words' values have traded places: the mechanical part of R.
        rank_of_values: R of the order that the values alone would give.
        opposed: Share of the attention on words that lies on words which speak against the decision.
        position_rank: I of the words' places, later ones first: a trivial baseline.
        rarity_rank: I of the words' rarity where the replacements come from: another.
        head_ranks: I of every head of every layer at the position that is read, layer by layer.
        rounding: The largest move of the margin that counts as rounding, in logits.
        rank_unfelt: Words with a position effect that is no larger, and so counts as none.
        input_unfelt: Words with such an input effect.
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
    rounding: float = ROUNDING
    rank_unfelt: int = 0
    input_unfelt: int = 0

    @property
    def input_rank_without_chance(self) -> float:
        """What `input_rank` would be from very many replacements: chance lowers it by about k over their number."""
        return 2 * self.input_rank - sum(self.input_rank_halves) / 2
