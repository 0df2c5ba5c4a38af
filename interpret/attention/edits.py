"""Edits of attention for users: set head outputs, change rows of weights, or block edges.

Head edits act on head outputs, before the output projection, so they work with grouped queries and fused projections.
Row edits act on the weights, which are then computed step by step for that layer.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.attention.edges import without_edges
from interpret.attention.editing import Edit, PositionEdit
from interpret.attention.text_offset import TextOffset, cut_keys, cut_rows
from interpret.errors import CaptureError


def zero_head(layer: int, head: int) -> Edit:
    """Zeroes a head's output at every position.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> with interpret.editing(subject.model, interpret.zero_head(0, 3)):
        ...     print(round(subject.decide(example).margin, 2))
        1.4
    """
    return set_head(layer, head, torch.zeros(()))


def mean_head(layer: int, head: int, mean: Float[Tensor, "*position dim"] | None = None) -> Edit:
    """Replaces a head's output by a mean.

    Args:
        layer: Attention call, from 0.
        head: Head of that layer, from 0.
        mean: `[dim]`, or `[query, dim]` for a mean at each position of the text. By default the mean over the positions
            of the text at hand, padding included: what the head writes when it can't tell positions apart.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> with interpret.editing(subject.model, interpret.mean_head(0, 3)):
        ...     print(round(subject.decide(example).margin, 2))
        2.57
    """
    if mean is not None:
        return set_head(layer, head, mean)

    def write(written: Tensor, offset: TextOffset) -> Tensor:
        if offset.query > 0:
            raise CaptureError(
                f"the mean that head {head} writes over the text isn't known in a pass that has it from position "
                f"{offset.query} on only; give mean=, or run one pass over the whole text"
            )
        return written.mean(dim=1, keepdim=True)

    return _head_edit(layer, head, write)


def set_head(layer: int, head: int, output: Float[Tensor, "..."]) -> Edit:
    """Replaces a head's output by `output`: for example, by its output for another text.

    Args:
        layer: Attention call, from 0.
        head: Head of that layer, from 0.
        output: Broadcasts to `[batch, query, dim]`; `recording.output(layer)[:, :, head]` of another text fits. `query`
            is the position in the text, also with a KV cache; with one, `output` may end before the text does, and
            later positions stay as they are.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> other = subject.encode("Good at first, then terrible.")
        >>> with interpret.recording(subject.model) as record:
        ...     logits = subject.logits(other.ids[None])
        >>> patched = interpret.set_head(0, 3, record.output(0)[:, :, 3])
        >>> with interpret.editing(subject.model, patched):
        ...     print(round(subject.decide(example).margin, 2))
        1.13
    """
    ends = f"positions 0 to {output.shape[-2] - 1}" if output.ndim > 1 else "all positions"

    def write(written: Tensor, offset: TextOffset) -> Tensor | None:
        own = cut_rows(output, -2, written.shape[1], offset, f"the output given for head {head}")
        return None if own is None else own.to(written)

    return _head_edit(layer, head, write, ends)


def uniform_row(layer: int, head: int | None = None, query: int | None = None) -> Edit:
    """Spreads a row of attention evenly over its visible keys.

    Args:
        layer: Attention call, from 0.
        head: Head, or `None` for all.
        query: Position in the text whose row changes, whichever pass reads it; `None` for all.

    A key counts as visible if its weight isn't 0. In float16 a small weight may round to 0; use bfloat16 or float32,
    which have the range.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> with interpret.editing(subject.model, interpret.uniform_row(2, query=0)):
        ...     print(round(subject.decide(example).margin, 2))
        2.62
    """

    def spread(rows: Tensor, _: TextOffset) -> Tensor:
        visible = (rows > 0).to(rows.dtype)
        return visible / visible.sum(-1, keepdim=True).clamp(min=1)

    return _row_edit(layer, head, query, spread)


def permute_row(
    layer: int, keys: Sequence[int], order: Sequence[int], head: int | None = None, query: int | None = None
) -> Edit:
    """Permutes the weights of some keys: `keys[i]` gets the weight of `keys[order[i]]`.

    Args:
        layer: Attention call, from 0.
        keys: Positions of the keys whose weights are permuted; all others stay.
        order: A permutation of `range(len(keys))`.
        head: Head, or `None` for the same permutation in all.
        query: Position in the text whose row changes, whichever pass reads it; `None` for all.

    Raises:
        ValueError: `order` isn't a permutation, or a key is named twice or is below 0.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> traded = interpret.permute_row(2, keys=[1, 6], order=[1, 0], query=0)  # weights of "Slow" and "wonderful"
        >>> with interpret.editing(subject.model, traded):
        ...     print(round(subject.decide(example).margin, 2))
        2.83
    """
    if sorted(order) != list(range(len(keys))):
        raise ValueError(f"order must be a permutation of 0 to {len(keys) - 1}, not {list(order)}")
    if len(set(keys)) < len(keys) or min(keys, default=0) < 0:
        raise ValueError(f"keys must be different positions, counted from 0, not {list(keys)}")

    def trade(rows: Tensor, offset: TextOffset) -> Tensor:
        places = [key - offset.key for key in keys]
        if all(key < 0 for key in places):  # the cache has dropped all of them
            return rows
        for key in places:
            _require_index("key", key + offset.key, rows.shape[-1], first=offset.key)
        source, target = (torch.as_tensor(each, device=rows.device) for each in ([places[i] for i in order], places))
        return rows.index_copy(-1, target, rows.index_select(-1, source))

    return _row_edit(layer, head, query, trade)


def block_attention(
    layer: int | range | None,
    head: int | Sequence[int] | None,
    query: int | Sequence[int] | None,
    key: int | Sequence[int],
    *,
    renormalize: bool = True,
) -> Edit:
    """Blocks attention edges: queries at some positions can't attend to keys at others.

    For example, the last position can't attend to position 2 in four layers::

        with interpret.editing(model, interpret.block_attention(range(8, 12), None, len(ids) - 1, 2)):
            logits = model(**inputs).logits

    Args:
        layer: Attention call, from 0; a range of them, or `None` for all.
        head: Head, several of them, or `None` for all.
        query: Position of the query in the text, several of them such as a range, or `None` for all.
        key: Position of the blocked key in the text, or several of them.
        renormalize: True to scale the rest of a row up to its former sum, so that a learned sink keeps its share; a row
            with nothing left then attends to its own position. If False, the blocked weight is lost.

    Raises:
        ValueError: A head or a position is below 0, or no key is given.

    Source: Geva et al. (2023), arXiv:2304.14767.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> blocked = interpret.block_attention(range(3), None, query=0, key=6)  # [CLS] can't look at "wonderful"
        >>> with interpret.editing(subject.model, blocked):
        ...     print(round(subject.decide(example).margin, 2))
        0.3
    """
    heads, queries, keys = (None if each is None else _listed(each) for each in (head, query, key))
    if not keys or any(number < 0 for each in (heads, queries, keys) for number in each or ()):
        raise ValueError("block_attention takes heads and positions counted from 0, and at least one key")

    def change_at(weights: Tensor, offset: TextOffset) -> Tensor:
        _require_index("head", max(heads or [0]), weights.shape[1])
        blocked = [
            torch.ones(size, dtype=torch.bool) if wanted is None else torch.isin(torch.arange(size) + first, wanted)
            for size, first, wanted in zip(
                weights.shape[1:],
                (0, offset.query, offset.key),
                (None if each is None else torch.tensor(each) for each in (heads, queries, keys)),
                strict=True,
            )
        ]
        if not all(bool(each.any()) for each in blocked):
            return weights
        of_heads, of_queries, of_keys = (each.to(weights.device) for each in blocked)  # and the matrix is made there
        edges = of_heads[:, None, None] & of_queries[:, None] & of_keys
        return without_edges(weights, edges, renormalize=renormalize, own_key=offset.query - offset.key)

    shown = "all queries" if queries is None else f"queries {queries}"
    return PositionEdit(stage="weights", change_at=change_at, layer=layer, positions=f"keys {keys} of {shown}")


def set_weights(layer: int, weights: Float[Tensor, "..."]) -> Edit:
    """Replaces a layer's attention weights.

    Args:
        layer: Attention call, from 0.
        weights: Broadcasts to `[batch, head, query, key]`. `query` and `key` are positions in the text, also with a KV
            cache; with one, `weights` may end before the text does, and later positions stay as they are.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> even = torch.full((1, 4, 9, 9), 1 / 9)  # batch, head, query, key
        >>> with interpret.editing(subject.model, interpret.set_weights(2, even)):
        ...     print(round(subject.decide(example).margin, 2))
        2.62
    """

    def change_at(own: Tensor, offset: TextOffset) -> Tensor:
        rows, keys = own.shape[-2:]
        given = cut_rows(weights, -2, rows, offset, "the attention given")
        return own if given is None else cut_keys(given, keys, rows, offset).to(own).expand_as(own)

    ends = f"positions 0 to {weights.shape[-2] - 1}" if weights.ndim > 1 else "all positions"
    return PositionEdit(stage="weights", change_at=change_at, layer=layer, positions=ends)


def _head_edit(
    layer: int, head: int, write: Callable[[Tensor, TextOffset], Tensor | None], positions: str = "all positions"
) -> Edit:
    def change_at(output: Tensor, offset: TextOffset) -> Tensor:
        _require_index("head", head, output.shape[2])
        new = write(output[:, :, head], offset)
        if new is None:
            return output
        edited = output.clone()
        edited[:, :, head] = new
        return edited

    return PositionEdit(stage="output", change_at=change_at, layer=layer, positions=positions)


def _row_edit(layer: int, head: int | None, query: int | None, write: Callable[[Tensor, TextOffset], Tensor]) -> Edit:
    def change_at(weights: Tensor, offset: TextOffset) -> Tensor:
        _require_index("head", head or 0, weights.shape[1])
        heads = slice(None) if head is None else slice(head, head + 1)
        queries = slice(None) if query is None else slice(query - offset.query, query - offset.query + 1)
        if query is not None and not offset.query <= query < offset.query + weights.shape[2]:
            return weights
        edited = weights.clone()
        edited[:, heads, queries] = write(weights[:, heads, queries], offset)
        return edited

    return PositionEdit(stage="weights", change_at=change_at, layer=layer, positions=f"position {query}")


def _listed(numbers: int | Sequence[int]) -> list[int]:
    return [numbers] if isinstance(numbers, int) else list(numbers)


def _require_index(axis: str, index: int, size: int, *, first: int = 0) -> None:
    if not first <= index < first + size:
        raise CaptureError(f"{axis} must be from {first} to {first + size - 1} in this layer, not {index}")
