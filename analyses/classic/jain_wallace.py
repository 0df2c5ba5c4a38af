"""Jain and Wallace's first two tests: agreement of attention with other measures, and permuted attention."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.classic.distances import total_variation
from analyses.classic.probability_effects import rounding
from analyses.statistics import kendall_tau
from analyses.verdicts.row_edits import permuted
from analyses.verdicts.words_of_row import Content
from interpret.attention.editing import Edit, editing
from interpret.interventions.decision_row import DecisionRow
from interpret.modes.gradients_on import gradients_on

OUTPUTS = 20  # labels whose gradient is taken, one backward pass each


@dataclass(frozen=True, eq=False)
class JainWallace:
    """Results of the paper's tests on one text, with the raw values.

    A tau is NaN where either ranking is constant or there are fewer than two units: count those, don't average them.

    Attributes:
        attention_gradient: Kendall's tau-b of attention and gradient, from -1 to 1.
        attention_leave_one_out: Kendall's tau-b of attention and leave-one-out.
        gradient_leave_one_out: Kendall's tau-b of gradient and leave-one-out.
        permutation: Median over permutations of the mean absolute change of a label's probability, in [0, 1].
        max_attention: Largest share of one word in the attention on words, in [0, 1].
        conicity: Mean cosine between words' value vectors and their mean, averaged over heads; in [-1, 1]. Near 1
            the values are almost parallel and no permutation has much effect.
        attention: Each unit's share of the attention on words.
        gradient: Each unit's gradient measure; sums to 1, or is all 0.
        leave_one_out: Mean absolute change of a label's probability without the unit.
        changes: The mean absolute change under each permutation.
    """

    attention_gradient: float
    attention_leave_one_out: float
    gradient_leave_one_out: float
    permutation: float
    max_attention: float
    conicity: float
    attention: Float[Tensor, " unit"] = field(repr=False)
    gradient: Float[Tensor, " unit"] = field(repr=False)
    leave_one_out: Float[Tensor, " unit"] = field(repr=False)
    changes: Float[Tensor, " variant"] = field(repr=False)


@gradients_on()
def jain_wallace(
    row: DecisionRow,
    content: Content,
    without: Float[Tensor, "unit label"],
    *,
    permutations: int = 100,
    seed: int = 0,
) -> JainWallace:
    """Correlates the row's attention with gradients and leave-one-out, and permutes its weights.

    Args:
        row: The decision of one text; the last layer's row for what the paper does.
        content: Its words.
        without: Probabilities without each unit, from `without_each_unit`; the paper deletes.
        permutations: Number of permutations; each is applied to all heads alike.
        seed: Seed of the permutations.

    Raises:
        ValueError: `permutations` is below 1.

    Source: Jain and Wallace (2019), arXiv:1902.10186, sections 4.1 and 4.2.1. Gradients are of probabilities with
    attention detached, times the embedding, absolute, summed over labels. A transformer has many layers of attention:
    only the weights of this row are detached. With many labels the gradient takes the 20 likeliest. Tokens are joined
    into units before absolute values are taken. The displayed map is the mean over heads.
    """
    if permutations < 1:
        raise ValueError(f"permutations must be at least 1, not {permutations}")
    clean = row.clean[0].double().softmax(-1).cpu()
    is_felt = total_variation(without, clean) > rounding(row)
    removal = (without - clean).abs().mean(dim=-1).where(is_felt, 0.0)
    attention = content.shares(row.read_by())[0]
    gradient = _gradient(row, content)
    changes = _permuted(row, content, permutations, seed)
    return JainWallace(
        attention_gradient=_tau(attention, gradient),
        attention_leave_one_out=_tau(attention, removal),
        gradient_leave_one_out=_tau(gradient, removal),
        permutation=float(changes.quantile(0.5)),
        max_attention=float(attention.max()),
        conicity=_conicity(row, content),
        attention=attention,
        gradient=gradient,
        leave_one_out=removal,
        changes=changes,
    )


def _tau(x: Tensor, y: Tensor) -> float:
    return kendall_tau(x.double().numpy(), y.double().numpy()).value


def _gradient(row: DecisionRow, content: Content) -> Float[Tensor, " unit"]:
    def detach(_: int, weights: Tensor) -> Tensor:
        here = torch.zeros(weights.shape[2], 1, dtype=torch.bool, device=weights.device)
        here[row.rows] = True
        return torch.where(here, weights.detach(), weights)

    embeddings = row.subject.embed(row.ids).detach().requires_grad_()
    with torch.enable_grad(), editing(row.subject.model, Edit("weights", detach, row.layer)):
        probabilities = row.subject.logits_from(embeddings, row.ids)[0].float().softmax(-1)
    total = torch.zeros(content.exists.shape[1])
    for label in probabilities.topk(min(OUTPUTS, len(probabilities))).indices.tolist():
        (slope,) = torch.autograd.grad(probabilities[label], embeddings, retain_graph=True)
        tokens = (slope * embeddings.detach())[0].float().sum(dim=-1).cpu()
        total += content.pool(tokens[None])[0].abs()
    return total / total.sum() if total.sum() > 0 else total


def _permuted(row: DecisionRow, content: Content, count: int, seed: int) -> Float[Tensor, " variant"]:
    orders = content.orders(count, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        probabilities = row.logits(row.write(permuted(row, orders)))[0].softmax(-1)
    return (probabilities - row.clean[0].softmax(-1)).abs().mean(dim=-1).cpu()


def _conicity(row: DecisionRow, content: Content) -> float:
    values = row.values[0][:, content.tokens[0].to(row.values.device)].float()
    cosines = torch.nn.functional.cosine_similarity(values, values.mean(dim=1, keepdim=True), dim=-1)
    return float(cosines.mean())
