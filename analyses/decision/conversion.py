"""Conversion of an analysis to the JSON of `analyses.decision.schema`."""

from analyses.decision.analyze import Analysis
from analyses.decision.caveats import caveats
from analyses.decision.provenance import model_to_dict, run_to_dict
from analyses.decision.schema import (
    SCHEMA,
    AnalysisDict,
    AnalysisRunDict,
    AttentionDict,
    BesideDict,
    ComponentDict,
    DecidedDict,
    JudgementDict,
    RolloutDict,
    VerdictDict,
)
from analyses.export.to_json import finite, listed, plain
from analyses.planning.effort import EFFORTS
from analyses.verdicts.claim import CLAIM, LIMITS_OF_A_TEXT, OBJECT
from analyses.verdicts.error_rates import ErrorRate
from analyses.verdicts.one_text import OneTextVerdict, TextComponent
from analyses.verdicts.thresholds import BARS
from interpret.subjects.decision import Decision
from interpret.subjects.nouns import Nouns
from interpret.subjects.task_facts import DecisionKind


def analysis_to_dict(analysis: Analysis, command: str) -> AnalysisDict:
    """Returns the analysis in the documented schema; undefined numbers are `None`."""
    example, kept = analysis.example, analysis.attention
    return {
        "schema": SCHEMA,
        "model": model_to_dict(analysis.subject, layers=kept.layers, heads=kept.heads),
        "run": _run(analysis, command),
        "text": example.text,
        "truncated": example.truncated,
        "tokens": list(example.tokens),
        "separators": list(example.separators),
        "unit_kind": example.unit_kind,
        "units": [
            {"text": unit.text, "tokens": list(unit.tokens), "start": unit.start, "end": unit.end}
            for unit in example.units
        ],
        "image": None if example.picture is None else example.picture.to_dict(),
        "parts": [
            {"name": part.name, "start": example.spans[part.start][0], "columns": part.columns}
            for part in example.parts
        ],
        "decision": {
            **decided(analysis.decision, analysis.subject.decides),
            "readout": plain(analysis.decision.readout),
            "place": None if analysis.decision.place is None else listed(analysis.decision.place),
        },
        "attention": _attention(analysis),
        "maps": [attribution.to_dict() for attribution in analysis.maps],
        "rollout": _rollout(analysis),
        "heads": {
            "zero": plain(analysis.zeroed.drop),
            "mean": plain(analysis.averaged.drop),
            "gradient": plain(analysis.gradients.drop),
        },
        "faithfulness": analysis.faithfulness.to_dict(),
        "agreement": analysis.agreement.to_dict(),
        "left_out": analysis.left_out,
        "instead": analysis.instead,
        "classic": analysis.classic.to_dict(),
        "verdict": _verdict(analysis),
        "alignment": None if analysis.alignment is None else analysis.alignment.to_dict(),
        "checks": [check.to_dict() for check in analysis.checks],
        "caveats": caveats(analysis),
    }


def _run(analysis: Analysis, command: str) -> AnalysisRunDict:
    return {
        **run_to_dict(analysis.subject, command, seed=analysis.seed, cost=analysis.cost),
        "effort": analysis.effort,
        "adversary_steps": EFFORTS[analysis.effort].adversary_steps,
    }


def decided(decision: Decision, kind: DecisionKind) -> DecidedDict:
    """Returns what the decisions of all documents have in common."""
    found: DecidedDict = {
        "kind": kind,
        "target": decision.target,
        "label": decision.label,
        "probability": decision.probability,
        "margin": decision.margin,
        "predicted": decision.predicted,
        "alternatives": [listed(pair) for pair in decision.alternatives],
    }
    if decision.against is not None:
        found["against"] = decision.against
    return found


def _attention(analysis: Analysis) -> AttentionDict:
    entropy, patterns = analysis.entropy.mean(), analysis.patterns
    return {
        "weights": analysis.attention.to_dict(),
        "entropy": {"nats": plain(entropy.nats), "share": plain(entropy.share)},
        "patterns": {
            "previous": plain(patterns.previous),
            "next": plain(patterns.next),
            "first": plain(patterns.first),
            "separator": plain(patterns.separator),
        },
        "sink_mass": float(patterns.sink_mass),
    }


def _rollout(analysis: Analysis) -> RolloutDict:
    shares = analysis.rollout.from_position(analysis.decision.readout)
    return {"residual": analysis.rollout.residual, "layers": plain(analysis.example.pool(shares))}


def _verdict(analysis: Analysis) -> VerdictDict:
    nouns, measured = analysis.example.nouns, analysis.measurement
    beside: BesideDict = {
        "uniform": finite(measured.uniform),
        "rank_tau": finite(measured.rank_tau),
        "input_tau": finite(measured.input_tau),
        "rank_shuffled": finite(measured.rank_shuffled),
        "rank_of_values": finite(measured.rank_of_values),
        "opposed": finite(measured.opposed),
        "sink": finite(measured.sink),
        "position_rank": finite(measured.position_rank),
        "rarity_rank": finite(measured.rarity_rank),
        "rounding": finite(measured.rounding),
        "rank_ways": list(map(finite, measured.rank_ways)),
        "input_ways": list(map(finite, measured.input_ways)),
        "reliability": finite(measured.reliability),
        "rank_unfelt": finite(measured.rank_unfelt),
        "input_unfelt": finite(measured.input_unfelt),
    }
    found = judged(analysis.verdict, analysis.error_rate, nouns)
    return {
        "answer": found["answer"],
        "because": found["because"],
        "topics": found["topics"],
        "object": OBJECT,
        "claim": nouns.say(CLAIM),
        "scope": _scope(analysis),
        "limits": [nouns.say(line) for line in LIMITS_OF_A_TEXT],
        "spread": found["spread"],
        "replacements": analysis.replacements,
        "components": found["components"],
        "heads": found["heads"],
        "error_rate": found["error_rate"],
        "beside": beside,
        "effects": {"in_context": list(measured.in_context), "alone": list(measured.alone)},
    }


def judged(found: OneTextVerdict, rate: ErrorRate | None, nouns: Nouns) -> JudgementDict:
    """Returns the answer about one decision in the documented schema.

    Args:
        found: The verdict.
        rate: How often such verdicts are wrong.
        nouns: Nouns for what is ranked.
    """
    return {
        "answer": found.answer,
        "because": list(found.because),
        "topics": list(found.topics),
        "spread": found.spread,
        "components": [component(each, nouns) for each in found.findings],
        "heads": {"idle": list(found.idle_heads), "share": found.idle_share},
        "error_rate": None if rate is None else rate.to_dict(),
    }


def component(finding: TextComponent, nouns: Nouns) -> ComponentDict:
    """Returns one component of the verdict, with its thresholds.

    Args:
        finding: The component.
        nouns: Nouns for what is ranked.
    """
    bars = BARS[finding.name]
    return {
        "name": finding.name,
        "value": finite(finding.value),
        "p_value": finite(finding.p_value),
        "side": finding.side,
        "doubt": finding.doubt,
        "floor": bars.floor,
        "bar": bars.bar,
        "failure": nouns.say(bars.failure),
        "open": finding.open_reason,
    }


def _scope(analysis: Analysis) -> str:
    nouns = analysis.example.nouns
    return (
        f"This {nouns.whole}, this model and the decision “{analysis.decision.question.strip()}” only. "
        f"{nouns.say('{Many}')} are replaced by others drawn from {analysis.replacements}, and effects are read off "
        "the logit margin."
    )
