"""Head importance by ablation: fall of the margin when a head output is replaced."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.results.head_maps import first_heads, head_chart
from analyses.results.labelling import labels_of
from analyses.results.pictures import HeatMap
from analyses.results.result import MapsResult
from analyses.results.wording import extremes, number, sizes
from interpret.attention.editing import Edit
from interpret.attention.edits import mean_head, set_head, zero_head
from interpret.attention.recording import Recording, recording
from interpret.errors import CaptureError
from interpret.interventions.batched_edits import Way, sweep
from interpret.subjects.decision import Decision, known, margin
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

if TYPE_CHECKING:
    from pandas import DataFrame

Ablation = Literal["zero", "mean", "resample"]

ABLATIONS: tuple[Ablation, ...] = ("zero", "mean", "resample")


@dataclass(frozen=True, eq=False, repr=False)
class HeadImportance(MapsResult):
    """Effect of ablating each head on a decision.

    Attributes:
        drop: Fall of the margin without the head, in logits. Positive: the head supports the decision; negative: it
            opposes it.
        ablation: Replacement of the head output: "zero", "mean" or "resample".
        way: How the passes ran (`Sweep.way`); the numbers don't depend on it.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> found = head_importance(subject, example, decision)
        >>> found.drop.shape  # layer, head
        torch.Size([3, 4])
        >>> found.top(2)
        [(0, 3), (2, 2)]
    """

    drop: Float[Tensor, "layer head"]
    ablation: Ablation
    way: Way

    def top(self, count: int) -> list[tuple[int, int]]:
        """Returns the `count` heads (layer, head) whose ablation lowers the margin most, in descending order.

        Raises:
            InputError: `count` is below 0, or no whole number.
        """
        return first_heads(self.drop, count, largest=True)

    def to_frame(self) -> "DataFrame":
        """Returns a row for each head: its place, the fall of the margin, and the ablation."""
        return super().to_frame().assign(ablation=self.ablation)

    def summary(self) -> list[str]:
        """Returns the shape, the ends, and the heads that support the decision most."""
        shape = sizes({"layer": self.drop.shape[0], "head": self.drop.shape[1]})
        first = ", ".join(f"[{layer}, {head}] {number(float(self.drop[layer, head]))}" for layer, head in self.top(5))
        return [
            f"HeadImportance of {shape} by {self.ablation} ablation, fall of the margin in logits",
            extremes(self.drop),
            f"top: {first}",
        ]

    def pictures(self) -> Mapping[str, Callable[[], HeatMap]]:
        """Returns the falls as a heat map of heads."""
        measure = f"fall of the margin (logits), {self.ablation} ablation"
        return {"drop": lambda: head_chart(self, self.drop, measure, signed=True)}


def head_importance(
    subject: Subject,
    example: Example | str,
    decision: Decision | None = None,
    *,
    ablation: Ablation = "zero",
    other: Example | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> HeadImportance:
    """Ablates one head at a time and measures the fall of the margin; the target stays the same.

    The head's output is replaced before the output projection, at every position.

    Args:
        subject: The model.
        example: The text, encoded or not.
        decision: The decision on it, or on another target; by default the model's own.
        ablation: "zero" sets the head output to zero. "mean" sets it to its mean over the positions of this text, which
            removes differences between positions (not a mean over a data set: it still depends on the text).
            "resample" sets it to its output on `other`: at the same positions if that is as long, else at positions
            drawn at random.
        other: Another text, for "resample".
        seed: Seed of the drawn positions.
        progress: Called with the number of finished heads and of all.

    Raises:
        ValueError: There is no such ablation, or "resample" is asked for without another text.
        CaptureError: Layers have different numbers of heads.

    Source: Michel, Levy and Neubig (2019), arXiv:1905.10650, section 3.2, for "zero". They measure a score over
    a data set; we measure the logit margin of one decision. Zhang and Nanda (2024), arXiv:2309.16042, section 2.2, for
    "resample", which keeps the inputs of later layers closer to the model's distribution.

    Example:
        >>> found = head_importance(interpret.load(), "Slow at first, then wonderful.", ablation="mean")
        >>> [round(fall, 2) for fall in found.drop[0].tolist()]  # of the first layer's heads, in logits
        [0.12, -0.15, -0.02, -0.16]
    """
    subject, example, decision = subject.asked(example, decision)
    found = head_importances(
        subject, example, decision, ablations=(ablation,), other=other, seed=seed, progress=progress
    )
    return found[ablation]


def head_importances(
    subject: Subject,
    example: Example,
    decision: Decision,
    *,
    ablations: Sequence[Ablation] = ("zero", "mean"),
    other: Example | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[Ablation, HeadImportance]:
    """Computes `head_importance` by several ablations, in shared passes.

    Args:
        subject: The model.
        example: The text.
        decision: The decision on it.
        ablations: Some of `ABLATIONS`.
        other: Another text, for "resample".
        seed: Seed of the drawn positions.
        progress: Called with the number of finished heads and of all; a head counts once for each ablation.

    Raises:
        ValueError: There is no such ablation, or "resample" is asked for without another text.
        CaptureError: Layers have different numbers of heads.
    """
    for ablation in ablations:
        if ablation not in ABLATIONS:
            raise ValueError(f'ablation must be "zero", "mean" or "resample", not "{ablation}"')
    if "resample" in ablations and other is None:
        raise ValueError("resample needs another text, of which heads write what they wrote; give other=")
    decision.readout_in(example)
    passes = sweep(subject, example.ids)
    layers, heads = _grid(passes.record)
    edits = [edit for ablation in ablations for edit in _edits(ablation, subject, passes.record, other, seed)]
    drops, done = torch.empty(len(edits)), 0
    clean = margin(passes.clean, decision.target)
    for numbers, logits in passes.logits(edits):
        drops[numbers] = known((clean - margin(logits, decision.target)).cpu())
        done += len(numbers)
        if progress is not None:
            progress(done, len(edits))
    parts = zip(ablations, drops.view(len(ablations), layers, heads), strict=True)
    labels = labels_of(subject, example, layers)
    return {ablation: HeadImportance(drop, ablation, passes.way, labels=labels) for ablation, drop in parts}


def _grid(record: Recording) -> tuple[int, int]:
    """Returns the numbers of layers and heads."""
    shapes = sorted({tuple(record.output(layer).shape[2:]) for layer in range(len(record))})
    if len(shapes) > 1:
        raise CaptureError(
            f"layers have heads of different number or size {shapes}, so they fit no layer x head grid; "
            "silence them one by one with zero_head"
        )
    return len(record), shapes[0][0]


def _edits(ablation: Ablation, subject: Subject, record: Recording, other: Example | None, seed: int) -> list[Edit]:
    """Returns edits that ablate each head of each layer."""
    places = list(product(range(len(record)), range(record.output(0).shape[2])))
    if ablation == "zero":
        return [zero_head(layer, head) for layer, head in places]
    if ablation == "mean":
        return [mean_head(layer, head) for layer, head in places]
    assert other is not None
    with torch.no_grad(), recording(subject.model) as written:
        subject.logits(other.ids[None])
    draws = torch.Generator().manual_seed(seed)
    outputs = [_as_long(written.output(layer)[0], record.output(layer).shape[1], draws) for layer in range(len(record))]
    return [set_head(layer, head, outputs[layer][:, head]) for layer, head in places]


def _as_long(
    output: Float[Tensor, "other head dim"], queries: int, draws: torch.Generator
) -> Float[Tensor, "query head dim"]:
    """Returns the output if it has `queries` positions, else that many positions drawn with replacement."""
    if len(output) == queries:
        return output
    return output[torch.randint(len(output), (queries,), generator=draws).to(output.device)]
