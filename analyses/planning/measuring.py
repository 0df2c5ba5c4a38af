"""Passes of the measures of explanations that a study takes only where they are asked for."""

from collections.abc import Sequence

from analyses.explanations.method import Method
from analyses.planning.work import explaining_passes
from analyses.ranking.judge import LEAST_DRAWS
from analyses.ranking.max_sensitivity import DRAWS
from analyses.ranking.measures import MAX_SENSITIVITY, SOFT_COMPREHENSIVENESS, SOFT_SUFFICIENCY, RankingMeasure
from analyses.ranking.one_text import SOFT_MASKS
from analyses.ranking.soft_erasure import soft_passes
from interpret.subjects.inputs.example import Example


def further_measuring_passes(example: Example, methods: Sequence[Method], measures: Sequence[RankingMeasure]) -> float:
    """Counts the passes that soft measures and max-sensitivity take beyond those that all measures share.

    Args:
        example: The text.
        methods: Explanations that are judged; without any there are no passes.
        measures: The measures that are taken.
    """
    if not methods:
        return 0
    is_soft = SOFT_COMPREHENSIVENESS in measures or SOFT_SUFFICIENCY in measures
    soft = soft_passes(len(methods) + LEAST_DRAWS, SOFT_MASKS) if is_soft else 0
    moved = 1 + (DRAWS + 1) * explaining_passes(example, methods) if MAX_SENSITIVITY in measures else 0
    return soft + moved
