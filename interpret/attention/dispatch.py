"""Runs an attention call with the taps of its model listening and editing."""

from collections.abc import Callable

from torch import Tensor

from interpret.attention.call import AttentionCall
from interpret.attention.gradient_checkpointing import prepare_recomputation
from interpret.attention.hooks import Tap, listeners


def run_with_taps(taps: list[Tap], call: AttentionCall, compute: Callable[[], Tensor]) -> Tensor:
    """Runs a call with `taps` listening and editing.

    Args:
        taps: Listening taps, in order.
        call: The call, without its output yet.
        compute: Computes the head outputs `[batch, query, head, dim]` if no tap edits the weights.

    Returns:
        The head outputs, edits included; the same object that `compute` returned if no tap edits.
    """
    if editors := [tap for tap in listeners() if tap.edits]:
        prepare_recomputation(editors)
    for tap in taps:
        tap.on_start(tap.layer, call)
        if tap.edits_weights(tap.layer):
            call.replaced = tap.on_weights(tap.layer, call.weights)
            call.__dict__.pop("weights", None)
    replaced = call.replaced
    output = compute() if replaced is None else call.written(replaced).contiguous()
    call.output = output
    for tap in taps:
        call.output = tap.on_output(tap.layer, call.output)
    call.edited_output = call.output is not output
    if call.edited_output:
        call.output = call.output.contiguous()  # as from a kernel, since some modules rely on it
    for tap in taps:
        tap.on_call(tap.layer, call)
        tap.layer += 1
    return call.output
