"""Conversion of knockouts to the JSON of `analyses.long_range.schema`."""

from collections.abc import Sequence

from analyses.decision.conversion import decided
from analyses.decision.provenance import model_to_dict
from analyses.export.to_json import finite, listed, plain
from analyses.long_range.cells import CutGrid
from analyses.long_range.knockout_result import Knockout
from analyses.long_range.look_back import LookBack
from analyses.long_range.schema import SCHEMA, AskedCutDict, CutEffectDict, CutGridDict, KnockoutDict, LookBackDict
from interpret.attention.checks import Check
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


def knockout_to_dict(
    subject: Subject,
    example: Example,
    decision: Decision,
    found: Knockout,
    look: LookBack,
    command: str,
    *,
    checks: Sequence[Check] = (),
) -> KnockoutDict:
    """Returns what cutting attention found in the documented schema; undefined numbers are `None`.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it.
        found: What the cuts did.
        look: How far back the decision looks.
        command: Command that reproduces it.
        checks: Self-checks of the recording.
    """
    layers, heads = found.mean_distance.shape
    return {
        "schema": SCHEMA,
        "command": command,
        "model": model_to_dict(subject, layers=layers, heads=heads),
        "text": example.text,
        "decision": decided(decision, subject.decides),
        "asked": _asked(found),
        "whole": _tested(found),
        "by_distance": _grid(found.by_distance),
        "by_word": _grid(found.by_word),
        "mean_distance": plain(found.mean_distance),
        "look_back": _look(look),
        "units": found.units,
        "checks": [check.to_dict() for check in checks],
        "caveats": list(found.remarks),
    }


def _asked(found: Knockout) -> AskedCutDict:
    asked = found.asked
    return {
        "layers": list(asked.layers),
        "heads": None if asked.heads is None else [listed(head) for head in asked.heads],
        "direction": asked.direction,
        "shortest": asked.shortest,
        "longest": asked.longest,
        "from_words": list(asked.from_words),
        "to_words": list(asked.to_words),
        "cut_sink": asked.cut_sink,
        "draws": asked.draws,
        "seed": asked.seed,
    }


def _tested(found: Knockout) -> CutEffectDict:
    whole = found.whole
    return {
        "edges": whole.edges,
        "fall": finite(whole.fall),
        "flips": whole.flips,
        "random": finite(whole.random),
        "p_value": finite(whole.p_value),
        "draws": whole.draws,
    }


def _grid(grid: CutGrid | None) -> CutGridDict | None:
    if grid is None:
        return None
    return {
        "rows": list(grid.rows),
        "columns": list(grid.columns),
        "edges": plain(grid.edges),
        "fall": plain(grid.fall),
        "random": plain(grid.random),
        "p_value": plain(grid.p_value),
        "q_value": plain(grid.q_value),
        "draws": plain(grid.draws),
    }


def _look(look: LookBack) -> LookBackDict:
    return {
        "distance": look.distance,
        "longest": look.longest,
        "tolerance": look.tolerance,
        "fall": plain(look.fall),
        "flips": look.flips.tolist(),
        "random": finite(float(look.random.mean())) if len(look.random) else None,
        "p_value": finite(look.p_value),
    }
