"""I and S: effects of replacing each input word, and their share that passes through this attention."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from analyses.verdicts.resampling import Resampler
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow
from interpret.subjects.inputs.example import Example

Told = Callable[[Float[Tensor, "example unit"]], None]


def unheard(effects: Float[Tensor, "example unit"]) -> None:
    """Does nothing with the magnitudes of input effects, which most callers of `measure` don't ask for."""


@dataclass(frozen=True, eq=False)
class InputEffects:
    """Falls of the margin, in logits, when one input word is replaced by another. Units that don't exist have 0.

    Attributes:
        total: Total effect for each draw.
        through: Mean magnitude, over draws, of the indirect effect: only this row's head outputs see the replacement.
        around: Mean magnitude of the direct effect: everything but this row's head outputs sees it.
    """

    total: Float[Tensor, "example unit draw"] = field(repr=False)
    through: Float[Tensor, "example unit"] = field(repr=False)
    around: Float[Tensor, "example unit"] = field(repr=False)

    @property
    def expected(self) -> Float[Tensor, "example unit"]:
        """Magnitude of the mean fall over draws, in which the replacements' own effects average out."""
        return self.total.mean(dim=-1).abs()

    @property
    def share(self) -> Float[Tensor, " example"]:
        """S: share of the effects that passes through this attention, 0 to 1; NaN where no word has an effect."""
        through, around = self.through.sum(dim=1), self.around.sum(dim=1)
        return through / (through + around)


def input_effects(
    row: DecisionRow,
    examples: Sequence[Example],
    content: Content,
    resampler: Resampler,
    *,
    draws: int,
    generator: torch.Generator,
) -> InputEffects:
    """Replaces each word by plausible others, and measures total, direct and indirect effects.

    Words are replaced, not deleted: in a model that pools words without context, deletion equals erasing an attention
    weight and adds nothing; and an untrained mask token is no word.

    Args:
        row: The row of several texts.
        examples: The texts.
        content: Their words.
        resampler: Source of replacements.
        draws: Replacements of each word.
        generator: Source of randomness. All words of a text get the same random numbers, so that chance affects them
            alike.

    Source: natural direct and indirect effects of Vig et al. (2020), arXiv:2004.12265, section 3, with the
    row's head outputs as the mediator. They divide by the untouched output; we report logits.
    """
    ids = torch.stack([resampler.replaced(example, content.exists.shape[1], draws, generator) for example in examples])
    owner = torch.arange(len(examples)).repeat_interleave(ids.shape[1] * draws)
    total, around, written = _learned(row, ids.flatten(0, 2), owner)
    shape = (len(examples), ids.shape[1] * draws)
    with torch.no_grad():
        through = row.margins(row.mixed(written.view(*shape, *written.shape[1:]), row.written[:, None]))
    clean = row.margin[:, None, None]
    by_draw = (*ids.shape[:3],)
    return InputEffects(
        total=clean - total.view(by_draw),
        through=(through.view(by_draw) - clean).abs().mean(dim=-1),
        around=(around.view(by_draw) - clean).abs().mean(dim=-1),
    )


def _learned(
    row: DecisionRow, ids: Shaped[Tensor, "variant token *number"], owner: Int[Tensor, " variant"]
) -> tuple[Float[Tensor, " variant"], Float[Tensor, " variant"], Float[Tensor, "variant row head dim"]]:
    """Returns margins of changed inputs, their margins with the row's outputs frozen, and their own row outputs."""
    total, around, written = [], [], []
    start = 0
    for changed in row.elsewhere(ids, owner):
        owners = owner[start : start + len(changed.ids)]
        start += len(changed.ids)
        with torch.no_grad():
            frozen = row.mixed(row.written[owners], changed.written)
            around.append(changed.margins(frozen[:, None])[:, 0])
        total.append(changed.margin)
        written.append(changed.written)
    return torch.cat(total), torch.cat(around), torch.cat(written)
