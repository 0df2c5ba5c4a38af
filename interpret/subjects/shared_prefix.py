"""Many inputs of a causal model that begin alike: what they share is read once, and kept as keys and values."""

import inspect
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

PASS = (
    256  # tokens that could be read in the time that a pass takes beside its tokens; inexact, only speed depends on it
)
SAME = 1e-4  # of the largest logit: how near the answer has to come to that of the whole input


class SharedPrefix:
    """Answers for inputs that begin alike, by the model's own cache of keys and values.

    A position of a causal model depends on no later one, so what it holds for the shared beginning is the same in all
    inputs. Only plain caches are trusted, those that keep every position; and the first answer is compared with that of
    a whole pass. Where either isn't so, inputs are read whole ever after.

    Args:
        model: Called as `model(input_ids=ids, past_key_values=cache, **options)`.
        options: What else it is told.
        whole: Scores of what follows inputs that are read whole.
    """

    def __init__(
        self,
        model: nn.Module,
        options: dict[str, Any],
        whole: Callable[[Int[Tensor, "batch token"]], Float[Tensor, "batch label"]],
    ) -> None:
        self._model = model
        self._options = {**options, "use_cache": True}
        self._whole = whole
        self._confirmed = False

    def logits(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        """Scores of every token that may follow each input; fastest where neighbours in the batch are alike."""
        if not self._possible:
            return self._whole(ids)
        return torch.cat([self._answers(part) for part in _alike(ids)])

    def _answers(self, ids: Int[Tensor, "batch token"]) -> Float[Tensor, "batch label"]:
        if not self._possible or _cost_of_sharing(ids) >= ids.numel():
            return self._whole(ids)
        shared = _shared(ids)
        start = self._model(input_ids=ids[:1, :shared], **self._options).past_key_values
        if not _keeps_every_position(start):
            self._possible = False
            return self._whole(ids)
        start.batch_repeat_interleave(len(ids))
        output = self._model(input_ids=ids[:, shared:], past_key_values=start, **self._options)
        found: Tensor = output.logits[:, -1]
        return found if self._confirmed or self._confirms(found, ids) else self._whole(ids)

    def _confirms(self, found: Float[Tensor, "batch label"], ids: Int[Tensor, "batch token"]) -> bool:
        whole = self._whole(ids[:1])
        scale = float(whole.abs().max().clamp(min=1))
        self._possible = self._confirmed = bool((found[:1] - whole).abs().max() <= SAME * scale)
        return self._confirmed

    @cached_property
    def _possible(self) -> bool:
        return {"past_key_values", "use_cache"} <= set(inspect.signature(self._model.forward).parameters)


def _alike(ids: Int[Tensor, "batch token"]) -> list[Int[Tensor, "part token"]]:
    """The batch cut in half as long as that leaves less to read: halves share longer beginnings."""
    half = len(ids) // 2
    if half and _cost(ids[:half]) + _cost(ids[half:]) < _cost(ids):
        return [*_alike(ids[:half]), *_alike(ids[half:])]
    return [ids]


def _cost(ids: Int[Tensor, "batch token"]) -> int:
    """Tokens that can be read in the time that a batch takes, by the better of the two ways."""
    return PASS + min(ids.numel(), _cost_of_sharing(ids))


def _cost_of_sharing(ids: Int[Tensor, "batch token"]) -> int:
    """Tokens of the shared beginning and of what follows it in each input, and one more pass."""
    shared = _shared(ids)
    return PASS + shared + ids[:, shared:].numel()


def _shared(ids: Int[Tensor, "batch token"]) -> int:
    """With how many tokens all inputs begin alike; the last one of an input is never among them."""
    alike = (ids == ids[:1]).all(dim=0)[:-1]
    return int(alike.long().cumprod(dim=0).sum())


def _keeps_every_position(cache: Any) -> bool:
    """Whether every layer keeps keys and values of all positions, and nothing else is remembered."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    return type(cache) is DynamicCache and all(type(layer) is DynamicLayer for layer in cache.layers)
