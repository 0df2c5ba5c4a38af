"""Torch function mode that finds attention among the calls of running modules to PyTorch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FunctionType
from typing import Any

from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from interpret.attention.observed.heads import RunningModule
from interpret.attention.observed.kernels import observed_kernel
from interpret.attention.observed.marks import PRODUCTS, SCORES, SOFTMAX, SPOILT, Mark, Marks, Softmax, is_learned
from interpret.attention.observed.products import observed_product, operands_of, product_form
from interpret.attention.observed.streams import streams
from interpret.errors import CaptureError


class Watch(TorchFunctionMode):
    """Mode that is active while modules of a tapped model run in this thread.

    Attributes:
        frames: Modules that are running, the innermost last.
        outer: Number of them that ran before the watch began.
        paused: True while nothing is watched, because attention is reached through the interface.
    """

    def __init__(self, frames: list[RunningModule]) -> None:
        super().__init__()
        self.frames = frames
        self.outer = len(frames)
        self.paused = False
        self._marks = Marks()
        self._softmaxes: list[Softmax] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs `func`, and examines its arguments and result."""
        kwargs = kwargs or {}
        if self.paused or not self.frames:
            return func(*args, **kwargs)
        name, followed = getattr(func, "__name__", ""), streams()
        if followed is None:
            return self._heard(func, name, args, kwargs)
        before = followed.calls
        result = self._heard(func, name, args, kwargs)
        if followed.calls == before:  # an attention call traces its own output
            followed.follow(name, args, kwargs, result)
        return result

    def _heard(self, func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Runs a function, which may be attention or a part of it."""
        if self.frames[-1].is_read_whole:
            return func(*args, **kwargs)
        if func is functional.multi_head_attention_forward:
            with self:
                return _heard_inside(func)(*args, **kwargs)
        if func is functional.scaled_dot_product_attention:
            return observed_kernel(self.frames, *args, **kwargs)
        if name in PRODUCTS:
            return self._product(func, name, args, kwargs)
        result = func(*args, **kwargs)
        if name in SOFTMAX and self._marks[args[0] if args else kwargs.get("input")] is SCORES:
            self._softmax(args, kwargs, result)
        elif self._marks:
            self._marks.follow(name, args, kwargs, result)
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
        softmax = Softmax(type(self.frames[-1].module).__name__)
        self._softmaxes.append(softmax)
        self._marks[result] = SPOILT if axis is None else Mark("weights", softmax, axis % result.ndim)

    def _product(self, func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        operands = operands_of(name, args, kwargs)
        marks = [self._marks[operand] for operand in operands]
        kinds = ["" if mark is None else mark.kind for mark in marks]
        if kinds.count("weights") == 1 and "spoilt" not in kinds:
            place = kinds.index("weights")
            mark = marks[place]
            assert mark is not None and mark.softmax is not None
            form = product_form(name, args, operands, place, mark.axis)
            if form is not None:
                mark.softmax.is_read = True
                return observed_product(
                    self.frames, lambda: func(*args, **kwargs), operands[place], operands[1 - place], form
                )
        result = func(*args, **kwargs)
        if "weights" in kinds or "spoilt" in kinds:
            self._marks[result] = SPOILT
        elif len(operands) == 2 and not any(is_learned(operand) for operand in operands):
            self._marks[result] = SCORES
        return result


current: ContextVar[Watch | None] = ContextVar("interpret_watch", default=None)


@contextmanager
def unwatched() -> Iterator[None]:
    """Pauses the watch until the block ends, because attention is reached in another way."""
    watch = current.get()
    if watch is None or watch.paused:
        yield
        return
    watch.paused = True
    try:
        yield
    finally:
        watch.paused = False


def _heard_inside(func: Callable[..., Any]) -> Callable[..., Any]:
    """Copies a function so that it isn't handed to the mode as a whole, and the mode sees the functions it calls."""
    assert isinstance(func, FunctionType)
    names = {**func.__globals__, "has_torch_function": lambda _: False}
    return FunctionType(func.__code__, names, func.__name__, func.__defaults__, func.__closure__)
