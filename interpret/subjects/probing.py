"""Checks of a model before analysis: readable attention, finite weights, and equal scores from vectors and ids.

A model that fails them would silently give wrong results later.
"""

import inspect
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from interpret.attention.interface import AttentionCall
from interpret.attention.recording import Recording, recording
from interpret.errors import CaptureError, InputError
from interpret.modes.gradients_on import MADE_WITHIN
from interpret.subjects.kept_gradients import require_gradients
from interpret.subjects.subject import Subject, some_ids
from interpret.subjects.text_config import text_config
from interpret.system.refusals import refusing
from interpret.tolerances import apart

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


def call_options(model: nn.Module) -> dict[str, Any]:
    """Options that save time and memory, as far as the model takes them: no KV cache, logits of the last position."""
    accepted = set(inspect.signature(model.forward).parameters)
    head = getattr(model, "get_output_embeddings", None)
    if head is not None and head() is None:  # a classifier with this option would cut off positions that it pools
        accepted -= {"logits_to_keep"}
    return {**{option: value for option, value in _OPTIONS.items() if option in accepted}, **as_names(model)}


def as_names(model: nn.Module) -> dict[str, Any]:
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


def require_same_from_vectors(subject: Subject) -> None:
    """Finds a way to pass embeddings to a model that gives the same scores as ids; raises if there is none.

    Gradients are taken with respect to these embeddings, so other scores would mean explaining another decision. Some
    models use the ids for more than embeddings, for example to find where padding begins.

    Raises:
        InputError: The scores differ, the model takes no embeddings, or it drops gradients.
    """
    _find_way_in(subject)
    ids = subject.sample()
    with torch.no_grad():
        between = subject.embed(ids) / 2  # a vector of no token, as in integrated gradients
    require_gradients(subject.name, subject.model, lambda: subject.logits_from(between.requires_grad_(), ids))


def _find_way_in(subject: Subject) -> None:
    """Sets `way_in` to the first way to pass embeddings that gives the scores of the ids."""
    wanted = f"{subject.name} ({type(subject.model).__name__}) can't be run from token vectors, which gradients need"
    *others, last = subject.ways_in
    for subject.way_in in others:
        with suppress(Exception):  # a model may raise anything on embeddings that it doesn't take
            if _same_from_vectors(subject):
                return
    subject.way_in = last
    with refusing(wanted):
        if not _same_from_vectors(subject):
            raise InputError(f"{wanted}: it then gives other scores")


def _same_from_vectors(subject: Subject) -> bool:
    with torch.no_grad():
        pairs = [(subject.logits(ids), subject.logits_from(subject.embed(ids), ids)) for ids in subject.samples()]
    return all(apart(again.float(), answer.float()) <= 1e-3 for answer, again in pairs)


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
