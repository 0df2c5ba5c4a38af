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

from interpret.attention.tracing.position_axis import (
    NOWHERE,
    PositionAxis,
    axis_after,
    axis_after_scatter,
    is_scatter,
    joined_axis,
    may_hold_all,
)
from interpret.attention.tracing.running_modules import running_modules
from interpret.attention.tracing.torch_functions import PRODUCTS, ByTensor, given_tensors, is_learned, tensors_in

_PROJECTS = PRODUCTS | {"linear", "addmm", "conv1d", "conv2d"}
_JOINS = {"cat", "concat", "concatenate", "stack"}
_SHAPED = {"expand_as", "view_as", "reshape_as", "type_as", "to"}  # take another tensor's shape or type only
_MOST_ORIGINS = 8  # origins; a tensor with more isn't the projection of one layer's input


@dataclass(frozen=True, eq=False)
class Trace:
    """Trace of a tensor.

    Attributes:
        calls: Bit mask of the attention calls that the tensor was made from.
        aligned: Those of which each position holds its own part.
        reordered: Those whose positions are in another order and may be put back later, as in mixtures of experts.
        axis: Axis of the positions.
        origins: Numbers of the tensors whose projections it was made from, counting only the latest projections.
    """

    calls: int = 0
    aligned: int = 0
    reordered: int = 0
    axis: PositionAxis = NOWHERE
    origins: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Dependencies:
    """Calls that one attention call depends on.

    Attributes:
        traces: Traces of the pass; dependencies of different passes can't be compared.
        number: Index of the call, in the order in which calls began.
        calls: Bit mask of the calls that its queries, keys and values were made from.
        aligned: Those of which each position reads its own part.
        origins: Numbers of the tensors that were projected to queries, keys and values; empty if unknown.
    """

    traces: "PassTraces" = field(repr=False)
    number: int
    calls: int
    aligned: int
    origins: frozenset[int]

    def trace_output(self, output: Tensor, axis: int) -> None:
        """Traces the output of the call when it is done.

        Args:
            output: Head outputs that the model continues with.
            axis: Their axis of positions, from the end.
        """
        self.traces.trace_output(self, output, axis)


class PassTraces:
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

    def dependencies_of(self, *inputs: Tensor, axes: Collection[int]) -> Dependencies:
        """Finds the dependencies of a call that begins; the arguments are those of the function `dependencies_of`."""
        found = [trace for tensor in inputs if (trace := self._traces[tensor]) is not None]
        calls = aligned = 0
        for trace in found:
            calls |= trace.calls
            aligned |= trace.aligned if trace.axis.is_at(axes) else 0
        self.calls += 1
        origins = frozenset[int]().union(*(trace.origins for trace in found))
        return Dependencies(self, self.calls - 1, calls, aligned, origins)

    def trace_output(self, call: Dependencies, output: Tensor, axis: int) -> None:
        """Traces the output of a call; the arguments are those of `Dependencies.trace_output`."""
        bit = 1 << call.number
        self._traces[output] = Trace(call.calls | bit, bit, axis=PositionAxis(axis, output.shape[axis]))

    def trace_function(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
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
            self._note_join(joined_axis(args, kwargs), name == "stack", traced)
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
        calls = aligned = reordered = 0
        axis: PositionAxis | None = None
        last = traced[0][1].axis if traced else NOWHERE
        for source, trace in traced:
            calls |= trace.calls
            bits, found = trace.aligned, None
            if trace.reordered and is_scatter(name):
                bits, found = bits | trace.reordered, axis_after_scatter(trace.axis, made)
            elif bits:
                found = axis_after(name, args, kwargs, source, trace.axis, made)
            if found is None:
                reordered |= trace.reordered | (trace.aligned if may_hold_all(name, source, made) else 0)
                last = trace.axis if trace.aligned | trace.reordered else last
            else:
                axis = axis or found
                aligned, reordered = aligned | bits, reordered | trace.reordered
        known = origins if len(origins) <= _MOST_ORIGINS else frozenset[int]()
        return Trace(calls, aligned, reordered, axis or last, known)

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
            joined = axis % (axes + is_new)
            if joined != 0 and (is_new or joined != trace.axis.axis % first.ndim):
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


_current: ContextVar[list[PassTraces]] = ContextVar("interpret_traces")


@contextmanager
def following() -> Iterator[None]:
    """Traces passes until the block ends; a nested block shares the outer one's traces."""
    if _current.get(None) is not None:
        yield
        return
    token = _current.set([PassTraces()])
    try:
        yield
    finally:
        _current.reset(token)


def current_traces() -> PassTraces | None:
    """Returns the traces of the pass that is being traced; `None` if none is."""
    found = _current.get(None)
    return None if found is None else found[0]


def begin_following() -> None:
    """Starts the traces of a new pass, unless it is a part of another pass that is running."""
    found = _current.get(None)
    if found is not None and not running_modules.get():
        found[0] = PassTraces()


def dependencies_of(*inputs: Tensor, axes: Collection[int] = (-2,)) -> Dependencies | None:
    """Returns what a call that begins now depends on; `None` if no pass is being traced.

    Args:
        inputs: Tensors that it computes from.
        axes: Axes of these that may be positions, from the end.
    """
    found = current_traces() if running_modules.get() else None
    return None if found is None else found.dependencies_of(*inputs, axes=axes)
