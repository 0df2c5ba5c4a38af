"""Kobayashi's comparison: shares of attention weights, and of the vectors they fetch, by kind of token."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analyses.results.pictures import LineChart
from analyses.results.result import PlottedResult
from interpret.decomposition.decompose import decompose
from interpret.subjects.inputs.batch import Text
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

if TYPE_CHECKING:
    from pandas import DataFrame

KINDS = ("special tokens", "punctuation", "words")
MEASURES = ("weights", "norms")


@dataclass(frozen=True, eq=False, repr=False)
class WeightsAndNorms(PlottedResult):
    """Shares of attention on kinds of tokens, by weight and by the length of what is fetched.

    Attributes:
        shares: Mean share of a position's row, 0 to 1, of the tokens of a kind together; the kinds sum to 1. Measures
            are in the order of `MEASURES`, kinds in that of `KINDS`, and layer 0 is nearest the input.

    Example:
        >>> found = weights_and_norms(interpret.load(), ["Slow at first, then wonderful.", "A gripping film."])
        >>> found.shares.shape  # text, measure, kind, layer
        torch.Size([2, 2, 3, 3])
        >>> found.to_frame().columns.tolist()
        ['measure', 'kind', 'layer', 'share']
    """

    shares: Float[Tensor, "text measure kind layer"]

    @property
    def mean(self) -> Float[Tensor, "measure kind layer"]:
        """Mean over texts."""
        return self.shares.mean(dim=0)

    def summary(self) -> list[str]:
        """Returns the shares of special tokens, mean over layers."""
        special = self.mean[:, 0].mean(dim=1).tolist()
        layers = self.shares.shape[-1]
        return [
            f"Shares of attention in {layers} layers, mean of {len(self.shares)} texts",
            f"on special tokens: {special[0]:.0%} of the weights, {special[1]:.0%} of the norms of what they fetch",
        ]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each measure, kind and layer, with the mean share."""
        import pandas

        rows = [
            (measure, kind, layer, float(self.mean[left, middle, layer]))
            for left, measure in enumerate(MEASURES)
            for middle, kind in enumerate(KINDS)
            for layer in range(self.shares.shape[-1])
        ]
        return pandas.DataFrame(rows, columns=["measure", "kind", "layer", "share"])

    def pictures(self) -> Mapping[str, Callable[[], LineChart]]:
        """Returns the shares over depth, for each kind."""
        return {kind: partial(self._lines, middle) for middle, kind in enumerate(KINDS)}

    def _lines(self, kind: int) -> LineChart:
        lines = {measure: self.mean[left, kind].tolist() for left, measure in enumerate(MEASURES)}
        return LineChart(tuple(range(self.shares.shape[-1])), lines, "layer", f"share of {KINDS[kind]}")


def weights_and_norms(subject: Subject, texts: Sequence[Example | Text]) -> WeightsAndNorms:
    """Compares what share of attention kinds of tokens get with what share of the attention's output they make.

    A weight is the mean over heads. A norm is the length of the vector that a token adds to a position by attention,
    its heads summed first; each position's norms are scaled to sum to 1. Positions are averaged.

    Args:
        subject: The model.
        texts: Texts, or encoded inputs.

    Raises:
        CaptureError: The model's layers can't be taken apart into what each position adds.
        ValueError: There is no text.

    Source: Kobayashi et al. (2020), arXiv:2004.10102, section 4. They average over heads; we sum a token's heads first.

    Example:
        >>> found = weights_and_norms(interpret.load(), ["Slow at first, then wonderful.", "A gripping film."])
        >>> [[round(share, 2) for share in row] for row in found.mean[:, 0].tolist()]  # special tokens, by layer
        [[0.18, 0.24, 0.26], [0.12, 0.23, 0.26]]
    """
    if not texts:
        raise ValueError("at least one text is needed, and none came")
    return WeightsAndNorms(torch.stack([_of_text(subject, text) for text in texts]))


def _of_text(subject: Subject, text: Example | Text) -> Float[Tensor, "measure kind layer"]:
    example = text if isinstance(text, Example) else subject.encode(text)
    kinds, layers = _kinds(example), []
    for layer in decompose(subject, example).layers:
        sums = torch.zeros(len(MEASURES), len(KINDS))
        rows = 0
        for block in layer.blocks():
            first = layer.span.keys[0]
            seen = kinds[first : first + block.weights.shape[2]]
            norms = block.attention.norm(dim=-1).cpu()
            weights = torch.zeros_like(norms)
            weights[:, first : first + len(seen)] = block.weights.mean(dim=0).cpu()
            for measure, shares in enumerate((weights, norms)):
                scaled = shares / shares.sum(dim=1, keepdim=True)
                sums[measure].index_add_(0, kinds[: scaled.shape[1]], scaled.sum(dim=0))
            rows += len(norms)
        layers.append(sums / rows)
    return torch.stack(layers, dim=-1)


def _kinds(example: Example) -> Int[Tensor, " token"]:
    """Kind of each token, an index of `KINDS`."""
    units = [1 if not any(letter.isalnum() for letter in unit.text) else 2 for unit in example.units]
    return torch.tensor([*units, 0])[example.unit_of.cpu()]
