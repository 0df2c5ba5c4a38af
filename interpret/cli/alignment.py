"""`interpret analyze` on a translation: alignment of target words with source words."""

from typing import TYPE_CHECKING, Any

from interpret.errors import InputError

if TYPE_CHECKING:
    from analyses.decision.schema import AnalysisDict
    from analyses.translation.word_alignment import AlignmentErrorRate


def read_alignment(subject: Any, text: str, target: str | None, gold: str | None, *, truncate: bool) -> Any:
    """Computes the alignment of the whole translation; `None` for other tasks.

    Args:
        subject: The model.
        text: The source.
        target: The target; by default the model's own translation.
        gold: Value of `--gold`.
        truncate: Whether to cut a source that is too long.

    Raises:
        InputError: A gold alignment is given that can't be used.
    """
    if subject.translates:
        from analyses.translation.alignment import alignment

        return alignment(subject, text, target, gold=gold, truncate=truncate)
    if gold is not None:
        raise InputError(f"{subject.name} is for {subject.task}, which aligns no words, so --gold means nothing")
    return None


def require_one_token(gold: str | None) -> None:
    """Raises if a gold alignment is given and several tokens are explained.

    Raises:
        InputError: One is given.
    """
    if gold is not None:
        raise InputError("--gold is shown beside one decision, and several tokens are explained; leave one of them out")


def errors_line(found: "AnalysisDict") -> list[str]:
    """Summary line with the alignment error rate of each layer; empty without a gold alignment."""
    rates = found["alignment"]["error_rates"] if found["alignment"] else []
    if not rates:
        return []
    said = [f"{each['layer']} {each['error_rate']:.1%}" for each in rates if _as_shown(each)]
    return [f"alignment  error rate by weights: {', '.join(said)}"]


def _as_shown(rate: "AlignmentErrorRate") -> bool:
    """True if a rate belongs to the matrix that the report shows."""
    return rate["by"] == "weights" and rate["aligned"] == "output"
