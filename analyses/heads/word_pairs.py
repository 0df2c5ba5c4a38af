"""Which heads attend between one pair of words rather than another, and does it matter to the decision?"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.statistics import randomisation_p_value
from interpret.attention.edges import without_edges
from interpret.attention.editing import Edit, editing
from interpret.errors import InputError
from interpret.subjects.decision import Decision, margin
from interpret.subjects.example import Example
from interpret.subjects.mentions import Mention, find_mention, mention_names
from interpret.subjects.subject import Subject


@dataclass(frozen=True, eq=False)
class WordPairs:
    """Attention between a word and two others, head by head, and what cutting it does.

    Attributes:
        first: Attention between the word and the first other word, a share in [0, 1].
        second: The same for the second other word.
        fall: How far the margin falls, in logits, when every head with `first > second` loses that attention.
        random: The same when as many heads drawn at random lose it.
        remarks: What a reader has to be told of which words these are.
    """

    first: Float[Tensor, "layer head"] = field(repr=False)
    second: Float[Tensor, "layer head"] = field(repr=False)
    fall: float
    random: Float[Tensor, " draw"] = field(repr=False)
    remarks: tuple[str, ...] = ()

    @property
    def preferring(self) -> Bool[Tensor, "layer head"]:
        """The heads that put more between the word and the first other word."""
        return self.first > self.second

    @property
    def p_value(self) -> float:
        """Share of random draws of heads that move the margin at least as far, either way."""
        return randomisation_p_value(abs(self.fall), self.random.abs())


def word_pairs(
    subject: Subject,
    example: Example,
    decision: Decision,
    *,
    word: str,
    first: str,
    second: str,
    draws: int = 200,
    seed: int = 0,
) -> WordPairs:
    """Compares attention word-first with word-second in every head, and tests whether the former matters.

    Attention between two words is the larger of both directions, each from the last token of the one, as a sum
    over the tokens of the other; a causal model has only the direction that looks back. To test it, the weights
    between `word` and `first` are set to 0 in both directions in all heads that prefer this pair, the rows are
    scaled up to what they had, and the margin is compared with that of as many heads drawn at random.

    Args:
        subject: The model.
        example: The text.
        decision: What was decided on it.
        word: The word that both pairs share, one of those that are ranked. Of several mentions the first is meant, or
            that of a number, as in "mat#2"; see `interpret.subjects.mentions`.
        first: The other word of the first pair.
        second: The other word of the second pair.
        draws: Random draws of heads.
        seed: Seed of those draws.

    Raises:
        InputError: A word isn't in the text.
    """
    mentions = [_mention(example, name) for name in (word, first, second)]
    places = [list(mention.unit.tokens) for mention in mentions]
    record, _ = subject.record(example)
    weights = record.stacked().float().cpu()
    attention = [_between(weights, places[0], other) for other in places[1:]]
    chosen = attention[0] > attention[1]
    generator = torch.Generator().manual_seed(seed)
    shuffled = [torch.randperm(chosen.numel(), generator=generator) for _ in range(draws)]
    sets = torch.stack([chosen, *(chosen.flatten()[order].view_as(chosen) for order in shuffled)])
    cells = _cells(len(example.ids), places[0], places[1])
    draws_at_once = subject.rows_at_once(len(example.ids))
    parts = torch.split(sets, draws_at_once)
    falls = decision.margin - torch.cat([_margins_without(subject, example, decision, part, cells) for part in parts])
    remarks = tuple(dict.fromkeys(mention.remark for mention in mentions if mention.remark))
    return WordPairs(attention[0], attention[1], float(falls[0]), falls[1:], (*example.remarks, *remarks))


def _mention(example: Example, word: str) -> Mention:
    """A word that is named; only units count, so not a dropped first position."""
    mention = find_mention(example, word)
    if mention is None:
        words, is_first = ", ".join(mention_names(example)), example.text.casefold().startswith(word.casefold())
        hint = (
            "; the first word of this model isn't ranked, which --sink keep (sink='keep') changes" if is_first else ""
        )
        raise InputError(f"the text has no word {word!r} to compare; its words are: {words}{hint}")
    return mention


def _between(
    weights: Float[Tensor, "layer head query key"], one: Sequence[int], other: Sequence[int]
) -> Float[Tensor, "layer head"]:
    there = weights[:, :, one[-1], list(other)].sum(-1)
    back = weights[:, :, other[-1], list(one)].sum(-1)
    return torch.maximum(there, back)


def _cells(tokens: int, one: Sequence[int], other: Sequence[int]) -> Bool[Tensor, "query key"]:
    cells = torch.zeros(tokens, tokens, dtype=torch.bool)
    for query, key in ((one, other), (other, one)):
        cells[torch.tensor(query)[:, None], torch.tensor(key)] = True
    return cells


def _margins_without(
    subject: Subject,
    example: Example,
    decision: Decision,
    heads: Bool[Tensor, "draw layer head"],
    cells: Bool[Tensor, "query key"],
) -> Float[Tensor, " draw"]:
    """Margins when each draw's heads lose the weights in `cells`."""
    heads, cells = heads.to(subject.device), cells.to(subject.device)

    def cut(layer: int, weights: Tensor) -> Tensor:
        return without_edges(weights, heads[:, layer, :, None, None] & cells)

    ids = example.ids.expand(len(heads), -1)
    with torch.no_grad(), editing(subject.model, Edit("weights", cut)):
        return margin(subject.logits(ids).float(), decision.target).cpu()
