"""Gradients with respect to embeddings: the margin as their function, and the vectors that methods start from."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from interpret.errors import InputError
from interpret.indices import whole_number
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.deciding import own_readout
from interpret.subjects.decision import Decision, margin
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

KEPT = 4  # a pass with gradients takes this many times fewer inputs; more are hardly faster

Baseline = Literal["mask", "zero"]


def margin_of(subject: Subject, example: Example, decision: Decision) -> Callable[[Tensor], Tensor]:
    """Returns the margin as a function of embeddings `[batch, token, hidden]`, one number for each of the batch.

    Raises:
        InputError: The decision was made on an input of another length.
    """
    own_readout(subject, example, decision)

    def score(embeddings: Tensor) -> Tensor:
        return margin(subject.logits_from(embeddings, example.ids[None]).float(), decision.target)

    return score


def embeddings_of(subject: Subject, example: Example) -> Float[Tensor, "1 token hidden"]:
    """Returns a copy of the input's embeddings, without gradient."""
    return subject.embed(example.ids[None]).detach().clone()


def without_words(
    subject: Subject, example: Example, baseline: Baseline | None
) -> tuple[Float[Tensor, "1 token hidden"], bool]:
    """Returns embeddings of the input with every unit blank, and whether they are those of the mask token.

    Args:
        subject: The model.
        example: The input.
        baseline: Embedding of each token of a unit: that of the "mask" token, or "zero". By default "mask" where the
            model has one. Special tokens keep theirs.

    Raises:
        InputError: `baseline` is "mask" and the model has no mask token.
    """
    in_units: Bool[Tensor, " token"] = example.unit_of < len(example.units)
    if baseline == "mask" and subject.mask_id is None:
        raise InputError(f'{subject.name} has no mask token to start from; use the baseline "zero"')
    if baseline == "zero" or subject.mask_id is None:
        embeddings = embeddings_of(subject, example)
        return embeddings.masked_fill(in_units.to(embeddings.device)[None, :, None], 0), False
    ids = example.ids.masked_fill(in_units.to(example.ids.device), subject.mask_id)
    return subject.embed(ids[None]).detach(), True


def rows_of(gradient: Float[Tensor, "1 token hidden"]) -> Float[Tensor, "token hidden"]:
    """Returns the only row of a batch, in float32 on the CPU."""
    return gradient[0].detach().float().cpu()


def signed_attribution(
    method: str, products: Float[Tensor, "1 token hidden"], example: Example, notes: dict[str, float]
) -> Attribution:
    """Makes an attribution of products of gradients, summed over `hidden`."""
    tokens = rows_of(products).sum(dim=-1)
    return Attribution(method, "gradient", True, example.pool(tokens), tokens, notes, words=example.words)


def gradients_at(
    subject: Subject, example: Example, decision: Decision, points: Iterable[Float[Tensor, "token hidden"]]
) -> Iterator[Float[Tensor, "point token hidden"]]:
    """Yields the margin's gradients at embeddings near the input's, a pass of several points at a time.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it.
        points: Embeddings; taken one pass at a time.
    """
    score, rest = margin_of(subject, example, decision), iter(points)
    while several := list(islice(rest, subject.rows_at_once(KEPT * len(example.ids)))):
        embeddings = torch.stack(several).requires_grad_()
        (gradient,) = torch.autograd.grad(score(embeddings).sum(), embeddings)
        yield gradient


@gradients_on()
def embedding_gradient(subject: Subject, example: Example, decision: Decision) -> Float[Tensor, "1 token hidden"]:
    """Computes the margin's gradient with respect to the input's embeddings, in one pass."""
    (gradient,) = gradients_at(subject, example, decision, embeddings_of(subject, example))
    return gradient


def noise_like(
    embeddings: Float[Tensor, "1 token hidden"], share: float, draws: int, seed: int
) -> Iterator[Float[Tensor, "token hidden"]]:
    """Yields draws of Gaussian noise for embeddings.

    Args:
        embeddings: The embeddings of the input.
        share: Its standard deviation, as a share of the range of the numbers in them.
        draws: Number of draws.
        seed: Seed of the draws; the same on every device.

    Raises:
        InputError: The share is negative, or there are fewer than two draws.
    """
    if share < 0 or whole_number("draws", draws) < 2:
        raise InputError(f"noise must be at least 0 and draws at least 2, not {share} and {draws}")
    generator, deviation = torch.Generator().manual_seed(seed), share * float(embeddings.max() - embeddings.min())
    return (deviation * torch.randn(embeddings.shape[1:], generator=generator).to(embeddings) for _ in range(draws))
