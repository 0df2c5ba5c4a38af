"""Checks that neither the other examples of a batch nor padding change a model's scores or attention."""

import inspect

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpret.attention.observed.sparse_call import SparseCall
from interpret.attention.recording import recording
from interpret.doctor.check_result import CheckResult, measured, tolerance_for
from interpret.doctor.sampling import padding_id, text_key
from interpret.projections.scores import Scores, difference, model_scores, part

PADDING = 3  # tokens
_PADDING_COUNTED = "the model takes no position ids, and counts from the padding"
_FIXED_READOUT = "no head writes anything else, but the answer is read from a fixed position"
_OTHER_VISIBILITY = "the model lays out anew which positions see each other"
_SHIFTED_DECODER = "the decoder is given the padded text behind its first token, and counts the padding"


def check_batching(model: nn.Module, inputs: dict[str, Tensor]) -> CheckResult:
    """Compares each example of a batch with the same example alone."""
    examples = len(next(iter(inputs.values())))
    with torch.no_grad():
        together = model_scores(model, inputs)
        apart = [
            difference(
                part(together, slice(index, index + 1)),
                model_scores(model, {name: value[index : index + 1] for name, value in inputs.items()}),
            )
            for index in range(examples)
        ]
    return measured("a batch answers as each input alone", max(apart), tolerance_for(model))


def check_padding(model: nn.Module, inputs: dict[str, Tensor], side: str) -> CheckResult:
    """Compares a text with and without three masked tokens of padding.

    Tried first with the mask alone, then with position ids if the model takes them.

    Args:
        model: A text model.
        inputs: Arguments of its `forward` without padding; the first example is used.
        side: "left" or "right".

    Returns:
        The largest change of a score of a real token, as a share of the largest one. A change by left padding is noted,
        not failed, if the model counts positions and takes no position ids, because that can't be avoided.
    """
    check = f"padding on the {side} changes nothing"
    key = text_key(inputs)
    named = inspect.signature(model.forward).parameters
    if key is None or "attention_mask" not in named:
        return CheckResult(check, "not applicable", detail="the model takes no padding")
    alone = {name: value[:1] for name, value in inputs.items()}
    padded = _padded(alone, key, side, padding_id(model) or 0)
    tolerance = tolerance_for(model)
    length = alone[key].shape[1]
    tried = [padded]
    if "position_ids" in named:
        tried.append({**padded, "position_ids": (padded["attention_mask"].cumsum(-1) - 1).clamp(min=0)})
    with torch.no_grad():
        wanted = model_scores(model, alone)
        changes = [difference(wanted, _without_padding(model_scores(model, given), length, side)) for given in tried]
        if changes[0] <= tolerance:
            return measured(check, changes[0], tolerance)
        if changes[-1] <= tolerance:
            told = f"given position ids; without, the answer moves by {changes[0]:.2g}"
            return measured(check, changes[-1], tolerance, told)
        if _visibility_changes(model, alone, padded, length, side):
            return CheckResult(check, "noted", changes[0], tolerance, _OTHER_VISIBILITY)
        if any(_change_of_head_outputs(model, alone, given, length, side) <= tolerance for given in tried):
            return CheckResult(check, "noted", changes[0], tolerance, _FIXED_READOUT)
    if side == "left" and len(tried) == 1:
        return CheckResult(check, "noted", changes[0], tolerance, _PADDING_COUNTED)
    if side == "left" and _derives_decoder_input(model, inputs):
        return CheckResult(check, "noted", min(changes), tolerance, _SHIFTED_DECODER)
    return measured(check, min(changes), tolerance)


def check_padding_weight(model: nn.Module, inputs: dict[str, Tensor]) -> CheckResult:
    """Checks that real tokens have no recorded attention on padding, on the left or on the right.

    A decoder that is fed the padded input of its encoder has no mask of its own, so its causal calls are skipped.
    """
    check = "no recorded weight on padding"
    key = text_key(inputs)
    if key is None or "attention_mask" not in inspect.signature(model.forward).parameters:
        return CheckResult(check, "not applicable", detail="the model takes no padding")
    alone = {name: value[:1] for name, value in inputs.items()}
    has_decoder = _derives_decoder_input(model, inputs)
    worst = 0.0
    for side in ("left", "right"):
        padded = _padded(alone, key, side, padding_id(model) or 0)
        real = padded["attention_mask"][0].bool()
        with torch.no_grad(), recording(model) as record:
            model_scores(model, padded)
        for layer in range(len(record)):
            weights = record.weights(layer)
            if weights.shape[-1] != len(real) or (has_decoder and not weights.triu(1).any()):
                continue
            rows = real if weights.shape[-2] == len(real) else slice(None)
            worst = max(worst, float(weights[:, :, rows][..., ~real].abs().max()))
    return measured(check, worst, 0.0)


def _derives_decoder_input(model: nn.Module, inputs: dict[str, Tensor]) -> bool:
    """True if the decoder input is derived from the encoder's, because none was given."""
    has_decoder = bool(getattr(getattr(model, "config", None), "is_encoder_decoder", False))
    return has_decoder and "decoder_input_ids" not in inputs


def _change_of_head_outputs(
    model: nn.Module, alone: dict[str, Tensor], padded: dict[str, Tensor], length: int, side: str
) -> float:
    """Largest difference of head outputs at real tokens, as a share of the largest element."""
    written = []
    for given in (alone, padded):
        with recording(model) as record:
            model_scores(model, given)
        written.append({str(layer): record.output(layer) for layer in range(len(record))})
    return difference(written[0], _without_padding(written[1], length, side))


def _visibility_changes(
    model: nn.Module, alone: dict[str, Tensor], padded: dict[str, Tensor], length: int, side: str
) -> bool:
    """True if padding changes which keys a real token can see, in a module that computes attention in pieces."""
    own = slice(PADDING, None) if side == "left" else slice(length)
    seen = []
    for given in (alone, padded):
        with recording(model) as record:
            model_scores(model, given)
        seen.append([call.visible for call in record.calls if isinstance(call, SparseCall)])
    return any(not torch.equal(one, other[:, :, own, own]) for one, other in zip(*seen, strict=True))


def _padded(alone: dict[str, Tensor], key: str, side: str, pad: int) -> dict[str, Tensor]:
    where = (PADDING, 0) if side == "left" else (0, PADDING)
    mask = torch.ones_like(alone[key])
    return {**alone, key: functional.pad(alone[key], where, value=pad), "attention_mask": functional.pad(mask, where)}


def _without_padding(padded: Scores, length: int, side: str) -> Scores:
    """Drops the scores of padding, if there is a score for each token."""
    own = slice(PADDING, None) if side == "left" else slice(length)
    return {
        name: scores[:, own] if scores.ndim > 1 and scores.shape[1] == length + PADDING else scores
        for name, scores in padded.items()
    }
