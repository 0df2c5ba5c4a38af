"""Alignment of a translation: cross-attention from every position of a target to the words of its source."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import TypedDict

from analyses.export.json_schema import Share
from analyses.results.pictures import HeatMap
from analyses.results.result import PlottedResult
from analyses.results.wording import number, sizes
from analyses.translation.alignment_errors import GoldAlignment

if TYPE_CHECKING:
    from pandas import DataFrame

Measured = Literal["weights", "norms"]
Aligned = Literal["output", "input"]


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


@dataclass(frozen=True, eq=False, repr=False)
class Alignment(PlottedResult):
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

    Example:
        >>> weights = torch.tensor([[[[0.9, 0.1], [0.2, 0.8]]]])  # layer, head, query, source
        >>> found = Alignment(("the", "dog"), ("der", "Hund"), ((0,), (1,)), ("cross 1",), weights, None)
        >>> [[round(share, 1) for share in row] for row in found.matrix().tolist()]
        [[0.9, 0.1], [0.2, 0.8]]
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    pieces: tuple[tuple[int, ...], ...]
    layers: tuple[str, ...]
    weights: Float[Tensor, "layer head query source"]
    norms: Float[Tensor, "layer query source"] | None
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

    def summary(self) -> list[str]:
        """Returns the shape, the strongest links of the last layer, and the lowest error rate."""
        shape = {"layer": len(self.layers), "target word": len(self.target), "source word": len(self.source)}
        links = sorted(strongest_links(self.matrix()), key=lambda link: link[1])
        shown = ", ".join(f"{self.target[target]}→{self.source[source]}" for source, target in links[:_SHOWN])
        lines = [
            f"Alignment of {sizes(shape)}, share of cross-attention",
            f"{self.layers[-1]}: {shown}{', …' if len(links) > _SHOWN else ''}",
        ]
        if self.gold is not None:
            best = min(self.error_rates(), key=lambda rate: float(rate["error_rate"]))
            lines.append(
                f"lowest alignment error rate {number(best['error_rate'])}: {best['layer']}, by {best['by']}, aligned "
                f"with the {best['aligned']}"
            )
        return lines

    def to_frame(self) -> "DataFrame":
        """Returns a row for each layer, target word and source word: the share of attention, mean over heads.

        Where norms are known, they stand in another column.
        """
        import pandas

        layers = range(len(self.layers))
        places = list(product(layers, range(len(self.target)), range(len(self.source))))
        weights = torch.stack([self.matrix(layer) for layer in layers])
        columns: dict[str, Any] = {
            "layer": [layer for layer, _, _ in places],
            "layer_name": [self.layers[layer] for layer, _, _ in places],
            "target": [target for _, target, _ in places],
            "target_word": [self.target[target] for _, target, _ in places],
            "source": [source for _, _, source in places],
            "source_word": [self.source[source] for _, _, source in places],
            "weight": weights.flatten().numpy(),
        }
        if self.norms is not None:
            columns["norm"] = torch.stack([self.matrix(layer, by="norms") for layer in layers]).flatten().numpy()
        return pandas.DataFrame(columns)

    def pictures(self) -> Mapping[str, Callable[[], HeatMap]]:
        """Returns the attention of each layer, the last first, as heat maps of target by source words."""
        return {self.layers[layer]: partial(self._heat_map, layer) for layer in reversed(range(len(self.layers)))}

    def _heat_map(self, layer: int) -> HeatMap:
        measure = f"share of attention, {self.layers[layer]}"
        return HeatMap(self.matrix(layer).tolist(), self.target, self.source, "target", "source", measure)

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


_GOLD = ("sure", "possible")
_SHOWN = 8  # most links in a summary


def _links(pairs: Collection[tuple[int, int]]) -> Any:
    return sorted(map(list, pairs))


def strongest_links(matrix: Float[Tensor, "target source"]) -> frozenset[tuple[int, int]]:
    """Links each target word to its most attended source word; returns pairs of a source and a target word.

    A target word that attends only to special tokens has no link.
    """
    best, places = matrix.max(dim=1)
    links = zip(places.tolist(), best.tolist(), strict=True)
    return frozenset((place, word) for word, (place, value) in enumerate(links) if value > 0)
