"""What reads what: from which attention calls a tensor was made, and whether position by position.

While a recorded pass runs, each tensor that is made from what attention wrote gets a trace. It says which calls are in
it, and of which each position still holds its own, as along a residual stream: a mean over positions, or the first of
them, has all of a text in it and is no stream any more. Nothing is kept but these traces, which keep no tensor alive.

A trace that gets lost (in code that PyTorch doesn't tell of) makes calls look apart, which is then refused.
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
_SHAPED = {"expand_as", "view_as", "reshape_as", "type_as", "to"}  # as another tensor is, whose numbers they don't read
_MANY = 8  # origins; a tensor with more was made of too much to be what one layer projects


@dataclass(frozen=True, eq=False)
class Trace:
    """What is known of a tensor.

    Attributes:
        calls: A bit for each attention call that it was made from.
        aligned: Those of which each position holds its own.
        picked: Those of which it has positions in an order of its own, which may be put back where they belong, as
            mixtures of experts do.
        place: Where those positions are.
        origins: Numbers of the tensors whose projections it was made from, last.
    """

    calls: int = 0
    aligned: int = 0
    picked: int = 0
    place: PositionAxis = NOWHERE
    origins: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Reading:
    """What one attention call was made from.

    Attributes:
        streams: Of the pass; readings of others can't be compared.
        number: Of the call, in the order in which calls began.
        calls: Bits of the calls that its queries, keys and values were made from.
        aligned: Those of which each position read its own.
        origins: Numbers of the tensors that were projected to queries, keys and values; empty where unknown.
    """

    streams: "Streams" = field(repr=False)
    number: int
    calls: int
    aligned: int
    origins: frozenset[int]

    def wrote(self, output: Tensor, axis: int) -> None:
        """The call is done.

        Args:
            output: What the model goes on with.
            axis: Its axis of positions, from the end.
        """
        self.streams.trace(self, output, axis)


class Streams:
    """The traces of one pass.

    Attributes:
        calls: How many calls have begun.
        joined: What was put together side by side: of each part, the calls that it has, position by position.
    """

    def __init__(self) -> None:
        self.joined: list[list[int]] = []
        self._traces: ByTensor[Trace] = ByTensor()
        self._numbers: ByTensor[int] = ByTensor()
        self._numbered = 0
        self.calls = 0

    def reading(self, *inputs: Tensor, axes: Collection[int]) -> Reading:
        """A call begins; the arguments are those of `reading_of`."""
        found = [trace for tensor in inputs if (trace := self._traces[tensor]) is not None]
        calls = aligned = 0
        for trace in found:
            calls |= trace.calls
            aligned |= trace.aligned if trace.place.is_at(axes) else 0
        self.calls += 1
        origins = frozenset[int]().union(*(trace.origins for trace in found))
        return Reading(self, self.calls - 1, calls, aligned, origins)

    def trace(self, reading: Reading, output: Tensor, axis: int) -> None:
        """A call is done; the arguments are those of `Reading.wrote`."""
        bit = 1 << reading.number
        self._traces[output] = Trace(reading.calls | bit, bit, place=PositionAxis(axis, output.shape[axis]))

    def follow(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        """Traces what a function made.

        Args:
            name: Of the function, such as "linear".
            args: As it was called.
            kwargs: As it was called.
            result: Its answer.
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
        """Keeps what stands side by side in an axis that is neither that of examples nor that of positions."""
        parts = [trace.aligned for _, trace in traced]
        if len(set(parts)) > 1:
            ((first, trace), *_), axes = traced, traced[0][0].ndim
            place = axis % (axes + is_new)
            if place != 0 and (is_new or place != trace.place.axis % first.ndim):
                self.joined.append(parts)


def _changed(name: str, args: tuple[Any, ...], result: Any) -> Iterator[Tensor]:
    """The tensors that a function made or wrote into."""
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
    """Lets passes be followed until the block ends; inside of another such block, it is the same one."""
    if current_streams.get(None) is not None:
        yield
        return
    token = current_streams.set([Streams()])
    try:
        yield
    finally:
        current_streams.reset(token)


def streams() -> Streams | None:
    """Of the pass that is being followed; `None` where none is."""
    found = current_streams.get(None)
    return None if found is None else found[0]


def begin_following() -> None:
    """A pass begins; what is known of others is forgotten, unless this one is a part of another that is running."""
    found = current_streams.get(None)
    if found is not None and not running.get():
        found[0] = Streams()


def reading_of(*inputs: Tensor, axes: Collection[int] = (-2,)) -> Reading | None:
    """What a call reads that begins now; `None` where nothing is followed.

    Args:
        inputs: What it computes from.
        axes: Which axes of these may be positions, from the end.
    """
    found = streams() if running.get() else None
    return None if found is None else found.reading(*inputs, axes=axes)
