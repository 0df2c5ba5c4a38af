"""Attention written out by hand, for models of transformers: scores that a test may change before the softmax."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask


def with_scores(model: nn.Module, change: Callable[[Tensor, Tensor], Tensor]) -> nn.Module:
    """A copy of a model whose scores `[batch, head, query, key]` go through `change`, together with what is seen."""

    def attend(module, query, key, value, attention_mask, scaling=None, position_bias=None, **_):
        groups = query.shape[1] // key.shape[1]
        key, value = (torch.repeat_interleave(each, groups, dim=1) for each in (key, value))
        scores = torch.einsum("bhqd,bhkd->bhqk", query, key) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
        seen = torch.ones_like(scores, dtype=torch.bool)
        if attention_mask is not None:
            seen = (attention_mask > -1e4).expand_as(scores)
        if position_bias is not None:
            scores = scores + position_bias
        weights = change(scores, seen).masked_fill(~seen, -torch.inf).softmax(dim=-1)
        return torch.einsum("bhqk,bhkd->bqhd", weights, value), weights

    AttentionInterface.register("written_by_hand", attend)
    AttentionMaskInterface.register("written_by_hand", eager_mask)
    changed = copy.deepcopy(model)
    changed.set_attn_implementation("written_by_hand")
    return changed
