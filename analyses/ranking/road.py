"""ROAD: explanations of an image judged with patches filled in so that the hole can't be seen."""

from collections.abc import Sequence
from typing import Any

from analyses.explanations.attribution import Attribution
from analyses.ranking.judge import judge_explanations
from analyses.ranking.judged import Judged
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

ERASER = "noisy linear"


def road(
    subject: Subject,
    example: Example | str,
    decision: Decision | None,
    maps: Sequence[Attribution],
    **options: Any,
) -> Judged:
    """Judges explanations by erasing patches in their order, each filled in from its neighbours with a little noise.

    What "comprehensiveness" then says is ROAD with the most relevant patches removed first, and "sufficiency" ROAD with
    the least relevant ones removed first.

    Args:
        subject: A model that can erase by "noisy linear": one that reads images.
        example: The image, encoded or its path.
        decision: The decision on it; `None` for the model's own.
        maps: Explanations of that decision, at least one, with distinct names.
        options: Further options of `judge_explanations`, apart from the eraser.

    Raises:
        InputError: The model can't erase so; otherwise as `judge_explanations`.

    Source: Rong et al. (2022), arXiv:2202.00449. They report accuracy over many images at each share of removed pixels;
    this is the margin on one image, mean over the shares of `faithfulness`.

    Example:
        >>> subject, text = interpret.load(), "Slow at first, then wonderful."
        >>> try:
        ...     road(subject, text, None, [explain(subject, text, "saliency")])
        ... except interpret.InputError as error:
        ...     print(error)
        built-in sentiment model can remove words by mask or delete, not by 'noisy linear'
    """
    return judge_explanations(subject, example, decision, maps, eraser=ERASER, **options)
