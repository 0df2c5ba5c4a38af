"""Products of weights and values that a module's own code computes."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from interpret.attention.hooks import put_to, taps_of
from interpret.attention.observed.calls import ObservedProduct
from interpret.attention.observed.form import Form, einsum_letters, form_of, matrix_letters
from interpret.attention.observed.heads import RunningModule, folding
from interpret.attention.observed.places import require_whole
from interpret.attention.observed.streams import reading_of


def operands_of(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Tensor, ...]:
    """Returns the two operands of a product; an empty tuple for an einsum of another number of tensors.

    Args:
        name: Name of the function, such as "bmm".
        args: Its positional arguments.
        kwargs: Its keyword arguments.
    """
    given = [*args, *(value for key, value in kwargs.items() if key in ("input", "other", "mat2", "batch1", "batch2"))]
    if name == "einsum":
        given = list(given[1]) if len(given) == 2 and isinstance(given[1], tuple | list) else given[1:]
    elif name == "baddbmm":
        given = given[1:]
    return tuple(given) if len(given) == 2 and all(isinstance(tensor, Tensor) for tensor in given) else ()


def product_form(name: str, args: tuple[Any, ...], operands: Sequence[Tensor], place: int, axis: int) -> Form | None:
    """Finds the role of each axis in a product; `None` if it isn't weights times values.

    Args:
        name: Name of the function.
        args: Its positional arguments.
        operands: The two tensors that it multiplies.
        place: Index of the weights among them, 0 or 1.
        axis: Axis over which the weights sum to 1.
    """
    if name == "baddbmm":  # adds something to the product
        return None
    if name == "einsum":
        letters = einsum_letters(args[0], *operands) if isinstance(args[0], str) else None
    else:
        letters = matrix_letters(*operands)
    return None if letters is None else form_of(letters[place], letters[1 - place], letters[2], axis)


def observed_product(
    frames: Sequence[RunningModule], run: Callable[[], Tensor], weights: Tensor, values: Tensor, form: Form
) -> Tensor:
    """Runs a product of weights and values with the taps listening.

    Args:
        frames: Modules that are running, the innermost last.
        run: Computes the product as the module called it.
        weights: Weights as they enter the product.
        values: The other operand.
        form: Axes of the product.

    Raises:
        CaptureError: The axis of heads is ambiguous, or this is attention over a piece of a text.
    """
    frame, taps = frames[-1], taps_of(frames[-1].module)
    if not taps:
        return run()
    queries, keys = (weights.shape[form.weights.index(letter)] for letter in (form.query, form.key))
    require_whole(frame, queries, keys)
    lead = folding(form.sizes(weights, values), queries, frames)
    call = ObservedProduct(
        module=frame.module, name=taps[0].names[frame.module],
        probabilities=weights, values=values, form=form, folding=lead,
        reading=reading_of(weights, values, axes=form.positions),
    )  # fmt: skip
    kept: list[Tensor] = []

    def compute() -> Tensor:
        kept.append(run())
        # A copy, as some modules write into the product later.
        return lead.unfold(form.plain_output(kept[0])).transpose(1, 2).clone()

    output = put_to(taps, call, compute)
    # With gradients, the model continues from the recorded tensor, so that they reach it; the numbers are the same.
    is_own = kept and not call.edited_output and not output.requires_grad
    answer = kept[0] if is_own else form.own_output(lead.fold(output.transpose(1, 2)))
    if call.reading is not None:
        call.reading.wrote(answer, form.output.index(form.query) - len(form.output))
    return answer
