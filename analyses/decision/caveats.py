"""Caveats that belong beside the numbers of an analysis."""

from typing import TYPE_CHECKING

from analyses.verdicts.measurement import FEWEST_WORDS

if TYPE_CHECKING:
    from analyses.decision.analyze import Analysis


def caveats(analysis: "Analysis") -> list[str]:
    """Returns the caveats of this analysis, as sentences."""
    found, decision, nouns = [], analysis.decision, analysis.example.nouns
    if decision.predicted != decision.label:
        found.append(f"The model itself prefers “{decision.predicted}”; “{decision.label}” was chosen by the user.")
    if analysis.subject.is_causal and analysis.subject.sink == "drop":
        found.append(
            "The first position is left out of every ranking: causal models park attention there that says "
            f"nothing about its {nouns.one}."
        )
    found += analysis.subject.remarks_on(analysis.example)
    words, tokens = len(analysis.example.units), sum(len(unit.tokens) for unit in analysis.example.units)
    if words < FEWEST_WORDS <= tokens:
        found.append(
            f"There are few {nouns.many} to rank, {words}; --units token (units='token' in Python) ranks "
            f"{tokens} tokens."
        )
    if analysis.example.truncated:
        found.append(f"The {nouns.whole} was too long: its last {analysis.example.truncated} tokens were cut off.")
    if analysis.faithfulness.eraser == "delete" and not analysis.subject.is_causal:
        found.append(f"Deleting {nouns.many} also moves the {nouns.many} after them to other positions.")
    if unfelt := max(analysis.measurement.rank_unfelt, analysis.measurement.input_unfelt):
        found.append(
            f"{unfelt} of {analysis.measurement.words} {nouns.many}, replaced or taken out of the attention row, "
            f"move the margin by no more than rounding of its scores may ({analysis.measurement.rounding:.1g} logits), "
            "which counts as nothing."
        )
    if (off := _convergence(analysis)) is not None:
        found.append(
            f"Integrated gradients didn't converge: its scores miss the difference of margins they should sum to by "
            f"{off:.2g} logits. Run again with more steps (--thorough)."
        )
    found += [check.warning for check in analysis.checks if not check.passed]
    return found


def _convergence(analysis: "Analysis") -> float | None:
    """Absolute convergence delta of integrated gradients, where it exceeds a twentieth of the sum it should have."""
    for attribution in analysis.maps:
        delta = attribution.notes.get("convergence delta", 0.0)
        if abs(delta) > 0.05 * abs(float(attribution.scores.sum()) - delta):
            return abs(delta)
    return None
