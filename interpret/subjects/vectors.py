"""Vectors in the place of those that a model looks up for its token ids."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from jaxtyping import Float, Int
from torch import Tensor, nn

from interpret.errors import CaptureError

WayIn = Literal["alone", "beside ids"]
"""How a model is given vectors: in the place of ids, or by its own embedding while it is given the ids as well."""


@contextmanager
def answering(
    embedding: nn.Module, vectors: Float[Tensor, "..."], asked: Int[Tensor, "..."] | None = None
) -> Iterator[None]:
    """Lets an embedding answer with these vectors in the block.

    Args:
        embedding: The table of a model's token vectors.
        vectors: What it answers.
        asked: The ids that it answers to so, this very tensor or a view of it; GPT-2 looks up types of tokens in the
            same table. By default it answers so whatever it is asked.

    Raises:
        CaptureError: It wasn't asked for those in the block, so the model read something else.
    """
    answered = False

    def hook(_: nn.Module, args: tuple[Any, ...], own: Tensor) -> Tensor:
        nonlocal answered
        if asked is not None and args[0].data_ptr() != asked.data_ptr():
            return own
        answered = True
        return vectors

    handle = embedding.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
    if not answered:
        raise CaptureError("the model doesn't look its token ids up in its table of token vectors as they are")
