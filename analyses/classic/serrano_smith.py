"""Serrano and Smith's two tests: zeroing the largest weight, and zeroing weights in order until the decision flips."""

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from analyses.classic.distances import js_divergence
from analyses.classic.probability_effects import weight_slopes
from analyses.verdicts.row_edits import in_parts
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow

LEAST_MASS = 1e-9  # of the mass that is left when weights are renormalised


@dataclass(frozen=True, eq=False)
class SerranoSmith:
    """Results of the paper's tests on one decision.

    Attributes:
        top: Position of the word token with the largest displayed weight.
        other: Position of the random other one.
        divergence_difference: JS(p, p without top) minus JS(p, p without other), in nats; below 0 the top weight
            mattered less.
        weight_difference: Displayed weight of `top` minus that of `other`; at least 0.
        top_flips: Whether zeroing the top weight changes the predicted label.
        other_flips: Whether zeroing the other does.
        removed: For "attention", "gradient", "attention x gradient", "random" and "ascending attention", the share of
            word tokens zeroed in that order when the predicted label first changes, in (0, 1]. NaN where it never does,
                even with all of them: censored, to be counted. "random" is the mean over draws, NaN if any is NaN.
        random: The share for each random order.
        gradient: Derivative of the predicted label's probability by each position's weight, summed over heads; signed.
    """

    top: int
    other: int
    divergence_difference: float
    weight_difference: float
    top_flips: bool
    other_flips: bool
    removed: dict[str, float]
    random: tuple[float, ...]
    gradient: Float[Tensor, " key"] = field(repr=False)

    @property
    def censored(self) -> tuple[str, ...]:
        """Names of the orders that never flip the predicted label."""
        return tuple(name for name, share in self.removed.items() if math.isnan(share))


def serrano_smith(row: DecisionRow, content: Content, *, draws: int = 5, seed: int = 0) -> SerranoSmith:
    """Zeroes weights of the decision row, renormalises, and runs the rest of the model on the same values.

    Args:
        row: The decision of one text.
        content: Its words.
        draws: Number of random orders.
        seed: Seed of the other token and of the random orders.

    Raises:
        ValueError: The row holds several texts, there are fewer than two word tokens (the paper leaves those out), or
            `draws` is below 1.

    Source: Serrano and Smith (2019), arXiv:1906.03731, sections 4 and 5. A flip is a change of the label predicted on
    the unedited text, and the gradient is that of its probability. Each weight is zeroed in all heads, ranked by the
    head mean; a head's mass on words stays as it was, and is 0 once all of them are zeroed. Scores of several read
    positions are joined by their share in the decision.
    """
    keys = content.tokens[0].nonzero()[:, 0]
    if len(row.ids) != 1 or len(keys) < 2:
        raise ValueError(f"this takes one text with at least 2 word tokens, not {len(row.ids)} texts with {len(keys)}")
    if draws < 1:
        raise ValueError(f"draws must be at least 1, not {draws}")
    generator = torch.Generator().manual_seed(seed)
    shown = row.read_by()[0].cpu()
    # Summed, because a position's weight is zeroed in all heads and rows at once.
    gradient = weight_slopes(row, int(row.clean[0].argmax())).sum(dim=(0, 1)).float().cpu()
    ranked = keys[shown[keys].argsort(descending=True, stable=True)]
    top = int(ranked[0])
    other = int(ranked[1 + int(torch.randint(len(keys) - 1, (1,), generator=generator))])
    gone = torch.zeros(2, row.weights.shape[-1], dtype=torch.bool)
    gone[0, top] = gone[1, other] = True
    logits = _without(row, keys, gone)
    clean = row.clean[0].softmax(-1)
    flips = logits.argmax(-1) != clean.argmax()
    divergence = js_divergence(logits.double().softmax(-1), row.clean[0].double().softmax(-1)).cpu()
    scores = {"attention": shown, "gradient": gradient, "attention x gradient": shown * gradient}
    orders = {name: keys[score[keys].argsort(descending=True, stable=True)] for name, score in scores.items()}
    chance = tuple(_until_flip(row, keys[torch.randperm(len(keys), generator=generator)]) for _ in range(draws))
    removed = {name: _until_flip(row, order) for name, order in orders.items()}
    return SerranoSmith(
        top=top,
        other=other,
        divergence_difference=float(divergence[0] - divergence[1]),
        weight_difference=float(shown[top] - shown[other]),
        top_flips=bool(flips[0]),
        other_flips=bool(flips[1]),
        removed={
            **removed,
            "random": sum(chance) / draws,
            "ascending attention": _until_flip(row, ranked.flip(0)),
        },
        random=chance,
        gradient=gradient,
    )


def _until_flip(row: DecisionRow, order: Int[Tensor, " word"]) -> float:
    """Share of `order` that is zeroed when the predicted label first changes; NaN if it never does."""
    gone = torch.zeros(len(order), row.weights.shape[-1], dtype=torch.bool)
    gone[:, order] = torch.ones(len(order), len(order)).tril().bool()
    flipped = (_without(row, order, gone).argmax(-1) != row.clean[0].argmax()).cpu()
    return (int(flipped.int().argmax()) + 1) / len(order) if flipped.any() else math.nan


def _without(
    row: DecisionRow, keys: Int[Tensor, " word"], gone: Bool[Tensor, "variant key"]
) -> Float[Tensor, "variant label"]:
    """Logits with the weights of `gone[variant, key]` zeroed in all heads and each head's mass on words kept."""
    own, words = row.weights[0].float(), torch.zeros(row.weights.shape[-1], dtype=torch.bool)
    words[keys] = True
    words = words.to(own.device)
    mass = (own * words).sum(-1)

    def write(gone: Bool[Tensor, "1 part key"]) -> Float[Tensor, "1 part row head dim"]:
        kept = own * ~gone[0, :, None, None].to(own.device)
        left = (kept * words).sum(-1)
        weights = torch.where(words, kept * (mass / left.clamp(min=LEAST_MASS))[..., None], own)
        return row.write(weights[None].to(row.values.dtype))

    with torch.no_grad():
        return row.logits(in_parts(gone[None], write, own))[0]
