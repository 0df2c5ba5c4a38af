"""Published tests summarised over many texts: means with intervals, counts, and paired tests."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analyses.classic.battery import RANKINGS, ClassicTests
from analyses.classic.decision_flips import FlipTable, RankingTest, flip_table, ranking_test
from analyses.statistics import Interval, holm, interval, proportion

MEANS = (
    "attention_gradient",
    "attention_leave_one_out",
    "gradient_leave_one_out",
    "permutation",
    "max_attention",
    "conicity",
    "divergence",
    "divergence_difference",
    "uniform_margin_change",
)
EQUAL_ANSWERS = 1e-12  # nats; a difference of divergences up to this may be rounding
COMPARISONS = (
    ("attention", "random"),
    ("gradient", "attention"),
    ("attention x gradient", "attention"),
    ("attention", "ascending attention"),
)


@dataclass(frozen=True)
class ClassicOverTexts:
    """Results of the published tests over a set of texts. None of them is a verdict.

    Jain and Wallace's share of texts with a significant tau is left out because it depends on the texts' lengths.

    Attributes:
        texts: Number of texts.
        means: Mean of each number over the texts where it is defined (the intervals count the others):
            attention_gradient, attention_leave_one_out and gradient_leave_one_out (Kendall's tau-b), permutation
            (change of a label's probability), max_attention (share), conicity, divergence and divergence_difference
            (nats), and uniform_margin_change (logits).
        flips: Numbers of texts whose predicted label flips without the largest weight, and without a random one.
        top_matters_less: Share of texts where zeroing the largest weight moves the answer less than the random one.
        removed: Mean share of weights zeroed until the predicted label changes, for each order and "random" (the mean
            over draws). As in the paper, texts where it never does are left out and counted; orders that leave out
            different texts can be compared in `rankings` only.
        rankings: Pairs of orders compared on the same texts.
        adjusted: Holm-corrected p-values of `rankings`; NaN where there was none.
        free: Share of texts where at least one restart found adversarial attention that keeps the answer.
        uniform_flips: Share of texts whose predicted label changes with equal weights.
        violations: Share of texts where removing the first word raises the target's probability, for each ranking.
        identifiable: Mean share of heads whose output determines their weights.
    """

    texts: int
    means: dict[str, Interval]
    flips: FlipTable
    top_matters_less: Interval
    removed: dict[str, Interval]
    rankings: tuple[RankingTest, ...]
    adjusted: tuple[float, ...]
    free: Interval
    uniform_flips: Interval
    violations: dict[str, Interval]
    identifiable: Interval


def classic_over_texts(found: Sequence[ClassicTests], *, seed: int = 0) -> ClassicOverTexts:
    """Summarises the tests of many texts.

    Args:
        found: Results of the tests on each text.
        seed: Seed of the 95 % intervals, which are BCa for means and exact (Clopper-Pearson) for shares.

    Raises:
        ValueError: There are no texts.

    Source: Jain and Wallace (2019), arXiv:1902.10186, section 4; Serrano and Smith (2019), arXiv:1906.03731, sections
    4 and 5; Liu et al. (2022), arXiv:2201.12114, section 3. The intervals and tests are ours.
    """
    if not found:
        raise ValueError("there must be at least one text, not 0")
    shares = _shares(found)
    never = np.array([1 + 1 / each.tokens for each in found])
    compared = _comparable(found, shares, never)
    rankings = tuple(
        ranking_test(first, second, (compared[first], compared[second]), never=never, seed=seed)
        for first, second in COMPARISONS
    )
    differences = np.array([each.divergence_difference for each in found])
    return ClassicOverTexts(
        texts=len(found),
        means={name: interval(np.array([getattr(each, name) for each in found]), seed=seed) for name in MEANS},
        flips=flip_table([(each.top_flips, each.other_flips) for each in found]),
        top_matters_less=proportion(int((differences < -EQUAL_ANSWERS).sum()), int((~np.isnan(differences)).sum())),
        removed={name: interval(values, seed=seed) for name, values in shares.items()},
        rankings=rankings,
        adjusted=_adjusted([each.p_value for each in rankings]),
        free=_share([each.feasible > 0 for each in found]),
        uniform_flips=_share([each.uniform_flips for each in found]),
        violations={name: _share([each.violated[name] for each in found]) for name in found[0].violated},
        identifiable=interval(np.array([float(np.mean(each.is_identifiable)) for each in found]), seed=seed),
    )


def _shares(found: Sequence[ClassicTests]) -> dict[str, np.ndarray]:
    shares = {name: np.array([each.removed[name] for each in found]) for name in RANKINGS}
    # NaN if any draw never changes the predicted label, so that only texts where all draws do count.
    return {**shares, "random": np.array([np.mean(each.random) if each.random else np.nan for each in found])}


def _comparable(
    found: Sequence[ClassicTests], shares: dict[str, np.ndarray], never: np.ndarray
) -> dict[str, np.ndarray]:
    """Shares in which random draws that never flip the label count as `never`, so that the other draws aren't lost."""
    draws = [np.array(each.random, dtype=float) for each in found]
    random = [
        np.nan if np.isnan(each).all() else np.where(np.isnan(each), late, each).mean()
        for each, late in zip(draws, never, strict=True)
    ]
    return {**shares, "random": np.array(random)}


def _share(flags: Sequence[bool]) -> Interval:
    return proportion(sum(flags), len(flags))


def _adjusted(p_values: Sequence[float]) -> tuple[float, ...]:
    tested = [p_value for p_value in p_values if not np.isnan(p_value)]
    corrected = iter(holm(tested))
    return tuple(p_value if np.isnan(p_value) else next(corrected) for p_value in p_values)
