"""Word alignment of a translation with its source, by the cross-attention of each layer."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise, product
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from typing_extensions import TypedDict

from analyses.export.json_schema import Share
from analyses.translation.alignment_errors import GoldAlignment
from interpret.attention.recording import Recording, recording
from interpret.projections.output_projection import find_readers
from interpret.subjects.continuation import Continuation
from interpret.subjects.example import UnitKind
from interpret.subjects.seq2seq import Translation
from interpret.subjects.units import units_of

Measured = Literal["weights", "norms"]
Aligned = Literal["output", "input"]

_WORD = re.compile(r"\S+")


class AlignmentErrorRate(TypedDict):
    """Alignment error rate of one layer by one measure, in a document.

    Attributes:
        layer: Name of the cross-attention call.
        by: By attention weights, or by norms of weighted value vectors.
        aligned: Whether a word's row is where it is written, or where it is read.
        error_rate: Alignment error rate.
    """

    layer: str
    by: Measured
    aligned: Aligned
    error_rate: Share


class GoldDict(TypedDict):
    """Links between words made by people, in a document.

    Attributes:
        sure: Links of a source word and a target word, from 0, that all agreed on.
        possible: Links that some made; the sure ones are among them.
    """

    sure: list[tuple[int, int]]
    possible: list[tuple[int, int]]


class AlignmentDict(TypedDict):
    """Cross-attention of a whole translation, word by word, in a document.

    Attributes:
        source: Words of the source.
        target: Words of the target.
        layers: Names of the cross-attention calls.
        weights: `[layer][target word][source word]`: mean share of attention, at the position that writes a word.
        gold: Links made by people; null without them.
        error_rates: Alignment error rates; empty without such links.
    """

    source: list[str]
    target: list[str]
    layers: list[str]
    weights: list[list[list[float]]]
    gold: GoldDict | None
    error_rates: list[AlignmentErrorRate]


@dataclass(frozen=True, eq=False)
class Alignment:
    """Cross-attention from every position of a whole target to the words of its source.

    Attributes:
        source: Words of the source.
        target: Words of the target.
        pieces: Tokens of each word of the target, from 0.
        layers: Names of the cross-attention calls, such as "cross 1".
        weights: Share of each source word in a position's attention; the rest, up to 1, is on special tokens. The
            first position reads the start mark and predicts the first token; position i reads token i - 1 and predicts
            token i.
        norms: Norm of the vector that each source word adds to a position, all heads together; `None` where the model's
            output projection can't be found.
        gold: Gold alignment, if one was given.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    pieces: tuple[tuple[int, ...], ...] = field(repr=False)
    layers: tuple[str, ...]
    weights: Float[Tensor, "layer head query source"] = field(repr=False)
    norms: Float[Tensor, "layer query source"] | None = field(repr=False)
    gold: GoldAlignment | None = None

    def matrix(
        self, layer: int = -1, *, head: int | None = None, by: Measured = "weights", aligned: Aligned = "output"
    ) -> Float[Tensor, "target source"]:
        """Returns the attention of each target word, mean over its tokens, on each source word.

        Args:
            layer: Cross-attention call, from 0.
            head: One head, from 0; by default the mean over heads of "weights", and all heads together of "norms".
            by: "weights", or "norms": the norms of weighted value vectors.
            aligned: Whether a token's row is that of the position that predicts it ("output") or of the next one, which
                reads it ("input").

        Raises:
            ValueError: Norms are asked for but missing, or asked for one head.

        Source: Both alignment settings, and norms, as in Kobayashi et al. (2020), arXiv:2004.10102, section 5; the
        position whose input is the token, Chen et al. (2020), arXiv:2004.14837. A sum over the tokens of a source
        word and a mean over those of a target word: Clark et al. (2019), arXiv:1906.04341, section 4.1.
        """
        rows = self._rows(layer, head, by)
        shift = 0 if aligned == "output" else 1
        return torch.stack([rows[[piece + shift for piece in pieces]].mean(dim=0) for pieces in self.pieces])

    def error_rates(self) -> list[AlignmentErrorRate]:
        """Computes the alignment error rate of each layer, measure and alignment setting, by the strongest links.

        Returns:
            The names of layer, "by" and "aligned", and the "error_rate" in [0, 1]; empty without a gold alignment.
        """
        if self.gold is None:
            return []
        measures: tuple[Measured, ...] = ("weights",) if self.norms is None else ("weights", "norms")
        ways: tuple[Aligned, ...] = ("output", "input")
        return [
            {
                "layer": name,
                "by": by,
                "aligned": aligned,
                "error_rate": self.gold.error_rate(strongest_links(self.matrix(layer, by=by, aligned=aligned))),
            }
            for (layer, name), by, aligned in product(enumerate(self.layers), measures, ways)
        ]

    def to_dict(self) -> AlignmentDict:
        """Returns plain numbers and words, in the schema of an analysis."""
        gold = self.gold
        links: GoldDict | None = (
            None if gold is None else {"sure": _links(gold.sure), "possible": _links(gold.possible)}
        )
        return {
            "source": list(self.source),
            "target": list(self.target),
            "layers": list(self.layers),
            "weights": [self.matrix(layer).tolist() for layer in range(len(self.layers))],
            "gold": links,
            "error_rates": self.error_rates(),
        }

    def _rows(self, layer: int, head: int | None, by: Measured) -> Float[Tensor, "query source"]:
        if by == "weights":
            return self.weights[layer].mean(dim=0) if head is None else self.weights[layer, head]
        if self.norms is None:
            raise ValueError("this model's output projection wasn't found, so there are no norms; use weights")
        if head is not None:
            raise ValueError(f"norms are those of all heads together, not of head {head}; use weights, or no head")
        return self.norms[layer]


def _links(pairs: Collection[tuple[int, int]]) -> Any:
    return sorted(map(list, pairs))


def strongest_links(matrix: Float[Tensor, "target source"]) -> frozenset[tuple[int, int]]:
    """Links each target word to its most attended source word; returns pairs of a source and a target word.

    A target word that attends only to special tokens has no link.
    """
    best, places = matrix.max(dim=1)
    links = zip(places.tolist(), best.tolist(), strict=True)
    return frozenset((place, word) for word, (place, value) in enumerate(links) if value > 0)


def alignment(
    subject: Translation, source: str, target: str | None = None, *, gold: str | None = None, truncate: bool = False
) -> Alignment:
    """Records cross-attention over a whole target, and pools tokens into words on both sides.

    Args:
        subject: A translator.
        source: The text.
        target: Its translation; by default generated by the model.
        gold: Gold alignment in the Pharaoh format, such as "0-0 1-2 2?1". Words are then separated by spaces, as that
            format counts them; without it they are the units of reports, which separate punctuation.
        truncate: Whether to truncate a source that is too long.

    Raises:
        InputError: A text is empty or too long, or the gold alignment can't be read or names words that aren't there.

    Source: Norms: Kobayashi et al. (2020), arXiv:2004.10102, section 2, `|| sum over heads of a f(x) ||` with
    `f(x) = (x W_V + b_V) W_O`; vectors of heads are summed before the norm, and norms of the tokens of a word after it.
    Special tokens of either side are no words, so no word can be linked to them; that is ours.
    """
    written = subject.continuation(source, target, truncate=truncate)
    ids, words, pieces = _whole(subject, written, spaced=gold is not None)
    first, length = written.examples[0], written.examples[0].parts[0].stop
    special = [position in first.separators for position in range(length)]
    text = source[: max(stop for _, stop in first.spans[:length])]
    sources = _words(first.unit_kind, text, first.spans[:length], special, spaced=gold is not None)
    pooling = torch.zeros(len(sources), length)
    for row, (_, tokens) in enumerate(sources):
        pooling[row, list(tokens)] = 1
    with torch.no_grad(), recording(subject.model) as record:
        subject.logits(ids[None])
        calls = [layer for layer in range(len(record)) if subject.layer_kind(layer) == "cross"]
    weights = torch.stack([record.weights(layer)[0].float().cpu() for layer in calls])
    norms = _norms(subject, ids, record, calls)
    names = tuple(text for text, _ in sources)
    return Alignment(
        source=names,
        target=words,
        pieces=pieces,
        layers=tuple(subject.layer_name(layer) for layer in calls),
        weights=weights @ pooling.T,
        norms=None if norms is None else norms @ pooling.T,
        gold=None if gold is None else GoldAlignment.parse(gold, source=len(names), target=len(words)),
    )


Words = Sequence[tuple[str, tuple[int, ...]]]


def _whole(
    subject: Translation, written: Continuation, *, spaced: bool
) -> tuple[Int[Tensor, " token"], tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """Returns an input with the whole target, the target's words, and the tokens of each."""
    tokens = [example.expected for example in written.examples]
    special = [token in subject.written.all_special_ids for token in tokens]
    ids = written.examples[-1].ids
    if not special[-1]:  # without an end mark the last token must be read too, not only predicted
        ids = torch.cat([ids, ~torch.tensor(tokens[-1:])])
    texts = [" " if out else text for text, out in zip(written.tokens, special, strict=True)]
    spans = list(pairwise([0, *accumulate(map(len, texts))]))
    words = _words(written.examples[0].unit_kind, "".join(texts), spans, special, spaced=spaced)
    return ids, tuple(text for text, _ in words), tuple(pieces for _, pieces in words)


def _words(
    kind: UnitKind, text: str, spans: Sequence[tuple[int, int]], left_out: Sequence[bool], *, spaced: bool
) -> Words:
    """Returns words of a text and the tokens of each, separated by spaces or as the units of reports."""
    if not spaced:
        return [(unit.text, unit.tokens) for unit in units_of(kind, text, spans, left_out)]
    found = []
    for word in _WORD.finditer(text):
        pieces = [
            index
            for index, ((start, stop), out) in enumerate(zip(spans, left_out, strict=True))
            if not out and start < word.end() and stop > word.start()
        ]
        if pieces:
            found.append((word[0], tuple(pieces)))
    return found


def _norms(
    subject: Translation, ids: Int[Tensor, " token"], record: Recording, calls: Sequence[int]
) -> Float[Tensor, "layer query source"] | None:
    """Norm of the vector that each source token adds to each position, through the output projection."""
    inputs = {"input_ids": ids[ids >= 0][None], "decoder_input_ids": ~ids[ids < 0][None]}
    readers = find_readers(subject.model, {name: part.to(subject.device) for name, part in inputs.items()})
    norms = []
    for layer in calls:
        reader = readers[layer]
        if reader is None or reader.matrix is None:
            return None
        values = record.calls[layer].values_per_head[0].float()
        columns = reader.matrix[:, : reader.heads * reader.width].float().view(-1, reader.heads, reader.width)
        vectors = torch.einsum("hkd,ohd->hko", values, columns)
        rows = record.weights(layer)[0].float().transpose(0, 1)
        norms.append(torch.stack([torch.einsum("hk,hko->ko", row, vectors).norm(dim=-1) for row in rows]).cpu())
    return torch.stack(norms)
