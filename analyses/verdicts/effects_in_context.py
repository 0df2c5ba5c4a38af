"""I and S: effects of input words while others are replaced, too, and their share that passes through attention."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.verdicts.measurement import ROUNDS
from analyses.verdicts.resampling import Resampler
from analyses.verdicts.walks import Walks
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow
from interpret.subjects.inputs.example import Example


@dataclass(frozen=True, eq=False)
class EffectsInContext:
    """What the words of several texts do along walks. Words that a text doesn't have do nothing.

    Attributes:
        falls: Fall of the margin, in logits, at the step that replaces the word. The mean over walks is the word's
            Shapley value in the game of replacements.
        paid: Share of the row's attention on words that is on this word, mean of just before and after that step.
        through: Sum of magnitudes, over all steps, of what a step does through this row's head outputs, in logits.
        around: The same of what it does with these outputs frozen.
    """

    falls: Float[Tensor, "example walk unit"] = field(repr=False)
    paid: Float[Tensor, "example walk unit"] = field(repr=False)
    through: Float[Tensor, " example"] = field(repr=False)
    around: Float[Tensor, " example"] = field(repr=False)

    @property
    def mean(self) -> Float[Tensor, "example unit"]:
        """Each word's effect in context: its mean fall, in which the replacements' own effects average out."""
        return self.falls.mean(dim=1)

    @property
    def rounds(self) -> Float[Tensor, "round example unit"]:
        """The same from each round of walks; they differ only by chance."""
        return torch.stack([each.mean(dim=1) for each in self.falls.chunk(ROUNDS, dim=1)])

    @property
    def share(self) -> Float[Tensor, " example"]:
        """S: share of the effects that passes through this attention, 0 to 1; NaN where no word has an effect."""
        return self.through / (self.through + self.around)


def effects_in_context(
    row: DecisionRow,
    examples: Sequence[Example],
    content: Content,
    resampler: Resampler,
    *,
    walks: int,
    generator: torch.Generator,
) -> EffectsInContext:
    """Replaces words one after another in random orders, and measures what each step does, and by which way.

    A word alone may do nothing because others say the same. In a random order it meets every company: whole texts,
    texts where half is replaced, and texts where nothing else is left. Words are replaced, not deleted: in a model that
    pools words without context, deletion equals erasing an attention weight and adds nothing; and an untrained mask
    token is no word.

    Args:
        row: The row of several texts.
        examples: The texts.
        content: Their words.
        resampler: Source of replacements.
        walks: Walks of each text; an even number, half for each of two rounds.
        generator: Source of randomness.

    Source: sampling of Shapley values by permutations, Castro et al. (2009), doi:10.1016/j.cor.2008.04.004. The two
    ways are the natural direct effect of Vig et al. (2020), arXiv:2004.12265, section 3, with the row's head outputs as
    the mediator, and what is left of the total effect; both of a step instead of a whole change, and in logits.
    """
    taken = Walks.draw(examples, content, resampler, walks=walks, generator=generator)
    shape = taken.unit.shape
    owner = torch.arange(len(examples)).repeat_interleave(shape[1] * shape[2])
    after, frozen, shares = [], [], []
    start, last = 0, row.written[:1]
    for there in row.elsewhere(taken.ids.flatten(0, 2), owner):
        places = torch.arange(start, start + len(there.ids))
        begins = (places % shape[2] == 0).to(there.written.device)[:, None, None, None]
        before = torch.where(begins, row.written[owner[places]], torch.cat([last, there.written[:-1]]))
        with torch.no_grad():
            frozen.append(there.margins(row.mixed(before, there.written)[:, None])[:, 0])
        after.append(there.margin)
        shares.append(content.of_texts(owner[places]).shares(there.paid))
        start, last = start + len(there.ids), there.written[-1:]
    margins = torch.cat(after).view(shape)
    before = _before(margins, row.margin)
    around, through = torch.cat(frozen).view(shape) - before, margins - torch.cat(frozen).view(shape)
    attention = torch.cat(shares).view(*shape, -1)
    paid = (attention + _before(attention, content.shares(row.read_by()))) / 2
    exists = content.exists[:, None]
    return EffectsInContext(
        falls=_by_unit(before - margins, taken) * exists,
        paid=_by_unit(paid.gather(-1, taken.unit[..., None])[..., 0], taken),
        through=(_by_unit(through, taken).abs() * exists).sum(dim=(1, 2)),
        around=(_by_unit(around, taken).abs() * exists).sum(dim=(1, 2)),
    )


def effects_alone(
    row: DecisionRow,
    examples: Sequence[Example],
    content: Content,
    resampler: Resampler,
    *,
    draws: int,
    generator: torch.Generator,
) -> Float[Tensor, "example unit"]:
    """Computes the mean fall of the margin, in logits, when one word is replaced and all others stay.

    Args:
        row: The row of several texts.
        examples: The texts.
        content: Their words.
        resampler: Source of replacements.
        draws: Replacements of each word.
        generator: Source of randomness; all words of a text get the same random numbers.
    """
    ids = torch.stack([resampler.replaced(example, content.exists.shape[1], draws, generator) for example in examples])
    owner = torch.arange(len(examples)).repeat_interleave(ids.shape[1] * draws)
    margins = torch.cat([there.margin for there in row.elsewhere(ids.flatten(0, 2), owner)])
    return (row.margin[:, None, None] - margins.view(*ids.shape[:3])).mean(dim=-1) * content.exists


def _before(
    after: Float[Tensor, "example walk step ..."], first: Float[Tensor, "example ..."]
) -> Float[Tensor, "example walk step ..."]:
    """Shifts values after each step to those before it; a walk begins with the text itself."""
    begin = first[:, None, None].expand(-1, after.shape[1], 1, *after.shape[3:])
    return torch.cat([begin, after[:, :, :-1]], dim=2)


def _by_unit(values: Float[Tensor, "example walk step"], walks: Walks) -> Float[Tensor, "example walk unit"]:
    """Reorders the values of steps by the word that each replaces."""
    return torch.empty_like(values).scatter(-1, walks.unit, values)
