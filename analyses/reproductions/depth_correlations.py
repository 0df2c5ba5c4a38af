"""Abnar and Zuidema's tables: raw attention, rollout and flow at each depth, against what words do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attention_only.decision_rows import mean_row
from analyses.explanations.attention_only.flow import attention_flow
from analyses.explanations.gradient_based.embeddings import embeddings_of, gradients_at, rows_of
from analyses.explanations.shared import Shared
from analyses.reproductions.spearman import spearman
from analyses.results.pictures import LineChart
from analyses.results.result import PlottedResult
from analyses.results.wording import number
from interpret.attention.maps import GivenMaps
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.inputs.batch import Text
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

if TYPE_CHECKING:
    from pandas import DataFrame

METHODS = ("raw attention", "attention rollout", "attention flow")
REFERENCES = ("blank-out", "input gradient")


@dataclass(frozen=True, eq=False, repr=False)
class DepthCorrelations(PlottedResult):
    """Rank correlations of attention maps, at every depth, with two measures of what words do.

    Attributes:
        values: Spearman's correlation over the words of a text, from -1 to 1; NaN where it is undefined, because a map
            or a measure gives all words the same or there are fewer than two words. Methods are in the order of
            `METHODS`, references in that of `REFERENCES`, and layer 0 is nearest the input.

    Example:
        >>> found = depth_correlations(interpret.load(), ["Slow at first, then wonderful.", "A gripping film."])
        >>> found.values.shape  # text, method, reference, layer
        torch.Size([2, 3, 2, 3])
        >>> found.to_frame().columns.tolist()
        ['reference', 'method', 'layer', 'mean', 'sd', 'texts', 'undefined']
    """

    values: Float[Tensor, "text method reference layer"]

    @property
    def mean(self) -> Float[Tensor, "method reference layer"]:
        """Mean over the texts on which a correlation is defined."""
        return self.values.nanmean(dim=0)

    def summary(self) -> list[str]:
        """Returns the mean correlations of the last layer."""
        texts, *_, layers = self.values.shape
        last = self.mean[..., -1].tolist()
        return [
            f"Rank correlations of attention at {layers} depths with what words do, mean of {texts} texts",
            *(
                f"last layer, {method}: "
                + ", ".join(f"{number(value)} with {name}" for name, value in zip(REFERENCES, row, strict=True))
                for method, row in zip(METHODS, last, strict=True)
            ),
        ]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each reference, method and layer: mean, standard deviation, and numbers of texts."""
        import pandas

        defined = self.values.isfinite().sum(dim=0)
        spread = (self.values - self.mean).square().nansum(dim=0).div((defined - 1).clamp(min=1)).sqrt()
        rows = [
            (reference, method, layer, float(self.mean[place]), float(spread[place]), int(defined[place]), missing)
            for right, reference in enumerate(REFERENCES)
            for left, method in enumerate(METHODS)
            for layer in range(self.values.shape[-1])
            for place in [(left, right, layer)]
            for missing in [len(self.values) - int(defined[place])]
        ]
        return pandas.DataFrame(rows, columns=["reference", "method", "layer", "mean", "sd", "texts", "undefined"])

    def pictures(self) -> Mapping[str, Callable[[], LineChart]]:
        """Returns the mean correlations over depth, for each reference."""
        return {reference: partial(self._lines, right) for right, reference in enumerate(REFERENCES)}

    def _lines(self, reference: int) -> LineChart:
        lines = {method: self.mean[left, reference].tolist() for left, method in enumerate(METHODS)}
        measure = f"rank correlation with {REFERENCES[reference]}"
        return LineChart(tuple(range(self.values.shape[-1])), lines, "layer", measure)


@gradients_on()
def depth_correlations(
    subject: Subject, texts: Sequence[Example | Text], *, eraser: str | None = None
) -> DepthCorrelations:
    """Correlates raw attention, rollout and flow, at every depth, with blank-out and with input gradients.

    Each map is the row of the position that the decision is read from. Blank-out is the absolute change of the margin
    without a word, the input gradient the absolute sum over dimensions of the margin's gradient at a word's embedding.

    Args:
        subject: The model.
        texts: Texts, or encoded inputs.
        eraser: How words are taken out; by default the first of `subject.erasers`. The paper puts an unknown token.

    Raises:
        CaptureError: The calls of the model don't form a chain of layers.
        ValueError: There is no text.

    Source: Abnar and Zuidema (2020), arXiv:2005.00928, section 4, tables 1 and 2. Their released script ranks ties
    densely; we give tied words their mean rank. They score the number of a verb; we score any decision, by its margin.

    Example:
        >>> found = depth_correlations(interpret.load(), ["Slow at first, then wonderful.", "A gripping film."])
        >>> round(float(found.mean[1, 0, -1]), 1)  # of rollout with blank-out, in the last layer
        0.8
    """
    if not texts:
        raise ValueError("at least one text is needed, and none came")
    return DepthCorrelations(torch.stack([_of_text(subject, text, eraser) for text in texts]))


def _of_text(subject: Subject, text: Example | Text, eraser: str | None) -> Float[Tensor, "method reference layer"]:
    subject, example, decision = subject.asked(text)
    shared = Shared(subject, example, decision, eraser=eraser)
    falls = decision.margin - shared.without.margin
    (gradient,) = gradients_at(subject, example, decision, embeddings_of(subject, example))
    slopes = example.pool(rows_of(gradient).sum(dim=-1))
    weights = shared.attention.as_chain().weights
    readout = decision.readout_in(example).float().cpu()
    by_layer = [
        (
            example.pool(mean_row(GivenMaps(weights), layer, readout)),
            example.pool(shared.rollout.from_position(decision.readout)[layer].cpu()),
            attention_flow(weights[: layer + 1], example, decision).scores,
        )
        for layer in range(len(weights))
    ]
    references = falls.abs(), slopes.abs()
    found = [[[spearman(row, each) for row in rows] for each in references] for rows in zip(*by_layer, strict=True)]
    return torch.tensor(found)
