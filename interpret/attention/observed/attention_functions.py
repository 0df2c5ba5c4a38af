"""Functions of PyTorch in which a module's own code computes attention: the fused kernel, and a product with values."""

import math
from collections.abc import Callable, Sequence

from torch import Tensor
from torch.nn import functional

from interpret.attention.call import AttentionCall
from interpret.attention.dispatch import run_with_taps
from interpret.attention.hooks import Tap, taps_of
from interpret.attention.observed.calls import ObservedKernel, ObservedProduct
from interpret.attention.observed.head_axis import Folding, folding
from interpret.attention.observed.product_axes import ProductAxes
from interpret.attention.tracing.running_modules import RunningModule
from interpret.attention.tracing.traces import dependencies_of
from interpret.errors import CaptureError


def run_kernel(
    running: Sequence[RunningModule],
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
    """Runs `scaled_dot_product_attention` with the taps listening; the further arguments are the kernel's own.

    Raises:
        CaptureError: The axis of heads is ambiguous, or the tensors are nested.
    """
    owner, taps = running[-1], taps_of(running[-1].module)

    def own() -> Tensor:
        return functional.scaled_dot_product_attention(
            query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
        )

    if not taps:
        return own()
    if query.is_nested:
        raise CaptureError("attention over nested tensors can't be read; give padded ones and a mask")
    _require_whole_text(owner, query.shape[-2], key.shape[-2])
    # The kernel's documentation has the axes (examples, ..., heads, positions, numbers).
    lead = folding(query.shape[:-2], query.shape[-2], running, is_documented=True)
    call = ObservedKernel(
        module=owner.module, name=taps[0].names[owner.module],
        query=lead.unfold(query), key=_unfolded_keys(key, lead, enable_gqa),
        value=_unfolded_keys(value, lead, enable_gqa),
        mask=None if attn_mask is None else lead.unfold(attn_mask.expand(*lead.sizes, *attn_mask.shape[-2:])),
        causal=is_causal, scale=1 / math.sqrt(query.shape[-1]) if scale is None else scale, dropout=dropout_p,
        dependencies=dependencies_of(query, key, value),
    )  # fmt: skip
    return _run(taps, call, own, lambda output: lead.unfold(output).transpose(1, 2), lead.fold, -2)


def run_product(
    running: Sequence[RunningModule], own: Callable[[], Tensor], weights: Tensor, values: Tensor, axes: ProductAxes
) -> Tensor:
    """Runs a product of weights and values with the taps listening.

    Args:
        running: Modules that are running, the innermost last.
        own: Computes the product as the module called it.
        weights: Weights as they enter the product.
        values: The other operand.
        axes: Axes of the product.

    Raises:
        CaptureError: The axis of heads is ambiguous, or this is attention over a piece of a text.
    """
    owner, taps = running[-1], taps_of(running[-1].module)
    if not taps:
        return own()
    queries, keys = (weights.shape[axes.weights.index(letter)] for letter in (axes.query, axes.key))
    _require_whole_text(owner, queries, keys)
    lead = folding(axes.sizes(weights, values), queries, running)
    call = ObservedProduct(
        module=owner.module, name=taps[0].names[owner.module],
        probabilities=weights, values=values, axes=axes, folding=lead,
        dependencies=dependencies_of(weights, values, axes=axes.positions),
    )  # fmt: skip

    def as_heads(product: Tensor) -> Tensor:
        # A copy, as some modules write into the product later.
        return lead.unfold(axes.plain_output(product)).transpose(1, 2).clone()

    query_axis = axes.output.index(axes.query) - len(axes.output)
    return _run(taps, call, own, as_heads, lambda heads: axes.own_output(lead.fold(heads)), query_axis)


def _run(
    taps: list[Tap],
    call: AttentionCall,
    own: Callable[[], Tensor],
    as_heads: Callable[[Tensor], Tensor],
    as_own: Callable[[Tensor], Tensor],
    query_axis: int,
) -> Tensor:
    """Runs a call with the taps listening; returns what the module continues with.

    Args:
        taps: Listening taps, in order.
        call: The call, without its output yet.
        own: Computes the output as the module called it.
        as_heads: Converts that output to `[batch, query, head, dim]`.
        as_own: Converts `[batch, head, query, dim]` to that output's own order of axes.
        query_axis: Axis of positions in that output, from the end.
    """
    computed: list[Tensor] = []

    def compute() -> Tensor:
        computed.append(own())
        return as_heads(computed[0])

    output = run_with_taps(taps, call, compute)
    # With gradients, the model continues from the recorded tensor, so that they reach it; the numbers are the same.
    is_own = computed and not call.edited_output and not output.requires_grad
    result = computed[0] if is_own else as_own(output.transpose(1, 2))
    if call.dependencies is not None:
        call.dependencies.trace_output(result, query_axis)
    return result


def _unfolded_keys(tensor: Tensor, lead: Folding, is_grouped: bool) -> Tensor:
    """Returns keys or values as `[batch, key_head, key, dim]`; only grouped ones have fewer heads than queries."""
    if not is_grouped:
        return lead.unfold(tensor.expand(*lead.sizes, -1, -1))
    if lead.order != (0, 1):
        raise CaptureError("grouped heads can be read as [batch, head, query, dim] only")
    return tensor


def _require_whole_text(owner: RunningModule, queries: int, keys: int) -> None:
    """Refuses attention that has neither all queries nor all keys of the module's input.

    Block-sparse and local attention cut a text into pieces, each with rows of its own.

    Args:
        owner: The module that computes attention.
        queries: Number of queries.
        keys: Number of keys.

    Raises:
        CaptureError: Neither number is the size of an input axis, or of neighbouring axes together. The last of three
            axes is taken for the hidden size and left out, unless both numbers equal it.
    """
    axes = owner.input[:-1] if len(owner.input) == 3 and not queries == keys == owner.input[-1] else owner.input
    lengths = {math.prod(axes[i:j]) for i in range(len(axes)) for j in range(i + 1, len(axes) + 1)}
    if lengths and queries not in lengths and keys not in lengths:
        raise CaptureError(
            f"{type(owner.module).__name__} computes attention in pieces ({queries} by {keys} from an input of shape "
            f"{list(owner.input)}), so it has no map from every position to every other and can't be read"
        )
