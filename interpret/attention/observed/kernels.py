"""Fused kernels that a module's own code calls."""

import math
from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from interpret.attention.hooks import put_to, taps_of
from interpret.attention.observed.calls import ObservedKernel
from interpret.attention.observed.heads import Folding, RunningModule, folding
from interpret.attention.observed.places import require_whole
from interpret.attention.observed.streams import reading_of
from interpret.errors import CaptureError


def observed_kernel(
    frames: Sequence[RunningModule],
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Runs `scaled_dot_product_attention` with the taps listening; the arguments are the kernel's own.

    Raises:
        CaptureError: The axis of heads is ambiguous, or the tensors are nested.
    """
    frame, taps = frames[-1], taps_of(frames[-1].module)

    def own() -> Tensor:
        return functional.scaled_dot_product_attention(
            query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
        )

    if not taps:
        return own()
    if query.is_nested:
        raise CaptureError("attention over nested tensors can't be read; give padded ones and a mask")
    require_whole(frame, query.shape[-2], key.shape[-2])
    # The kernel's documentation has the axes (examples, ..., heads, positions, numbers).
    lead = folding(query.shape[:-2], query.shape[-2], frames, is_documented=True)
    call = ObservedKernel(
        module=frame.module, name=taps[0].names[frame.module],
        query=lead.unfold(query), key=_shared(key, lead, enable_gqa), value=_shared(value, lead, enable_gqa),
        mask=None if attn_mask is None else lead.unfold(attn_mask.expand(*lead.sizes, *attn_mask.shape[-2:])),
        causal=is_causal, scale=1 / math.sqrt(query.shape[-1]) if scale is None else scale, dropout=dropout_p,
        reading=reading_of(query, key, value),
    )  # fmt: skip
    kept: list[Tensor] = []

    def compute() -> Tensor:
        kept.append(own())
        return lead.unfold(kept[0]).transpose(1, 2)

    output = put_to(taps, call, compute)
    # With gradients, the model continues from the recorded tensor, so that they reach it; the numbers are the same.
    is_own = kept and not call.edited_output and not output.requires_grad
    answer = kept[0] if is_own else lead.fold(output.transpose(1, 2))
    if call.reading is not None:
        call.reading.wrote(answer, -2)
    return answer


def _shared(tensor: Tensor, lead: Folding, is_grouped: bool) -> Tensor:
    """Returns keys or values as `[batch, key_head, key, dim]`; only grouped ones have fewer heads than queries."""
    if not is_grouped:
        return lead.unfold(tensor.expand(*lead.sizes, -1, -1))
    if lead.order != (0, 1):
        raise CaptureError("grouped heads can be read as [batch, head, query, dim] only")
    return tensor
