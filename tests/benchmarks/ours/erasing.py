"""Words taken out one at a time, and in the order of explanations."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from analyses.attention_row import last_layer_attention
from analyses.attention_statistics import attention_statistics
from analyses.attribution import Attribution
from analyses.chefer_relevance import chefer_relevance
from analyses.faithfulness import faithfulness
from analyses.gradients import input_x_gradient, integrated_gradients, saliency
from analyses.leave_one_out import leave_one_out
from analyses.rollout import rollout_attribution
from benchmarks.ours.models import Settings, example_of, load
from interpret.subjects.decision import Decision
from interpret.subjects.example import Example
from interpret.subjects.subject import Subject


def one_at_a_time(settings: Settings) -> Callable[[], list[float]]:
    """Leave-one-out by deletion."""
    subject = load(settings)
    example = example_of(subject, settings["tokens"])
    decision = subject.decide(example)
    return lambda: leave_one_out(subject, example, decision, eraser="delete").scores.tolist()


def six_maps(subject: Subject, example: Example, decision: Decision) -> tuple[Attribution, ...]:
    """Two of attention, one of both, three of gradients."""
    record, _ = subject.record(example)
    recorded = subject.maps(record, example)
    statistics = attention_statistics(recorded, readouts=decision.readout[None], separators=example.separators)
    return (
        last_layer_attention(recorded, example, decision),
        rollout_attribution(statistics.rollout, example, decision),
        chefer_relevance(subject, example, decision),
        saliency(subject, example, decision),
        input_x_gradient(subject, example, decision),
        integrated_gradients(subject, example, decision, steps=20),
    )


def explained(settings: Settings) -> Callable[[], int]:
    """Writes the maps of each text, and what a peer needs to judge the same ones by the same budgets."""
    subject = load(settings)
    found = []
    for text in settings["chosen"]:
        example = subject.encode(text)
        decision = subject.decide(example)
        maps = six_maps(subject, example, decision)
        budgets = faithfulness(subject, example, decision, maps, orders=100).budgets
        scores = [_with_specials(example, each) for each in maps]
        found.append({"text": text, "target": decision.target, "budgets": budgets, "scores": scores})
    Path(settings["to"]).write_text(json.dumps(found))
    return lambda: len(found)


def _with_specials(example: Example, attribution: Attribution) -> list[float]:
    """The units' scores at their tokens, for texts whose words are one token each; 0 for special tokens."""
    return (attribution.scores @ example.pooling).tolist()


def judged(settings: Settings) -> Callable[[], list[list[list[float]]]]:
    """Comprehensiveness and sufficiency, in probabilities, of each map of each text."""
    subject = load(settings)
    tasks: list[Any] = []
    for text in settings["chosen"]:
        example = subject.encode(text)
        decision = subject.decide(example)
        tasks.append((example, decision, six_maps(subject, example, decision)))

    def work() -> list[list[list[float]]]:
        found = []
        for example, decision, maps in tasks:
            measured = faithfulness(subject, example, decision, maps, eraser="mask", orders=100).measured
            both = (measured.comprehensiveness.probability, measured.sufficiency.probability)
            found.append([scores.tolist() for scores in both])
        return found

    return work
