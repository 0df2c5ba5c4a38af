"""Position: earlier units first, or later ones first, whatever they say."""

import torch

from analyses.explanations.attribution import Attribution
from interpret.subjects.inputs.example import Example


def earlier_first(example: Example) -> Attribution:
    """Ranks units by their place, the first of the input highest.

    Args:
        example: The input.

    Returns:
        Unsigned scores: 1 for the first unit, falling evenly towards 0.

    Source: the position baseline that studies fit (`Study`, "baselines"), with its direction fixed: the lead of a
    news text and the subject of a sentence stand early.

    Example:
        >>> example = interpret.load().encode("Slow at first, then wonderful.")
        >>> earlier_first(example).order()
        [0, 1, 2, 3, 4, 5, 6]
    """
    return _by_place("baseline: earlier first", example, torch.arange(len(example.units), 0, -1))


def later_first(example: Example) -> Attribution:
    """Ranks units by their place, the last of the input highest.

    Args:
        example: The input.

    Returns:
        Unsigned scores: 1 for the last unit, falling evenly towards 0 for earlier ones.

    Source: the position baseline that studies fit (`Study`, "baselines"), with its direction fixed: language models
    lean on what they read last (Khandelwal et al., 2018, Sharp Nearby, Fuzzy Far Away, arXiv:1805.04623).

    Example:
        >>> example = interpret.load().encode("Slow at first, then wonderful.")
        >>> later_first(example).order()
        [6, 5, 4, 3, 2, 1, 0]
    """
    return _by_place("baseline: later first", example, torch.arange(1, len(example.units) + 1))


def _by_place(method: str, example: Example, places: torch.Tensor) -> Attribution:
    scores = places / max(1, len(example.units))
    return Attribution.from_scores(method, example, scores, family="baseline", signed=False)
