"""Head importance: what becomes of the decision when a head falls silent."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interpret.edit import Edit, editing
from interpret.errors import CaptureError
from interpret.record import Recording, recording
from interpret.subjects.decision import Decision, margin
from interpret.subjects.example import Example
from interpret.subjects.subject import TOKENS_PER_FORWARD, Subject


@dataclass(frozen=True, eq=False)
class HeadImportance:
    """What each head does for a decision.

    Attributes:
        drop: Fall of the margin without the head, in logits. Above zero the head supports the decision, below
            zero it works against it.
        ablation: What the head wrote instead: "zero" or "mean".
    """

    drop: Float[Tensor, "layer head"] = field(repr=False)
    ablation: str

    def top(self, count: int) -> list[tuple[int, int]]:
        """The heads (layer, head) whose loss lowers the margin most, greatest fall first."""
        heads = self.drop.shape[1]
        order = self.drop.flatten().argsort(descending=True, stable=True)[:count].tolist()
        return [divmod(index, heads) for index in order]


def head_importance(
    subject: Subject,
    example: Example,
    decision: Decision,
    *,
    ablation: Literal["zero", "mean"] = "zero",
    progress: Callable[[int, int], None] | None = None,
) -> HeadImportance:
    """Silences one head at a time and measures how far the margin falls; the target stays the same.

    The head's output is replaced before the output projection, at every position. Inputs of one batch are
    copies of the text, each with another head silenced, so it takes `layer * head` inputs in few passes.

    Args:
        subject: The model.
        example: The text.
        decision: What the model decided on it, or how it stands to another target.
        ablation: "zero" makes the head write nothing. "mean" makes it write its mean over the positions of
            this text, taken from a clean pass: what remains if it can't tell positions apart. (Not a mean
            over a data set: it still knows which text it is.)
        progress: Called with the number of heads done and of all.

    Raises:
        ValueError: There is no such ablation.
        CaptureError: Layers have different numbers of heads.

    Source: Michel, Levy and Neubig (2019), arXiv:1905.10650, section 3.2, for "zero". They measure a score over
    a data set; we measure the logit margin of one decision.
    """
    if ablation not in ("zero", "mean"):
        raise ValueError(f'ablation must be "zero" or "mean", not "{ablation}"')
    with torch.no_grad(), recording(subject.model) as record:
        clean = margin(subject.logits(example.ids[None]).float(), decision.target)
    silent = _silent_outputs(record, ablation)
    places = torch.cartesian_prod(*(torch.arange(size) for size in silent.shape[:2])).view(-1, 2)
    rows = max(1, TOKENS_PER_FORWARD // len(example.ids))
    drops: list[Tensor] = []
    for part in torch.split(places, rows):
        ids = example.ids.expand(len(part), *example.ids.shape)
        with torch.no_grad(), editing(subject.model, _silence_one_head_in_each_row(part, silent)):
            drops.append(clean - margin(subject.logits(ids).float(), decision.target))
        if progress is not None:
            progress(sum(len(drop) for drop in drops), len(places))
    return HeadImportance(torch.cat(drops).cpu().view(silent.shape[:2]), ablation)


def _silent_outputs(record: Recording, ablation: str) -> Float[Tensor, "layer head dim"]:
    """What each head writes when it is silent."""
    means = [record.output(layer)[0].mean(dim=0) for layer in range(len(record))]
    shapes = sorted({tuple(mean.shape) for mean in means})
    if len(shapes) > 1:
        raise CaptureError(
            f"layers have heads of different number or size {shapes}, so they fit no layer x head grid; "
            "silence them one by one with zero_head"
        )
    silent = torch.stack([mean.to(means[0].device) for mean in means])
    return torch.zeros_like(silent) if ablation == "zero" else silent


def _silence_one_head_in_each_row(places: Int[Tensor, "batch 2"], silent: Float[Tensor, "layer head dim"]) -> Edit:
    layers, heads = places.unbind(dim=1)

    def change(layer: int, output: Tensor) -> Tensor:
        rows = (layers == layer).nonzero()[:, 0]
        edited = output.clone()
        # Two index tensors around a slice: the result is [row, query, dim].
        edited[rows, :, heads[rows]] = silent[layer, heads[rows]][:, None].to(output)
        return edited

    return Edit("output", change)
