"""Jain and Wallace's adversarial attention: weights as different as possible that keep the decision."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor
from torch.optim.adam import adam

from analyses.classic.distances import js_divergence
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow
from interpret.modes.gradients_on import gradients_on

PENALTY = 500.0  # weight of the output change beyond the allowance, as in the paper's code
REACH = 5.0  # steps times learning rate, as in the paper: 500 times 0.01
SLOWEST, FASTEST = 0.01, 0.1  # learning rates; a faster one, for fewer than 50 steps, would overshoot


@dataclass(frozen=True, eq=False)
class Adversarial:
    """Most different attention found that keeps the answer.

    Such weights exist for most decisions, also explained ones: they show how free the layer is, and are no verdict.

    Attributes:
        divergence: Jensen-Shannon divergence from the model's attention on words, averaged over heads, in nats from 0
            to ln 2. 0 where no restart kept the answer: the model's own weights are a candidate.
        feasible: Number of restarts that ended within the allowance.
        restarts: Number of restarts.
        weights: The attention found, special tokens included.
        divergences: The divergence of each restart, feasible or not.
        changes: Mean absolute change of a label's probability in each restart, in [0, 1].
    """

    divergence: float
    feasible: int
    restarts: int
    weights: Float[Tensor, "head row key"] = field(repr=False)
    divergences: Float[Tensor, " variant"] = field(repr=False)
    changes: Float[Tensor, " variant"] = field(repr=False)


@gradients_on()
def adversarial_attention(
    row: DecisionRow,
    content: Content,
    *,
    restarts: int = 5,
    steps: int = 500,
    hinge_eps: float = 0.01,
    select_eps: float = 0.05,
    seed: int = 0,
) -> Adversarial:
    """Optimises this row's weights on words in every head, away from the model's and from each other.

    Args:
        row: The decision of one text.
        content: Its words.
        restarts: Number of candidates, optimised together and pushed apart from each other.
        steps: Steps of Adam with AMSGrad. The learning rate is 0.01 from 500 steps on, as in the paper; with fewer it
            grows so that scores can move as far, up to 0.1 for 50.
        hinge_eps: Summed absolute change of probability that the loss doesn't penalise.
        select_eps: Mean absolute change of probability up to which a result counts as feasible.
        seed: Seed of the starting points.

    Raises:
        ValueError: The row holds several texts, or no words; or `restarts` or `steps` is below 1.

    Source: Jain and Wallace (2019), arXiv:1902.10186, section 4.2.2; the constants are their code's.
    They have one head. Here the divergence is averaged over heads (and over read positions, by their share in the
    decision), and the mass that a head has on words stays what it was. Fewer, longer steps are ours as well: on
    10 texts of two sentiment models 50 of them reached 96 to 105 % of the divergence that 500 did (at 0.01 only 74 to
    89 %), and as many restarts kept the answer.
    """
    tokens = content.tokens
    if len(row.ids) != 1 or len(tokens) != 1 or not tokens.any():
        raise ValueError(f"the adversary takes one text with words, not {len(row.ids)} texts with {int(tokens.sum())}")
    if restarts < 1 or steps < 1:
        raise ValueError(f"restarts and steps must be at least 1, not {restarts} and {steps}")
    keys = tokens[0].nonzero()[:, 0].to(row.weights.device)
    generator = torch.Generator().manual_seed(seed)
    start = 3 * torch.randn(restarts, *row.weights.shape[1:3], len(keys), generator=generator)
    scores = start.to(row.weights.device).requires_grad_()
    rate = min(FASTEST, max(SLOWEST, REACH / steps))
    mean, square, largest = (torch.zeros_like(scores) for _ in range(3))
    done = torch.zeros(())
    for _ in range(steps):
        with torch.enable_grad():
            shares = scores.softmax(dim=-1)
            excess = (_changes(row, _weights(row, keys, shares)).sum(dim=-1) - hinge_eps).relu()
            apart = _divergence(row, keys, shares).sum() + _between(row, shares)
            loss = PENALTY * excess.sum() - apart
        # `backward` would leave gradients on the model's parameters.
        gradient = torch.autograd.grad(loss, scores)
        # The function, not the class: creating an optimizer object loads torch's compiler, which takes a second.
        with torch.no_grad():
            adam(
                [scores], [*gradient], [mean], [square], [largest], [done], foreach=False, amsgrad=True, lr=rate,
                beta1=0.9, beta2=0.999, weight_decay=0.0, eps=1e-8, maximize=False,
            )  # fmt: skip
    return _best(row, keys, scores.detach().softmax(dim=-1), select_eps)


def _best(row: DecisionRow, keys: Tensor, shares: Tensor, select_eps: float) -> Adversarial:
    with torch.no_grad():
        weights = _weights(row, keys, shares)
        changes = _changes(row, weights).mean(dim=-1).cpu()
        divergences = _divergence(row, keys, shares).cpu()
    feasible = changes <= select_eps
    reached = divergences.masked_fill(~feasible, 0)
    best = int(reached.argmax())
    found = bool(feasible[best])
    return Adversarial(
        divergence=float(reached[best]),
        feasible=int(feasible.sum()),
        restarts=len(shares),
        weights=weights[best] if found else row.weights[0],
        divergences=divergences,
        changes=changes,
    )


def _weights(row: DecisionRow, keys: Tensor, shares: Tensor) -> Float[Tensor, "variant head row key"]:
    """Rows in which each head's mass on words is distributed by `shares`."""
    own = row.weights[0].float()
    mass = own[..., keys].sum(dim=-1, keepdim=True)
    return own.expand(len(shares), *own.shape).index_copy(-1, keys, shares * mass)


def _changes(row: DecisionRow, weights: Tensor) -> Float[Tensor, "variant label"]:
    probabilities = row.logits(row.write(weights[None].to(row.values.dtype)))[0].softmax(dim=-1)
    return (probabilities - row.clean[0].softmax(dim=-1)).abs()


def _divergence(row: DecisionRow, keys: Tensor, shares: Tensor) -> Float[Tensor, " variant"]:
    own = row.weights[0][..., keys].float()
    own = own / own.sum(dim=-1, keepdim=True).clamp(min=torch.finfo(own.dtype).tiny)
    return _mean(row, js_divergence(shares, own))


def _between(row: DecisionRow, shares: Tensor) -> Tensor:
    first, second = torch.triu_indices(len(shares), len(shares), offset=1).to(shares.device)
    return _mean(row, js_divergence(shares[first], shares[second])).sum()


def _mean(row: DecisionRow, divergence: Float[Tensor, "variant head row"]) -> Float[Tensor, " variant"]:
    return torch.einsum("vhr,r->vh", divergence, row.readout.to(divergence)).mean(dim=-1)
