"""All components of several equally long texts, as plain numbers: what a verdict is made from."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.components.content import Content
from analyses.components.decoys import head_use
from analyses.components.input_rank import InputEffects, input_effects
from analyses.components.rank import position_effects
from analyses.components.resampling import Resampler
from analyses.components.top_k import top_erasure
from analyses.components.use import use
from analyses.statistics import gini_correlations, randomisation_p_value
from interpret.row import DecisionRow, read_row
from interpret.subjects.subject import Decision, Example, Subject

ROUNDING = 1e-5  # of the largest logit: smaller moves of the margin are none
FEWEST_WORDS = 5  # below, too few orders exist to tell any from chance


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


@dataclass(frozen=True, eq=False)
class Measurement:
    """The components of one text. Effects in logits of the margin; NaN where undefined.

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
        share: S. Share of the input effects that goes through this attention.
        joint: Mean move under those permutations; what `single` and `conditional` are parts of.
        single: For each head, the move when its weights alone are permuted.
        conditional: For each head, its part when all are permuted.
        shown: For each head, its share of the displayed map.
        sink: Share of the displayed rows that lies on no word.
        p_rank: How often random orders of the words reach `rank`.
        p_input: The same for `input_rank`.
        p_top: The same for `top`.
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
    share: float
    joint: float
    single: tuple[float, ...] = field(repr=False)
    conditional: tuple[float, ...] = field(repr=False)
    shown: tuple[float, ...] = field(repr=False)
    sink: float
    p_rank: float
    p_input: float
    p_top: float


def measure(
    subject: Subject,
    examples: Sequence[Example],
    decisions: Sequence[Decision],
    resampler: Resampler,
    *,
    draws: Draws = USUAL,
    seed: int = 0,
) -> list[Measurement]:
    """Measures every component of equally long texts in batched passes.

    Args:
        subject: The model.
        examples: Texts of the same number of tokens.
        decisions: What was decided on each; the label is frozen.
        resampler: Where replacements of words come from.
        draws: How many random draws to take.
        seed: Seed of all of them.

    Raises:
        ValueError: The texts' lengths differ, or their decisions are read from different positions.
    """
    content, generator = Content.of(examples), torch.Generator().manual_seed(seed)
    row = _row(subject, examples, decisions)
    shown = row.read_by()
    shares = content.shares(shown)
    orders = content.orders(draws.permutations, generator)
    moved = use(row, orders)
    heads = head_use(row, content, orders)
    positions = position_effects(row, content)
    inputs = input_effects(row, examples, content, resampler, draws=draws.replacements, generator=generator)
    top = top_erasure(row, content, shares, orders=draws.orders, generator=generator)
    spread = _spread(row, examples, resampler, draws.replacements, generator)
    effects = [_felt(each, row) for each in (positions.renormalised, positions.substituted, *_estimates(inputs))]
    ranks = _ranks(shares, content.exists, *effects)
    nulls = _null_p_values(shares, content.exists, (effects[0], effects[2]), draws.null_orders, generator)
    return [
        Measurement(
            words=int(content.exists[index].sum()),
            margin=float(row.margin[index]),
            spread=float(spread[index]),
            use=float(moved[index].median()),
            rank=float(ranks[0][index]),
            rank_substituted=float(ranks[1][index]),
            input_rank=float(ranks[2][index]),
            input_rank_halves=(float(ranks[3][index]), float(ranks[4][index])),
            top=float(top.gain[index]),
            share=float(inputs.share[index]),
            joint=float(moved[index].mean()),
            single=tuple(heads.single[index].tolist()),
            conditional=tuple(heads.conditional[index].tolist()),
            shown=tuple(heads.shown[index].tolist()),
            sink=float(1 - (shown[index].cpu() * content.tokens[index]).sum()),
            p_rank=nulls[0][index],
            p_input=nulls[1][index],
            p_top=randomisation_p_value(float(top.ranked[index]), top.random[index].double()),
        )
        for index in range(len(examples))
    ]


def _row(subject: Subject, examples: Sequence[Example], decisions: Sequence[Decision]) -> DecisionRow:
    readouts = torch.stack([decision.readout for decision in decisions])
    if bool(((readouts > 1e-6) != (readouts[0] > 1e-6)).any()):
        raise ValueError("the decisions of one batch must be read from the same positions")
    targets = torch.tensor([decision.target for decision in decisions])
    ids = torch.stack([example.ids for example in examples])
    return read_row(subject, ids, targets, readout=readouts.mean(dim=0))


def _estimates(inputs: InputEffects) -> tuple[Float[Tensor, "example unit"], ...]:
    """The input effects from all draws, and from either half of them."""
    halves = [inputs.total[:, :, start::2].mean(dim=-1).abs() for start in (0, 1)]
    return inputs.expected, *halves


def _ranks(
    shares: Float[Tensor, "example unit"], exists: Bool[Tensor, "example unit"], *effects: Float[Tensor, "example unit"]
) -> list[np.ndarray]:
    return [gini_correlations(_numbers(each), _numbers(shares), exists.numpy(), resolution=1e-6) for each in effects]


def _numbers(values: Tensor) -> np.ndarray:
    return values.double().numpy()


def _felt(effects: Float[Tensor, "example unit"], row: DecisionRow) -> Float[Tensor, "example unit"]:
    """Effects with 0 in the place of those that rounding could make."""
    rounding = ROUNDING * row.clean.abs().amax(dim=1, keepdim=True).clamp(min=1).cpu()
    return effects.where(effects > rounding, 0.0)


def _null_p_values(
    shares: Float[Tensor, "example unit"],
    exists: Bool[Tensor, "example unit"],
    effects: Sequence[Float[Tensor, "example unit"]],
    orders: int,
    generator: torch.Generator,
) -> list[list[float]]:
    """How often random orders of a text's words rank its effects as well as attention does; NaN where undefined."""
    random = _numbers(torch.rand(len(shares), orders, shares.shape[1], generator=generator))
    found = []
    for each in effects:
        observed = _ranks(shares, exists, each)[0]
        null = gini_correlations(
            np.broadcast_to(_numbers(each)[:, None], random.shape),
            random,
            np.broadcast_to(exists.numpy()[:, None], random.shape),
        )
        found.append(
            [
                float("nan") if np.isnan(value) else randomisation_p_value(float(value), torch.as_tensor(draws))
                for value, draws in zip(observed, null, strict=True)
            ]
        )
    return found


def _spread(
    row: DecisionRow, examples: Sequence[Example], resampler: Resampler, draws: int, generator: torch.Generator
) -> Float[Tensor, " example"]:
    """Half the mean square difference between a text's margin and those of texts with all words replaced."""
    found = []
    for index, example in enumerate(examples):
        others = row.subject.scores(resampler.shuffled(example, draws, generator), int(row.targets[index])).margin
        found.append((others - row.margin[index]).square().mean() / 2)
    return torch.stack(found)
