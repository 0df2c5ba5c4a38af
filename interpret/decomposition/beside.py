"""Networks that run beside attention: whether they pass anything from one position to another."""

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.attention.editing import Edit, editing
from interpret.decomposition.residual_watch import watching
from interpret.errors import CaptureError
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


def require_position_wise(subject: Subject, example: Example) -> None:
    """Raises an error if positions are mixed by anything but attention.

    The input and a copy with another first token run together, where every position attends to itself alone. What the
    model's norms give all other positions must then be the same in both.

    Args:
        subject: The model.
        example: The input.

    Raises:
        CaptureError: They are, as by a recurrent network beside attention.
    """
    ids, length = example.ids, len(example.ids)
    others = [place for place in range(1, length) if not torch.equal(ids[place], ids[0])]
    if not others:
        return
    changed = ids.clone()
    changed[0] = ids[others[0]]
    with editing(subject.model, Edit("weights", _itself)), watching(subject.model) as watch:
        subject.logits(torch.stack([ids, changed]))
    for step in watch.steps:
        if step.answer.shape[:2] == (2, length) and not _same_but_first(*step.answer.float()):
            raise CaptureError(
                f"{subject.name} passes vectors between positions beside attention, as a recurrent network does, so "
                "what a position adds can't be told from what it got so; methods that read attention weights or "
                "gradients work"
            )


def _same_but_first(one: Float[Tensor, "token ..."], other: Float[Tensor, "token ..."]) -> bool:
    return torch.allclose(one[1:], other[1:], rtol=0, atol=1e-5 * float(one.abs().amax()))


def _itself(layer: int, weights: Float[Tensor, "input head query key"]) -> Float[Tensor, "input head query key"]:
    return torch.eye(*weights.shape[2:], dtype=weights.dtype, device=weights.device).expand_as(weights)
