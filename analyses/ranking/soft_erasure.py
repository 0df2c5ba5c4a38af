"""Soft comprehensiveness and sufficiency: parts of words' vectors erased, in proportion to their scores."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from interpret.subjects.decision import Decision, Scores
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

LEAST_ROOM = 1e-9  # of probability; where erasing every word costs less, there is nothing to divide by


def soft_erasure(
    subject: Subject,
    example: Example,
    decision: Decision,
    shown: Float[Tensor, "map unit"],
    *,
    draws: int,
    generator: torch.Generator,
) -> tuple[Float[Tensor, " map"], Float[Tensor, " map"]]:
    """Sets random elements of each word's vector to 0, and measures how far the probability falls.

    A map's scores become shares from 0, its lowest, to 1, its highest. For comprehensiveness a word's elements are set
    to 0 with that probability, for sufficiency they are kept with it. All maps get the same random numbers. Special
    tokens keep their vectors.

    Args:
        subject: The model, which is run from the vectors of its tokens.
        example: The text.
        decision: The decision on it.
        shown: Scores of each map.
        draws: Random masks of each map.
        generator: Source of randomness.

    Returns:
        Comprehensiveness and sufficiency, mean over draws; large is good. NaN for flat maps, and for all where the
        probability doesn't fall without any word.

    Source: Zhao and Aletras (2023), arXiv:2305.10496: Soft-NC and Soft-NS. Where the denominator is 0 we give NaN, as
    no value could be right.
    """
    vectors = subject.embed(example.ids[None])[0].detach()
    words = (example.unit_of < len(example.units)).to(vectors.device)[:, None]
    chance = torch.rand(draws, *vectors.shape, generator=generator).to(vectors.device)

    def fall(gone: Bool[Tensor, "_draw token hidden"]) -> float:
        """Mean fall of the probability without these elements of words; rises count as none."""
        left = vectors.masked_fill(words & gone, 0.0)
        return float(
            (decision.probability - _probabilities(subject, example, left, decision.target)).clamp(min=0).mean()
        )

    room = fall(torch.ones_like(chance[:1], dtype=torch.bool))
    if room < LEAST_ROOM:
        room = math.nan
    found = []
    for share in example.spread(_shares(shown)).to(vectors.device)[..., None]:
        is_flat = bool(share.isnan().any())
        found.append(
            (math.nan, math.nan) if is_flat else (fall(chance < share) / room, 1 - fall(chance >= share) / room)
        )
    comprehensiveness, sufficiency = torch.tensor(found).unbind(dim=1)
    return comprehensiveness, sufficiency


def _shares(shown: Float[Tensor, "map unit"]) -> Float[Tensor, "map unit"]:
    """Scores from 0, the lowest of a map, to 1, its highest; NaN for flat maps."""
    low, high = shown.amin(dim=1, keepdim=True), shown.amax(dim=1, keepdim=True)
    return (shown - low) / (high - low)


def _probabilities(
    subject: Subject, example: Example, vectors: Float[Tensor, "draw token hidden"], target: int
) -> Float[Tensor, " draw"]:
    """Probability of the target from token vectors, in passes that bound memory."""
    with torch.no_grad():
        parts = torch.split(vectors, subject.rows_at_once(len(example.ids)))
        return torch.cat(
            [Scores.of(subject.logits_from(part, example.ids[None]), target).probability for part in parts]
        )


def soft_passes(maps: int, draws: int) -> int:
    """Most inputs that `soft_erasure` runs the model on: twice the draws for each map, and one without any word."""
    return 2 * maps * draws + 1
