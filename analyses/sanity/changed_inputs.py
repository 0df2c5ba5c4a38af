"""Inputs that differ in what must not matter: noise in their vectors, and a shift that the model takes away again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from interpret.subjects.derived import DerivedPart, Whole, derived
from interpret.subjects.task_model import TaskModel


def shifted(whole: Whole, shift: Float[Tensor, " hidden"]) -> Whole:
    """Makes a subject whose input vectors are all moved by a constant, which its model takes away again.

    It gives the same logits on every text, and gradients with respect to its vectors are the same.

    Args:
        whole: The subject.
        shift: What is added to every vector.

    Source: Kindermans et al. (2017), The (un)reliability of saliency methods, arXiv:1711.00867, section 2, where the
    first layer's bias takes it away.
    """
    return derived(_Shifted, whole, shift)


class _Shifted(DerivedPart):
    """Vectors of the whole subject, moved."""

    def __init__(self, whole: TaskModel, shift: Tensor) -> None:
        DerivedPart.__init__(self, whole)  # not that of the whole one's class, which comes next
        self._unmoved = whole
        self._shift = shift

    def embed(self, ids: Shaped[Tensor, "batch token *number"]) -> Float[Tensor, "batch token hidden"]:
        """Moved vectors of tokens."""
        vectors = self._unmoved.embed(ids)
        return vectors + self._shift.to(vectors)

    def logits_from(
        self, embeddings: Float[Tensor, "batch token hidden"], ids: Shaped[Tensor, "#batch token *number"]
    ) -> Float[Tensor, "batch label"]:
        """Logits from moved vectors."""
        return self._unmoved.logits_from(embeddings - self._shift.to(embeddings), ids)


@contextmanager
def noise_in_vectors(module: nn.Module, size: float, seed: int) -> Iterator[None]:
    """Adds normal noise to what an embedding module gives, the same in each pass and in each input of a batch.

    Args:
        module: The module.
        size: Standard deviation of the noise, as a share of that of what the module gives.
        seed: Seed of the noise.
    """

    def add(_: nn.Module, __: Any, given: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(given.shape[1:], generator=generator).to(given)
        return given + size * given.detach().float().std().to(given) * noise

    handle = module.register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()
