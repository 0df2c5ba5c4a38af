"""Value zeroing's comparison: which map of a layer's mixing finds the word that licenses the answer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from analyses.evidence.overlap import overlap
from analyses.explanations.attention_edits.value_zeroing import context_mixing_of_layers
from analyses.explanations.shared import Shared
from analyses.explanations.value_aware.alti import alti_contributions
from analyses.explanations.value_aware.globenc import globenc_contributions
from analyses.explanations.value_aware.mixing import Contributions, mixing_maps
from analyses.explanations.value_aware.residual_norms import norms_of_all
from analyses.explanations.value_aware.weighted_value_norms import norms_of_attention
from analyses.reproductions.spearman import spearman
from analyses.results.pictures import LineChart
from analyses.results.result import PlottedResult
from analyses.results.wording import number
from interpret.decomposition.attention_parts import PartsOfRows
from interpret.errors import CaptureError
from interpret.subjects.inputs.batch import Text
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

if TYPE_CHECKING:
    from pandas import DataFrame

MEASURES = ("dot product", "average precision", "blank-out")
SCOPES = ("single layer", "rollout")


def mean_weights(block: PartsOfRows) -> Float[Tensor, "row position"]:
    """Computes the attention weights of each row, mean over heads."""
    first, weights = block.layer.span.keys[0], block.weights.mean(dim=0)
    last = block.attention.shape[1] - first - weights.shape[1]
    return torch.nn.functional.pad(weights, (first, last))


WITHOUT_SKIP: Mapping[str, Contributions] = {"raw attention": mean_weights, "weighted value norms": norms_of_attention}
WITH_SKIP: Mapping[str, Contributions] = {
    "residual norms": norms_of_all,
    "GlobEnc": globenc_contributions,
    "ALTI": alti_contributions,
}
METHODS = (*WITHOUT_SKIP, *WITH_SKIP, "value zeroing")


@dataclass(frozen=True, eq=False, repr=False)
class CueAlignment(PlottedResult):
    """How well maps of a layer's mixing, at every depth, find the cue and follow what words do.

    Attributes:
        values: Methods are in the order of `METHODS`, scopes in that of `SCOPES`, measures in that of `MEASURES`, and
            layer 0 is nearest the input. NaN where blank-out's correlation is undefined.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = cue_alignment(subject, [example], [marked_units(example, [(20, 29)])])
        >>> found.values.shape  # text, method, scope, measure, layer
        torch.Size([1, 6, 2, 3, 3])
        >>> found.to_frame().columns.tolist()
        ['measure', 'scope', 'method', 'layer', 'mean', 'texts']
    """

    values: Float[Tensor, "text method scope measure layer"]

    @property
    def mean(self) -> Float[Tensor, "method scope measure layer"]:
        """Mean over the texts on which a measure is defined."""
        return self.values.nanmean(dim=0)

    def summary(self) -> list[str]:
        """Returns each method's measures, traced from the last layer to the input."""
        texts, *_, layers = self.values.shape
        last = self.mean[:, SCOPES.index("rollout"), :, -1].tolist()
        return [
            f"Maps of what a position mixes in, through {layers} layers, mean of {texts} texts",
            *(
                f"{method}: " + ", ".join(f"{name} {number(value)}" for name, value in zip(MEASURES, row, strict=True))
                for method, row in zip(METHODS, last, strict=True)
            ),
        ]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each measure, scope, method and layer: the mean, and the number of texts that have one."""
        import pandas

        defined = self.values.isfinite().sum(dim=0)
        rows = [
            (measure, scope, method, layer, float(self.mean[place]), int(defined[place]))
            for third, measure in enumerate(MEASURES)
            for second, scope in enumerate(SCOPES)
            for first, method in enumerate(METHODS)
            for layer in range(self.values.shape[-1])
            for place in [(first, second, third, layer)]
        ]
        return pandas.DataFrame(rows, columns=["measure", "scope", "method", "layer", "mean", "texts"])

    def pictures(self) -> Mapping[str, Callable[[], LineChart]]:
        """Returns each measure over depth, of single layers and of rollouts."""
        return {
            f"{measure}, {scope}": partial(self._lines, second, third)
            for third, measure in enumerate(MEASURES)
            for second, scope in enumerate(SCOPES)
        }

    def _lines(self, scope: int, measure: int) -> LineChart:
        lines = {method: self.mean[at, scope, measure].tolist() for at, method in enumerate(METHODS)}
        return LineChart(tuple(range(self.values.shape[-1])), lines, "layer", f"{MEASURES[measure]}, {SCOPES[scope]}")


def cue_alignment(
    subject: Subject, texts: Sequence[Example | Text], cues: Sequence[Sequence[bool]], *, eraser: str | None = None
) -> CueAlignment:
    """Measures how well six maps of each layer's mixing find the cue, the word that licenses the answer.

    A map's row is that of the position that the decision is read from: of a single layer, or multiplied through all
    layers below it. The *dot product* with the cue is the share of the row that lies on it, 0 to 1; *average precision*
    is of the cue among the words, 0 to 1; *blank-out* is Spearman's correlation, -1 to 1, with the absolute change of
    the margin without each word.

    Args:
        subject: The model.
        texts: Texts, or encoded inputs.
        cues: Of each text, true for the units that are the cue; `marked_units` makes them of places in the text.
        eraser: How words are taken out; by default the first of `subject.erasers`.

    Raises:
        CaptureError: The model's layers can't be taken apart into what each position adds, or have several attentions.
        ValueError: There is no text, or there aren't as many cues; or none or all of a text's units are the cue.

    Source: Mohebbi et al. (2023), arXiv:2301.12971, whose texts have the target masked; we read any decision's
    position. As in their code, attention and norms without the skip connection get half of the identity in rollout.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = cue_alignment(subject, [example], [marked_units(example, [(20, 29)])])
        >>> [round(share, 2) for share in found.mean[:, 1, 0, -1].tolist()]  # of each map, traced to the input
        [0.27, 0.43, 0.43, 0.43, 0.37, 0.84]
    """
    if not texts or len(texts) != len(cues):
        raise ValueError(f"each of at least one text must have its cue: {len(texts)} texts and {len(cues)} cues came")
    found = [_of_text(subject, text, cue, eraser) for text, cue in zip(texts, cues, strict=True)]
    return CueAlignment(torch.stack(found))


def _of_text(
    subject: Subject, text: Example | Text, cue: Sequence[bool], eraser: str | None
) -> Float[Tensor, "method scope measure layer"]:
    subject, example, decision = subject.asked(text)
    shared = Shared(subject, example, decision, eraser=eraser)
    effects, readout = (decision.margin - shared.without.margin).abs(), decision.readout_in(example).float().cpu()
    marked = np.array([bool(mark) for mark in cue])
    if len(marked) != len(example.units):
        raise ValueError(
            f"cues must say of each of the {len(example.units)} units of {example.text!r} whether it is the cue, and "
            f"{len(marked)} came; marked_units makes them of places in the text"
        )

    def measured(row: Float[Tensor, " token"]) -> list[float]:
        scores = example.pool(row)
        precision = overlap(scores.double().numpy(), marked, selected=1).average_precision
        return [float(scores[torch.from_numpy(marked)].sum()), precision, spearman(scores, effects)]

    found = []
    for maps, steps in _maps(subject, example, shared):
        through = _products(steps)
        rows = [[measured(readout @ each) for each in of_layers] for of_layers in (maps, through)]
        found.append(torch.tensor(rows).transpose(1, 2))
    return torch.stack(found)


def _maps(
    subject: Subject, example: Example, shared: Shared
) -> Iterator[tuple[Float[Tensor, "layer token token"], Float[Tensor, "layer token token"]]]:
    """Yields each method's maps, and the maps that its rollout multiplies."""
    for contributions in WITHOUT_SKIP.values():
        maps = mixing_maps(shared.decomposition, contributions)
        yield maps, (maps + torch.eye(maps.shape[-1])) / 2
    for contributions in WITH_SKIP.values():
        maps = mixing_maps(shared.decomposition, contributions)
        yield maps, maps
    maps = context_mixing_of_layers(subject, example)
    if len(maps) != len(shared.decomposition.layers):
        raise CaptureError(
            f"maps can be held beside each other where each layer has one attention; {subject.name} has "
            f"{len(shared.decomposition.layers)} in {len(maps)} layers; compare the methods' own scores by "
            "evidence_agreement"
        )
    yield maps, maps


def _products(steps: Float[Tensor, "layer token token"]) -> Iterator[Float[Tensor, "token token"]]:
    """Yields, of each layer, the product of its map with those of all layers below."""
    through = torch.eye(steps.shape[-1])
    for step in steps:
        through = step @ through
        yield through
