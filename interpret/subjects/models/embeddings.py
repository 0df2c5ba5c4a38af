"""Replacement of the embeddings that a model looks up for its token ids."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from jaxtyping import Float, Int
from torch import Tensor, nn

from interpret.errors import CaptureError

EmbeddingCall = Literal["alone", "beside ids"]
"""How a model is given vectors: in the place of ids, or by its own embedding while it is given the ids as well."""


@contextmanager
def replaced_embeddings(
    embedding: nn.Module, vectors: Float[Tensor, "..."], asked: Int[Tensor, "..."] | None = None
) -> Iterator[None]:
    """Replaces the output of an embedding layer by these vectors in the block.

    Args:
        embedding: A model's token embedding layer.
        vectors: Its new output.
        asked: The ids whose lookup is replaced, this very tensor or a view of it, because GPT-2 looks up token types in
            the same layer. By default every lookup is replaced.

    Raises:
        CaptureError: They weren't looked up in the block, so the model read something else.
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
