"""KV cache of the prefix that many inputs of a causal model share, so that it is computed only once."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from itertools import tee, zip_longest
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpret.modes.evaluating import evaluating
from interpret.subjects.models.reading_cost import ReadingCost
from interpret.tolerances import SHORTCUT_AGREES, apart


class SharedPrefix:
    """Next-token logits of inputs with a shared prefix, by the model's own KV cache.

    In a causal model no position depends on later ones, so keys and values of a shared prefix are the same in all
    inputs. Only plain caches that keep every position are used, and the first result is compared with an uncached pass.
    If either check fails, all further inputs are run without the cache.

    Args:
        model: Called as `model(input_ids=ids, past_key_values=cache, **options)`.
        options: Further inputs of the model.
        whole: Gives next-token logits of inputs without a cache.
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
        self._cost = ReadingCost.of(model)

    def answers(
        self,
        parts: Iterable[Int[Tensor, "_batch _token"]],
        watched: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Iterator[Float[Tensor, "_batch label"]]:
        """Yields next-token logits of each part; fastest if neighbouring inputs are alike.

        Args:
            parts: Inputs of one pass each. A prefix shared with the part before isn't computed again.
            watched: Makes the context around each pass that gives logits; passes that only fill the cache have none.
        """
        beginning = None
        answers: list[Tensor] = []
        groups, ahead = tee(self._groups(parts))
        next(ahead, None)
        for (ids, is_last), following in zip_longest(groups, ahead):
            with _preparing():
                beginning, shared = self._ready(ids, following and following[0], beginning)
            with watched():
                answers.append(self._answer(ids, beginning, shared))
            if is_last:
                yield torch.cat(answers)
                answers.clear()

    def _groups(self, parts: Iterable[Int[Tensor, "_batch _token"]]) -> Iterator[tuple[Tensor, bool]]:
        """Groups of inputs for one pass each, and whether each is the last of its part."""
        for ids in parts:
            *groups, last = _alike(ids, self._cost) if self._possible else [ids]
            yield from ((group, False) for group in groups)
            yield last, True

    def _ready(
        self, ids: Int[Tensor, "batch token"], following: Tensor | None, known: "_Beginning | None"
    ) -> tuple["_Beginning | None", int]:
        """Returns a cached prefix, and how many of its tokens these inputs reuse."""
        kept = 0 if known is None else known.kept_of(ids[0, : _shared(ids)])
        shared = _cheapest(ids, following, kept, self._cost) if self._possible else 0
        if not shared:
            return known, 0
        if shared > kept:
            known = self._read(ids[:1, :shared], known, kept)
        if known is None or not (self._confirmed or self._confirms(ids[:1], known, shared)):
            return None, 0
        return known, shared

    def _answer(
        self, ids: Int[Tensor, "batch token"], known: "_Beginning | None", shared: int
    ) -> Float[Tensor, "batch label"]:
        if known is None or not shared:
            return self._whole(ids)
        cache = known.cache(shared, len(ids))
        with evaluating(self._model):
            output = self._model(input_ids=ids[:, shared:], past_key_values=cache, **self._options)
        answer: Tensor = output.logits[:, -1]
        return answer

    def _read(self, ids: Int[Tensor, "1 token"], known: "_Beginning | None", kept: int) -> "_Beginning | None":
        """Extends a cached prefix by the tokens after `kept`; `None` if the model's cache can't be used."""
        past = {} if known is None or not kept else {"past_key_values": known.cache(kept, 1)}
        with evaluating(self._model):
            cache = self._model(input_ids=ids[:, kept:], **past, **self._options).past_key_values
        self._possible = _keeps_every_position(cache)
        return _Beginning(ids[0], [(layer.keys, layer.values) for layer in cache.layers]) if self._possible else None

    def _confirms(self, ids: Int[Tensor, "1 token"], known: "_Beginning", shared: int) -> bool:
        found, whole = self._answer(ids, known, shared), self._whole(ids)
        self._possible = self._confirmed = apart(found, whole) <= SHORTCUT_AGREES[32]
        return self._confirmed

    @cached_property
    def _possible(self) -> bool:
        return {"past_key_values", "use_cache"} <= set(inspect.signature(self._model.forward).parameters)


_is_preparing: ContextVar[bool] = ContextVar("interpret_is_preparing", default=False)


def is_preparing() -> bool:
    """Returns whether the model runs now to fill or to check a cache, and nobody asked for its answer."""
    return _is_preparing.get()


@contextmanager
def _preparing() -> Iterator[None]:
    token = _is_preparing.set(True)
    try:
        yield
    finally:
        _is_preparing.reset(token)


@dataclass(frozen=True, eq=False)
class _Beginning:
    """Cached keys and values of a prefix."""

    ids: Int[Tensor, " token"]
    layers: list[tuple[Tensor, Tensor]]

    def kept_of(self, ids: Int[Tensor, " token"]) -> int:
        """Number of first tokens of `ids` that are cached."""
        length = min(len(ids), len(self.ids))
        return int((ids[:length] == self.ids[:length]).long().cumprod(dim=0).sum())

    def cache(self, tokens: int, rows: int) -> Any:
        """KV cache of the first `tokens` tokens for `rows` inputs, as views, which the model doesn't write into."""
        from transformers import DynamicCache

        return DynamicCache(
            [tuple(each[:, :, :tokens].expand(rows, -1, -1, -1) for each in layer) for layer in self.layers]
        )


def _alike(ids: Int[Tensor, "batch token"], cost: ReadingCost) -> list[Int[Tensor, "part token"]]:
    """Splits the batch in halves as long as this lowers the cost, because halves may share longer prefixes."""
    half = len(ids) // 2
    if half and _least(ids[:half], cost) + _least(ids[half:], cost) < _least(ids, cost):
        return [*_alike(ids[:half], cost), *_alike(ids[half:], cost)]
    return [ids]


def _least(ids: Int[Tensor, "batch token"], cost: ReadingCost) -> float:
    rows, tokens = ids.shape
    return cost.batch(rows, tokens, _shared(ids))


def _cheapest(ids: Int[Tensor, "batch token"], following: Tensor | None, kept: int, cost: ReadingCost) -> int:
    """Length of the prefix with the lowest cost for these inputs and the following ones; 0 for none.

    Args:
        ids: Inputs.
        following: The inputs of the next pass, which can use the same cache.
        kept: Number of first tokens that all inputs share with the cached prefix.
        cost: Cost model.
    """
    own, following = _shared(ids), ids[:0] if following is None else following
    common = _shared_by_both(ids[:1, :own], following)

    def total(start: int) -> float:
        then = min(following.shape[1], max(start, kept), common)
        after = min(cost.rest(following.shape[1], 0), cost.rest(following.shape[1], then))
        return cost.beginning(start, kept) + len(ids) * cost.rest(ids.shape[1], start) + len(following) * after

    return min((0, kept, common, own), key=total)


def _shared_by_both(beginning: Int[Tensor, "1 shared"], ids: Int[Tensor, "batch token"]) -> int:
    """Number of tokens of a prefix with which all inputs begin."""
    length = min(beginning.shape[1], ids.shape[1] - 1)
    alike = (ids[:, :length] == beginning[:, :length]).all(dim=0)
    return int(alike.long().cumprod(dim=0).sum())


def _shared(ids: Int[Tensor, "batch token"]) -> int:
    """Length of the prefix that all inputs share, which never includes the last token."""
    alike = (ids == ids[:1]).all(dim=0)[:-1]
    return int(alike.long().cumprod(dim=0).sum())


def _keeps_every_position(cache: Any) -> bool:
    """True if every layer of the cache keeps keys and values of all positions, and nothing else."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    return type(cache) is DynamicCache and all(type(layer) is DynamicLayer for layer in cache.layers)
