"""Checks of a model before analysis: readable attention, finite weights, and gradients that reach every call.

A model that fails them would silently give wrong results later.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpret.attention.interface import AttentionCall
from interpret.attention.recording import Recording, recording
from interpret.errors import CaptureError, InputError
from interpret.modes.gradients_on import MADE_WITHIN
from interpret.subjects.models.facts import text_config
from interpret.system.refusals import refusing

READABLE = (
    "BERT, RoBERTa, DistilBERT, DeBERTa, ModernBERT, GPT-2, GPT-J, Bloom, Llama, Mistral, Qwen, Gemma, Phi and OPT"
)

_ROUNDINGS_BETWEEN_PASSES = 16  # epsilons by which a position may differ, as in mixtures of experts
_OPTIONS = {"use_cache": False, "logits_to_keep": 1}


@dataclass(frozen=True)
class Probe:
    """Findings of test forward passes over a few tokens.

    Attributes:
        layers: Number of attention calls in one forward pass.
        is_causal: True if queries see no later keys: none has weight, and changing a later token changes nothing.
    """

    layers: int
    is_causal: bool


def probe_attention(name: str, model: nn.Module) -> Probe:
    """Runs the model on three tokens, twice, and examines the recorded attention.

    Args:
        name: The user's name for the model.
        model: Called as `model(input_ids=ids)`.

    Raises:
        InputError: Attention can't be read in every layer, or the model doesn't run on plain token ids.
    """
    with refusing(f"{name} ({type(model).__name__}) has no one table of token vectors"):
        ids = some_ids(model.get_input_embeddings().weight)  # type: ignore[operator]
    other = ids.clone()
    other[0, -1] = ids[0, 0]
    first, second = _recorded(name, model, ids), _recorded(name, model, other)
    _require_every_layer(name, model, first.calls)
    try:
        first.require_chain()
        ahead = [float(first.weights(layer).triu(1).abs().amax()) for layer in range(len(first))]
        one, another = (each.output(len(each) - 1).float() for each in (first, second))
    except CaptureError as error:
        raise InputError(_unreadable(name, error)) from error
    # If not even the last position changes with its token, the test can't show that the model is causal.
    # If the model isn't causal, the first position may still hardly change with the last token.
    change = (one - another).abs().amax(dim=(0, 2, 3))
    rounding = _ROUNDINGS_BETWEEN_PASSES * torch.finfo(first.output(0).dtype).eps * float(one.abs().amax())
    is_causal = not any(ahead) and float(change[0]) <= rounding and bool(change[-1] > change[0])
    return Probe(layers=len(first), is_causal=is_causal)


def some_ids(embeddings: Float[Tensor, "vocabulary hidden"]) -> Int[Tensor, "1 token"]:
    """Three different tokens from the middle of the vocabulary, away from special ones."""
    middle = len(embeddings) // 2
    return torch.tensor([[middle, middle + 1, middle - 1]], device=embeddings.device)


def call_options(model: nn.Module) -> dict[str, Any]:
    """Options that save time and memory, as far as the model takes them: no KV cache, logits of the last position."""
    accepted = set(inspect.signature(model.forward).parameters)
    head = getattr(model, "get_output_embeddings", None)
    if head is not None and head() is None:  # a classifier with this option would cut off positions that it pools
        accepted -= {"logits_to_keep"}
    return {**{option: value for option, value in _OPTIONS.items() if option in accepted}, **named_outputs(model)}


def named_outputs(model: nn.Module) -> dict[str, Any]:
    """Options that make a model return named outputs if its config asks for tuples."""
    config: Any = getattr(model, "config", None)
    return {"return_dict": True} if getattr(config, "return_dict", True) is False else {}


def require_finite(name: str, model: nn.Module) -> None:
    """Raises if a weight isn't finite; weights that are offloaded between passes show up in the scores instead.

    Raises:
        InputError: A weight is NaN or infinite, with the tensor's name, or was created in inference mode.
    """
    for key, weight in model.named_parameters():
        if weight.is_inference():
            raise InputError(MADE_WITHIN)
        if weight.is_floating_point() and not weight.is_meta and not torch.isfinite(weight).all():
            raise InputError(
                f"{name} has weights that aren't numbers (NaN or infinite) in {key}; get the model again, "
                "or train it again with a lower learning rate or in float32"
            )


def require_gradients(name: str, model: nn.Module, run: Callable[[], Tensor]) -> None:
    """Raises if a model computes some of its attention without gradients, as HRM does in all but its last cycles.

    Args:
        name: The user's name for the model.
        model: The model.
        run: Runs it once on an input that requires gradients, and returns its scores.

    Raises:
        InputError: The scores, or the head outputs of an attention call, have no gradients.
    """
    shown = f"{name} ({type(model).__name__})"
    with refusing(f"{shown} can't be run with gradients by its input"), torch.enable_grad(), recording(model) as record:
        scores = run()
    if not scores.requires_grad:
        raise InputError(
            f"{shown} gives scores without gradients, which explanations need; leave them on in its forward"
        )
    lost = sum(not record.output(layer).requires_grad for layer in range(len(record)))
    if lost:
        raise InputError(
            f"{shown} drops gradients inside: {lost} of its {len(record)} attention calls are computed without them, "
            "so explanations by gradients would leave these out; interpret.recording reads its attention"
        )


def _recorded(name: str, model: nn.Module, ids: Tensor) -> Recording:
    with refusing(f"{name} ({type(model).__name__}) doesn't run on token ids alone"):
        try:
            with torch.no_grad(), recording(model) as record:
                model(input_ids=ids, **call_options(model))
        except CaptureError as error:
            raise InputError(_unreadable(name, error)) from error
    return record


def _unreadable(name: str, error: CaptureError) -> str:
    return f"{name} can't be explained: {error}; models such as {READABLE} can"


def _require_every_layer(name: str, model: nn.Module, calls: Sequence[AttentionCall]) -> None:
    seen = len(calls)
    config: Any = getattr(model, "config", None)
    texts = text_config(config)
    layers = getattr(texts, "num_hidden_layers", None)
    architecture = type(model).__name__
    if seen == 0:
        raise InputError(
            f"{name} ({architecture}) has no attention that can be read: nothing in it goes through transformers' "
            "attention interface or a kernel of PyTorch's, or is a softmax of scores that meets values; models such "
            f"as {READABLE} work"
        )
    if isinstance(layers, int) and seen < layers:
        raise InputError(
            f"{name} ({architecture}) has attention that can be read in {seen} of its {layers} layers only, so its "
            f"maps would leave out what the others do; models such as {READABLE} work"
        )
    if isinstance(layers, int) and seen > layers and any(one.module is other.module for one, other in pairwise(calls)):
        raise InputError(
            f"{name} ({architecture}) computes attention {seen} times in its {layers} layers, more than once in one of "
            f"them, so its maps are no chain of layers to follow; models such as {READABLE} work"
        )
    heads = sorted({call.shape[1] for call in calls})
    if len(heads) > 1:
        raise InputError(f"{name} has layers of {heads} heads, and analyses need as many in each layer")
