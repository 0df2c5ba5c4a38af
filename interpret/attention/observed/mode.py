"""Torch function mode that finds attention among the calls of running modules to PyTorch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FunctionType
from typing import Any

from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from interpret.attention.observed.attention_functions import run_kernel, run_product
from interpret.attention.observed.product_axes import operands_of, product_axes
from interpret.attention.observed.tensor_tags import MIXED, SCORES, SOFTMAX, Softmax, Tag, TensorTags
from interpret.attention.tracing.running_modules import RunningModule
from interpret.attention.tracing.torch_functions import PRODUCTS, is_learned
from interpret.attention.tracing.traces import current_traces
from interpret.errors import CaptureError


class Watch(TorchFunctionMode):
    """Mode that is active while modules of a tapped model run in this thread.

    Attributes:
        running: Modules that are running, the innermost last.
        outer: Number of them that ran before the watch began.
        paused: True while nothing is watched, because attention is reached through the interface.
    """

    def __init__(self, running: list[RunningModule]) -> None:
        super().__init__()
        self.running = running
        self.outer = len(running)
        self.paused = False
        self._tags = TensorTags()
        self._softmaxes: list[Softmax] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs `func`, and examines its arguments and result."""
        kwargs = kwargs or {}
        if self.paused or not self.running:
            return func(*args, **kwargs)
        name, traces = getattr(func, "__name__", ""), current_traces()
        if traces is None:
            return self._run(func, name, args, kwargs)
        before = traces.calls
        result = self._run(func, name, args, kwargs)
        if traces.calls == before:  # an attention call traces its own output
            traces.trace_function(name, args, kwargs, result)
        return result

    def _run(self, func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Runs a function, which may be attention or a part of it."""
        if self.running[-1].is_unwatched:
            return func(*args, **kwargs)
        if func is functional.multi_head_attention_forward:
            with self:
                return _watched_inside(func)(*args, **kwargs)
        if func is functional.scaled_dot_product_attention:
            return run_kernel(self.running, *args, **kwargs)
        if name in PRODUCTS:
            return self._product(func, name, args, kwargs)
        result = func(*args, **kwargs)
        if name in SOFTMAX and self._tags[args[0] if args else kwargs.get("input")] is SCORES:
            self._softmax(args, kwargs, result)
        elif self._tags:
            self._tags.follow(name, args, kwargs, result)
        return result

    def require_all_read(self) -> None:
        """Checks that every softmax of scores entered a product that was read.

        Raises:
            CaptureError: Some attention would be missed silently.
        """
        lost = next((softmax for softmax in self._softmaxes if not softmax.is_read), None)
        if lost is not None:
            raise CaptureError(
                f"{lost.owner} computes attention whose weights don't go into a product with values in a way that can "
                "be followed (in blocks, bands or pieces), so it can be neither read nor edited"
            )

    def _softmax(self, args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor) -> None:
        axis = kwargs.get("dim", args[1] if len(args) > 1 else None)
        softmax = Softmax(type(self.running[-1].module).__name__)
        self._softmaxes.append(softmax)
        self._tags[result] = MIXED if axis is None else Tag("weights", softmax, axis % result.ndim)

    def _product(self, func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        operands = operands_of(name, args, kwargs)
        tags = [self._tags[operand] for operand in operands]
        kinds = ["" if tag is None else tag.kind for tag in tags]
        if kinds.count("weights") == 1 and "mixed" not in kinds:
            at = kinds.index("weights")
            tag = tags[at]
            assert tag is not None and tag.softmax is not None
            axes = product_axes(name, args, operands, at, tag.axis)
            if axes is not None:
                tag.softmax.is_read = True
                return run_product(self.running, lambda: func(*args, **kwargs), operands[at], operands[1 - at], axes)
        result = func(*args, **kwargs)
        if "weights" in kinds or "mixed" in kinds:
            self._tags[result] = MIXED
        elif len(operands) == 2 and not any(is_learned(operand) for operand in operands):
            self._tags[result] = SCORES
        return result


current_watch: ContextVar[Watch | None] = ContextVar("interpret_watch", default=None)


@contextmanager
def unwatched() -> Iterator[None]:
    """Pauses the watch until the block ends, because attention is reached in another way."""
    watch = current_watch.get()
    if watch is None or watch.paused:
        yield
        return
    watch.paused = True
    try:
        yield
    finally:
        watch.paused = False


def _watched_inside(func: Callable[..., Any]) -> Callable[..., Any]:
    """Copies a function so that it isn't handed to the mode as a whole, and the mode sees the functions it calls."""
    assert isinstance(func, FunctionType)
    names = {**func.__globals__, "has_torch_function": lambda _: False}
    return FunctionType(func.__code__, names, func.__name__, func.__defaults__, func.__closure__)
