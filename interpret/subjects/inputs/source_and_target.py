"""Source and target of an encoder-decoder model in one tensor, and the positions of its attention calls in it.

The tensor holds the ids of the source, then those of the target, each as its complement `~id`, which is negative. So
the start of the target stays known when words of the source are removed or changed.
"""

import torch
from jaxtyping import Int
from torch import Tensor

from interpret.attention.position_spans import PositionSpan
from interpret.subjects.task_facts import LayerKind


def joined_ids(
    source: Int[Tensor, "*batch source"], target: Int[Tensor, "*batch target"]
) -> Int[Tensor, "*batch token"]:
    """Puts source and target into one tensor."""
    return torch.cat([source, ~target], dim=-1)


def with_next(ids: Int[Tensor, " token"], token: int) -> Int[Tensor, " longer"]:
    """Appends a token: to the target, where there is one, or else to the text."""
    has_target = source_length(ids[None]) < len(ids)
    return torch.cat([ids, torch.tensor([~token if has_target else token])])


def split_ids(
    ids: Int[Tensor, "batch token"],
) -> tuple[Int[Tensor, "batch source"], Int[Tensor, "batch target"]]:
    """Splits a tensor into source and target, whose lengths are the same in all inputs of a batch."""
    length = source_length(ids)
    return ids[:, :length], ~ids[:, length:]


def vocabulary_ids(ids: Int[Tensor, "*batch token"]) -> Int[Tensor, "*batch token"]:
    """Returns each token's place in its vocabulary, from 0, also for the target's."""
    return torch.where(ids < 0, ~ids, ids)


def source_length(ids: Int[Tensor, "#batch token"]) -> int:
    """Number of source tokens, the same in all inputs of a batch."""
    return int((ids[0] >= 0).sum())


def span_of(kind: LayerKind, ids: Int[Tensor, "batch token"]) -> PositionSpan:
    """Positions of the queries and keys of an attention call of an encoder, a decoder, or from the one to the other."""
    length, source = ids.shape[1], source_length(ids)
    parts = {"source": (0, source), "target": (source, length)}
    return PositionSpan(
        queries=parts["source" if kind == "encoder" else "target"],
        keys=parts["target" if kind == "decoder" else "source"],
        length=length,
    )
