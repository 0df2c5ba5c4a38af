"""Traces of tensors: the attention calls that each was made from, and whether position by position.

While a recorded pass runs, each tensor made from attention outputs gets a trace. It names the calls in the tensor, and
those that are aligned: each position still holds its own part, as along a residual stream. A mean over positions, or
the first position alone, isn't aligned. Traces don't keep tensors alive.

A lost trace (in code that the function mode can't see) makes calls look unconnected, so they are refused as a chain.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from interpret.attention.observed.marks import PRODUCTS, ByTensor, given_tensors, is_learned, tensors_in
from interpret.attention.observed.positions import (
    NOWHERE,
    PositionAxis,
    keeps_all,
    place_after,
    place_of_put,
    puts_back,
    side,
)
from interpret.attention.recomputation import running

_PROJECTS = PRODUCTS | {"linear", "addmm", "conv1d", "conv2d"}
_JOINS = {"cat", "concat", "concatenate", "stack"}
_SHAPED = {"expand_as", "view_as", "reshape_as", "type_as", "to"}  # take another tensor's shape or type only
_MANY = 8  # origins; a tensor with more isn't the projection of one layer's input


@dataclass(frozen=True, eq=False)
class Trace:
    """Trace of a tensor.

    Attributes:
        calls: Bit mask of the attention calls that the tensor was made from.
        aligned: Those of which each position holds its own part.
        picked: Those whose positions it has in another order, which may be put back later, as in mixtures of experts.
        place: Axis of the positions.
        origins: Numbers of the tensors whose projections it was made from, counting only the latest projections.
    """

    calls: int = 0
    aligned: int = 0
    picked: int = 0
    place: PositionAxis = NOWHERE
    origins: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Reading:
    """Calls that one attention call reads.

    Attributes:
        streams: Traces of the pass; readings of different passes can't be compared.
        number: Index of the call, in the order in which calls began.
        calls: Bit mask of the calls that its queries, keys and values were made from.
        aligned: Those of which each position reads its own part.
        origins: Numbers of the tensors that were projected to queries, keys and values; empty if unknown.
    """

    streams: "Streams" = field(repr=False)
    number: int
    calls: int
    aligned: int
    origins: frozenset[int]

    def wrote(self, output: Tensor, axis: int) -> None:
        """Traces the output of the call when it is done.

        Args:
            output: Head outputs that the model continues with.
            axis: Their axis of positions, from the end.
        """
        self.streams.trace(self, output, axis)


class Streams:
    """Traces of one pass.

    Attributes:
        calls: Number of calls that have begun.
        joined: For each concatenation, the bit masks of the aligned calls of its parts.
    """

    def __init__(self) -> None:
        self.joined: list[list[int]] = []
        self._traces: ByTensor[Trace] = ByTensor()
        self._numbers: ByTensor[int] = ByTensor()
        self._numbered = 0
        self.calls = 0

    def reading(self, *inputs: Tensor, axes: Collection[int]) -> Reading:
        """Makes the reading of a call that begins; the arguments are those of `reading_of`."""
        found = [trace for tensor in inputs if (trace := self._traces[tensor]) is not None]
        calls = aligned = 0
        for trace in found:
            calls |= trace.calls
            aligned |= trace.aligned if trace.place.is_at(axes) else 0
        self.calls += 1
        origins = frozenset[int]().union(*(trace.origins for trace in found))
        return Reading(self, self.calls - 1, calls, aligned, origins)

    def trace(self, reading: Reading, output: Tensor, axis: int) -> None:
        """Traces the output of a call; the arguments are those of `Reading.wrote`."""
        bit = 1 << reading.number
        self._traces[output] = Trace(reading.calls | bit, bit, place=PositionAxis(axis, output.shape[axis]))

    def follow(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Traces the result of a function.

        Args:
            name: Name of the function, such as "linear".
            args: Its positional arguments.
            kwargs: Its keyword arguments.
            result: Its result.
        """
        if not isinstance(result, Tensor | tuple | list) and name != "__setitem__":
            return
        if name in _SHAPED or name.startswith("new_") or name.endswith("_like"):
            args = args[:1] if name in _SHAPED else ()
            kwargs = {}
        given = given_tensors(args, kwargs)
        traced = [(tensor, trace) for tensor in given if (trace := self._traces[tensor]) is not None]
        projects = name in _PROJECTS and any(map(is_learned, given))
        if not traced and not projects:
            return
        if name in _JOINS:
            self._note_join(side(args, kwargs), name == "stack", traced)
        origins = self._origins(given) if projects else frozenset().union(*(trace.origins for _, trace in traced))
        for made in _changed(name, args, result):
            self._traces[made] = self._after(name, args, kwargs, traced, made, origins)

    def _after(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        traced: Sequence[tuple[Tensor, Trace]],
        made: Tensor,
        origins: frozenset[int],
    ) -> Trace:
        calls = aligned = picked = 0
        place: PositionAxis | None = None
        kept = traced[0][1].place if traced else NOWHERE
        for source, trace in traced:
            calls |= trace.calls
            bits, found = trace.aligned, None
            if trace.picked and puts_back(name):
                bits, found = bits | trace.picked, place_of_put(trace.place, made)
            elif bits:
                found = place_after(name, args, kwargs, source, trace.place, made)
            if found is None:
                picked |= trace.picked | (trace.aligned if keeps_all(name, source, made) else 0)
                kept = trace.place if trace.aligned | trace.picked else kept
            else:
                place = place or found
                aligned, picked = aligned | bits, picked | trace.picked
        known = origins if len(origins) <= _MANY else frozenset[int]()
        return Trace(calls, aligned, picked, place or kept, known)

    def _origins(self, given: Sequence[Tensor]) -> frozenset[int]:
        source = next((tensor for tensor in given if not is_learned(tensor) and tensor.is_floating_point()), None)
        if source is None:
            return frozenset()
        number = self._numbers[source]
        if number is None:
            self._numbered += 1
            self._numbers[source] = number = self._numbered
        return frozenset((number,))

    def _note_join(self, axis: int, is_new: bool, traced: Sequence[tuple[Tensor, Trace]]) -> None:
        """Notes a concatenation along an axis that is neither that of examples nor that of positions."""
        parts = [trace.aligned for _, trace in traced]
        if len(set(parts)) > 1:
            ((first, trace), *_), axes = traced, traced[0][0].ndim
            place = axis % (axes + is_new)
            if place != 0 and (is_new or place != trace.place.axis % first.ndim):
                self.joined.append(parts)


def _changed(name: str, args: tuple[Any, ...], result: Any) -> Iterator[Tensor]:
    """Yields the tensors that a function made or wrote into."""
    if name.endswith("_") and args and isinstance(args[0], Tensor):  # add_, __setitem__, __iadd__ ...
        into = args[0]
        if (name == "__setitem__" or result is into) and into.is_floating_point():
            yield into
            if into._base is not None:
                yield into._base
            return
    yield from (tensor for tensor in tensors_in(result) if tensor.is_floating_point())


current_streams: ContextVar[list[Streams]] = ContextVar("interpret_streams")


@contextmanager
def following() -> Iterator[None]:
    """Traces passes until the block ends; a nested block shares the outer one's traces."""
    if current_streams.get(None) is not None:
        yield
        return
    token = current_streams.set([Streams()])
    try:
        yield
    finally:
        current_streams.reset(token)


def streams() -> Streams | None:
    """Returns the traces of the pass that is being followed; `None` if none is."""
    found = current_streams.get(None)
    return None if found is None else found[0]


def begin_following() -> None:
    """Starts the traces of a new pass, unless it is a part of another pass that is running."""
    found = current_streams.get(None)
    if found is not None and not running.get():
        found[0] = Streams()


def reading_of(*inputs: Tensor, axes: Collection[int] = (-2,)) -> Reading | None:
    """Returns what a call that begins now reads; `None` if no pass is being followed.

    Args:
        inputs: Tensors that it computes from.
        axes: Axes of these that may be positions, from the end.
    """
    found = streams() if running.get() else None
    return None if found is None else found.reading(*inputs, axes=axes)
