"""Heads that attend between one pair of words more than another, and the effect of cutting that attention."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.results.head_maps import head_chart
from analyses.results.labelling import labels_of
from analyses.results.pictures import HeatMap
from analyses.results.result import MapsResult
from analyses.results.wording import number, quoted, sizes
from analyses.statistics import randomisation_p_value
from interpret.attention.edges import masked_edges
from interpret.attention.editing import Edit, editing
from interpret.subjects.decision import Decision, margin
from interpret.subjects.inputs.example import Example
from interpret.subjects.inputs.mentions import named_unit
from interpret.subjects.subject import Subject


@dataclass(frozen=True, eq=False, repr=False)
class WordPairs(MapsResult):
    """Attention of each head between a word and two others, and the effect of cutting it.

    Attributes:
        first: Attention between the word and the first other word, a share in [0, 1].
        second: The same for the second other word.
        fall: Fall of the margin, in logits, when the first pair's attention is cut in every head with `first > second`.
        random: The same with as many heads drawn at random.
        remarks: Remarks for readers on which words were taken.
        words: The shared word, the first other and the second other.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> found = word_pairs(subject, example, decision, word="wonderful", first="first", second="Slow")
        >>> int(found.preferring.sum())  # of twelve heads
        6
        >>> 0 < found.p_value <= 1
        True
    """

    first: Float[Tensor, "layer head"]
    second: Float[Tensor, "layer head"]
    fall: float
    random: Float[Tensor, " draw"]
    remarks: tuple[str, ...] = ()
    words: tuple[str, str, str] = field(default=("word", "first", "second"), kw_only=True)

    @property
    def preferring(self) -> Bool[Tensor, "layer head"]:
        """True for heads with more attention between the first pair than the second."""
        return self.first > self.second

    @property
    def p_value(self) -> float:
        """Two-sided p-value: share of random sets of heads that move the margin at least as far."""
        return randomisation_p_value(abs(self.fall), self.random.abs())

    def summary(self) -> list[str]:
        """Returns how many heads prefer the first pair, the clearest, and what cutting its attention does."""
        word, first, second = map(quoted, self.words)
        shape = sizes({"layer": self.first.shape[0], "head": self.first.shape[1]})
        layer, head = divmod(int((self.first - self.second).argmax()), self.first.shape[1])
        pair = f"{number(float(self.first[layer, head]))} against {number(float(self.second[layer, head]))}"
        return [
            f"WordPairs of {word}: {first} against {second}, in {shape}",
            f"{int(self.preferring.sum())} heads prefer {first}, most of all [{layer}, {head}] with {pair}",
            f"without that attention the margin falls by {number(self.fall)} logits (p = {self.p_value:.3f})",
        ]

    def pictures(self) -> Mapping[str, Callable[[], HeatMap]]:
        """Returns the difference between the pairs, and the attention of each, as heat maps of heads."""
        word, first, second = self.words
        return {
            "difference": lambda: head_chart(
                self, self.first - self.second, f"{word}-{first} less {word}-{second}", signed=True
            ),
            "first": lambda: head_chart(self, self.first, f"attention {word}-{first}"),
            "second": lambda: head_chart(self, self.second, f"attention {word}-{second}"),
        }


def word_pairs(
    subject: Subject,
    example: Example | str,
    decision: Decision | None = None,
    *,
    word: str,
    first: str,
    second: str,
    draws: int = 200,
    seed: int = 0,
) -> WordPairs:
    """Compares attention between word and first with that between word and second, and tests the former's effect.

    Attention between two words is the larger of both directions, each from the last token of the one, summed over the
    tokens of the other; a causal model attends only backwards. To test it, the weights between `word` and `first` are
    set to 0 in both directions in all heads that prefer this pair, the rows are renormalised, and the
    margin is compared with that of as many heads drawn at random.

    Args:
        subject: The model.
        example: The text, encoded or not.
        decision: The decision on it; by default the model's own.
        word: The word that both pairs share, one of the ranked words. Of several mentions the first is taken, or a
            numbered one, as in "mat#2".
        first: The other word of the first pair.
        second: The other word of the second pair.
        draws: Number of random sets of heads.
        seed: Seed of those draws.

    Raises:
        InputError: A word isn't in the text.

    Example:
        >>> subject = interpret.load()
        >>> text = "Slow at first, then wonderful."
        >>> found = word_pairs(subject, text, word="wonderful", first="first", second="Slow")
        >>> found.first.shape  # layer, head
        torch.Size([3, 4])
        >>> round(found.fall, 2)  # of the margin, in logits
        0.13
    """
    subject, example, decision = subject.asked(example, decision)
    mentions = [named_unit(example, name) for name in (word, first, second)]
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
    return WordPairs(
        attention[0],
        attention[1],
        float(falls[0]),
        falls[1:],
        (*example.remarks, *remarks),
        words=(word, first, second),
        labels=labels_of(subject, example, len(weights)),
    )


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
    """Margins when the weights in `cells` are cut in each draw's heads."""
    heads, cells = heads.to(subject.device), cells.to(subject.device)

    def cut(layer: int, weights: Tensor) -> Tensor:
        return masked_edges(weights, heads[:, layer, :, None, None] & cells)

    ids = example.ids.expand(len(heads), -1)
    with torch.no_grad(), editing(subject.model, Edit("weights", cut)):
        return margin(subject.logits(ids).float(), decision.target).cpu()
