"""KernelSHAP: Shapley values by a regression of the margin on which words are left."""

import math
from functools import cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.input_edits.erasure_game import margins_of_kept
from interpret.errors import InputError
from interpret.indices import whole_number
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

_Rows = Float[Tensor, "coalition unit"]


def usual_draws(units: int) -> int:
    """Number of coalitions that are drawn by default, for an input of this many units."""
    return 512 + 2 * units


@cache
def usual_coalitions(units: int) -> int:
    """Number of different coalitions that are measured by default: none, all, and those that are drawn."""
    draws = usual_draws(units)
    return 2**units if _is_exact(units, draws) else 2 + len(torch.unique(_coalitions(units, draws, seed=0)[0], dim=0))


def kernel_shap(
    subject: Subject,
    example: Example,
    decision: Decision,
    *,
    draws: int | None = None,
    seed: int = 0,
    eraser: str | None = None,
) -> Attribution:
    """Estimates Shapley values as coefficients of a weighted regression on random coalitions of units.

    The coalitions are drawn as often as the Shapley kernel weights them, each together with its complement. Where there
    are no more than `draws` coalitions at all, each is measured once and the values are exact. Scores sum to the margin
    of the text minus that of the text without words.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it, or on another target; the target stays the same.
        draws: Number of coalitions; by default 512 and two for each unit.
        seed: Seed of the draws.
        eraser: One of `subject.erasers`; by default the first.

    Returns:
        Signed scores in logits. In `tokens` a unit's score is shared equally among its tokens, and tokens in no unit
        have 0. Notes: "coalitions", and "standard error", the largest of any unit's score, in logits; 0 where exact.

    Raises:
        InputError: There are too few draws to tell units apart, or the model doesn't allow this eraser.

    Source: Lundberg and Lee (2017), arXiv:1705.07874, section 4.1, theorem 2; coalitions in pairs with their
    complements: Covert and Lee (2021), arXiv:2012.01536, section 4. The sum is a constraint instead of a large weight.
    Standard errors are those of a regression with independent pairs (White, 1980).

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = kernel_shap(subject, example, subject.decide(example))
        >>> example.units[found.order()[0]].text, found.notes["standard error"]
        ('wonderful', 0.0)
    """
    units = len(example.units)
    draws = usual_draws(units) if draws is None else whole_number("draws", draws)
    if not _is_exact(units, draws) and draws < 4 * units:
        raise InputError(
            f"draws must be at least {4 * units}, four for each of {units} {example.nouns.many}, not {draws}"
        )
    kept, weights = _coalitions(units, draws, seed)
    nothing = torch.zeros(1, units, dtype=torch.bool)
    margins = margins_of_kept(subject, example, decision, torch.cat([nothing, ~nothing, kept]), eraser).double()
    empty, whole = margins[:2].tolist()
    scores, errors = _regression(kept.double(), weights, margins[2:] - empty, whole - empty)
    error = 0.0 if _is_exact(units, draws) else float(errors.max())
    notes = {"coalitions": float(len(kept)), "standard error": error}
    return Attribution.from_scores("KernelSHAP", example, scores.float(), notes=notes)


def _is_exact(units: int, draws: int) -> bool:
    """Whether all coalitions can be measured."""
    return bool(2**units - 2 <= draws)


def _coalitions(
    units: int, draws: int, seed: int
) -> tuple[Bool[Tensor, "coalition unit"], Float[Tensor, " coalition"]]:
    """Returns coalitions of some units but not all, and the weight of each."""
    return _all_coalitions(units) if _is_exact(units, draws) else _drawn_coalitions(units, draws // 2, seed)


def _all_coalitions(units: int) -> tuple[Bool[Tensor, "coalition unit"], Float[Tensor, " coalition"]]:
    """Returns every coalition but none and all, and its weight in the Shapley kernel."""
    numbers = torch.arange(1, max(1, 2**units - 1))
    kept = (numbers[:, None] >> torch.arange(units)) & 1 == 1
    kernel = [1 / (math.comb(units, size) * size * (units - size)) for size in range(1, units)]
    return kept, torch.tensor([kernel[size - 1] for size in kept.sum(dim=1).tolist()], dtype=torch.float64)


def _drawn_coalitions(
    units: int, pairs: int, seed: int
) -> tuple[Bool[Tensor, "coalition unit"], Float[Tensor, " coalition"]]:
    """Returns coalitions drawn by the Shapley kernel, then their complements; all weigh the same."""
    generator, sizes = torch.Generator().manual_seed(seed), torch.arange(1, units)
    drawn = sizes[torch.multinomial(1 / (sizes * (units - sizes)), pairs, replacement=True, generator=generator)]
    ranks = torch.rand(pairs, units, generator=generator).argsort(dim=1).argsort(dim=1)
    kept = ranks < drawn[:, None]
    return torch.cat([kept, ~kept]), torch.ones(2 * pairs, dtype=torch.float64)


def _regression(
    kept: _Rows, weights: Float[Tensor, " coalition"], gains: Float[Tensor, " coalition"], total: float
) -> tuple[Float[Tensor, " unit"], Float[Tensor, " unit"]]:
    """Fits gains as sums of the scores of kept units, which sum to `total`; returns scores and standard errors.

    The last unit's score is what the others leave of `total`, so it is taken out of the regression.

    Args:
        kept: 1 where a unit is left; the second half has the complements of the first.
        weights: Weight of each coalition.
        gains: Margin of each, less that of no units.
        total: Margin of all units, less that of none.
    """
    rows, wanted = kept[:, :-1] - kept[:, -1:], gains - kept[:, -1] * total
    inverse = torch.linalg.pinv(rows.T @ (weights[:, None] * rows), hermitian=True)
    scores = inverse @ (rows.T @ (weights * wanted))
    slopes = (weights * (wanted - rows @ scores))[:, None] * rows
    halves = slopes[: len(slopes) // 2] + slopes[len(slopes) // 2 :]
    spread = halves @ inverse
    spread = torch.cat([spread, -spread.sum(dim=1, keepdim=True)], dim=1)
    free = len(halves) / max(1, len(halves) - rows.shape[1])
    errors = (spread.square().sum(dim=0) * free).sqrt()
    return torch.cat([scores, total - scores.sum(dim=0, keepdim=True)]), errors
