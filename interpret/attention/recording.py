"""Context manager that records attention: `with recording(model) as record: model(**inputs)`."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from torch import nn

from interpret.attention.call import UnkeptCall
from interpret.attention.checks import Check
from interpret.attention.interface import AttentionCall, Tap, tapped
from interpret.attention.key_value_storage import KeptKeys
from interpret.attention.layer_chain import is_seen, remember
from interpret.attention.pass_inputs import PassInputs
from interpret.attention.passes_of_generation import GenerationPass
from interpret.attention.recorded import Recording
from interpret.attention.tracing.traces import begin_following, following
from interpret.system.memory import return_freed

# Bytes of a call's head outputs from which on its layer takes long enough for `return_freed` to pay.
LARGE = 2**23

__all__ = ["Check", "Recording", "recording"]


class _Recorder(Tap):
    def __init__(self, model: nn.Module, recording: Recording, only: int | None) -> None:
        super().__init__(model)
        self.recording = recording
        self.only = only
        self.follows = only is None and not is_seen(model)
        self.step: GenerationPass | None = None
        self.kept = KeptKeys()
        self.outside: list[AttentionCall] = []  # calls since the last pass, such as an encoder's in `generate`

    def begin_pass(self, inputs: PassInputs) -> None:
        super().begin_pass(inputs)
        begin_following()
        self.step = GenerationPass(inputs.before, inputs.mask, inputs.cache is not None)
        if inputs.has_encoded:
            self.step.calls.extend(self.outside)
            self.step.first_keys.extend(0 for _ in self.outside)
        self.recording.passes.append(self.step)
        self.recording.attention_mask = inputs.mask

    def end_pass(self) -> None:
        super().end_pass()
        if self.step is not None:
            self.step.follows = self.kept.take(self.step.calls, self.step.first_keys, self.step.before)
        self.step = None

    def on_call(self, layer: int, call: AttentionCall) -> None:
        kept = call if self.only in (None, layer) else UnkeptCall(module=call.module, name=call.name)
        self.recording.calls.append(kept)
        if self.step is not None:
            self.step.add(kept, self.inputs)
        elif layer == 0:
            self.outside = [kept]
        else:
            self.outside.append(kept)
        if call.output is not None and call.output.device.type == "cpu" and call.output.nbytes >= LARGE:
            return_freed()


@contextmanager
def recording(model: nn.Module, *, only: int | None = None) -> Iterator[Recording]:
    """Records the attention of each forward pass of `model` that runs inside the block.

    For example, the attention of each token that a language model generates::

        with recording(model) as record:
            written = model.generate(ids, max_new_tokens=20)
        record.steps  # number of passes: the prompt, then one for each new token but the last
        record.step(0).weights(layer)  # [batch, head, query, key] of the prompt
        record.step(3).weights(layer)[:, :, -1]  # attention of the third new token, in the pass that wrote the fourth
        record.whole().weights(layer)  # all rows, as in one pass over the text

    The model computes with its own kernel, so its output is bitwise unchanged. Queries, keys and values are kept by
    reference (those of a KV cache once for all passes), and the model's own eager function computes weights from them
    on demand. Cost: memory for queries, keys, values and head outputs; no `token x token` matrix until then.

    Modules that don't go through transformers' attention interface are watched while they run (`Recording.way` says
    so): a fused kernel of PyTorch's, whose weights are computed by the formula in its documentation, or a softmax of
    scores that is multiplied with values, which is kept as the module computed it. PyTorch's own encoder layers leave
    their fast path meanwhile, which changes their output by rounding (less than 1e-6 of its size), and gives numbers
    instead of zeros at padded positions.

    Args:
        model: A transformers model, a native one, or any module that contains attention.
        only: Index of the only attention call to keep, from 0, which saves the others' memory; by default all are kept.

    Raises:
        CaptureError: While the model runs, it computes attention in a way that can't be read: in blocks or bands, or
            with axes that can't be told to be examples or heads.

    Yields:
        The recording, complete once the model has run.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(example.ids[None])
        >>> record.weights(0).shape  # batch, head, query, key
        torch.Size([1, 4, 9, 9])
    """
    record = Recording(model)
    recorder = _Recorder(model, record, only)
    with following() if only is None else nullcontext(), tapped(model, recorder):
        yield record
    remember(model, recorder.names, record.calls)
