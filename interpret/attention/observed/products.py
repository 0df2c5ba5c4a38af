"""A product of weights and values that a module's own code computes."""

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
    """The two tensors that a product multiplies; nothing for einsums of another number.

    Args:
        name: Of the function, such as "bmm".
        args: As it was called.
        kwargs: As it was called.
    """
    given = [*args, *(value for key, value in kwargs.items() if key in ("input", "other", "mat2", "batch1", "batch2"))]
    if name == "einsum":
        given = list(given[1]) if len(given) == 2 and isinstance(given[1], tuple | list) else given[1:]
    elif name == "baddbmm":
        given = given[1:]
    return tuple(given) if len(given) == 2 and all(isinstance(tensor, Tensor) for tensor in given) else ()


def product_form(name: str, args: tuple[Any, ...], operands: Sequence[Tensor], place: int, axis: int) -> Form | None:
    """Which axis of a product plays which part; `None` when it isn't weights times values.

    Args:
        name: Of the function.
        args: As it was called.
        operands: What it multiplies.
        place: Which operand are the weights, 0 or 1.
        axis: The axis over which they sum to 1.
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
        frames: The modules that are running, the innermost last.
        run: Computes the product as the module asked for it.
        weights: As they enter it.
        values: The other operand.
        form: Its axes.

    Raises:
        CaptureError: It can't be known what are heads, or it is attention over a piece of a text.
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
        # A copy: some modules go on writing into the product.
        return lead.unfold(form.plain_output(kept[0])).transpose(1, 2).clone()

    output = put_to(taps, call, compute)
    # Where gradients are kept, the model goes on from what was recorded, so that they lead to it; the numbers stay.
    is_own = kept and not call.edited_output and not output.requires_grad
    answer = kept[0] if is_own else form.own_output(lead.fold(output.transpose(1, 2)))
    if call.reading is not None:
        call.reading.wrote(answer, form.output.index(form.query) - len(form.output))
    return answer
