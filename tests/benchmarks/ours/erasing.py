"""Words taken out one at a time, and in the order of explanations."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from analyses.decision.attention_statistics import attention_statistics
from analyses.explanations.attention_only.last_layer import last_layer_attention
from analyses.explanations.attention_only.rollout import rollout_attribution
from analyses.explanations.attribution import Attribution
from analyses.explanations.faithfulness import THRESHOLDS, faithfulness
from analyses.explanations.gradient_based.chefer_relevance import chefer_relevance
from analyses.explanations.gradient_based.input_x_gradient import input_x_gradient
from analyses.explanations.gradient_based.integrated_gradients import integrated_gradients
from analyses.explanations.gradient_based.saliency import saliency
from analyses.explanations.input_edits.leave_one_out import leave_one_out
from benchmarks.ours.models import Settings, example_of, load
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
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
    """Writes the maps of each text and the budgets to judge them by: one score a word, so one a token beside 0s."""
    subject = load(settings)
    found = []
    for text in settings["chosen"]:
        example = subject.encode(text)
        decision = subject.decide(example)
        scores = [example.spread(each.scores).tolist() for each in six_maps(subject, example, decision)]
        task = {"text": text, "target": decision.target, "budgets": budgets_of(example), "scores": scores}
        found.append(task)
    Path(settings["to"]).write_text(json.dumps(found))
    return lambda: len(found)


def budgets_of(example: Example) -> list[int]:
    """How many words the shares of ERASER are."""
    return sorted({math.ceil(share * len(example.units)) for share in THRESHOLDS})


def judged(settings: Settings) -> Callable[[], list[list[list[float]]]]:
    """Comprehensiveness and sufficiency, in probabilities, of each map of each text, and nothing besides."""
    subject = load(settings)
    tasks = [(subject.encode(task["text"]), task) for task in json.loads(Path(settings["input"]).read_text())]

    def both(example: Example, task: dict[str, Any]) -> list[list[float]]:
        scores = example.pool(torch.tensor(task["scores"]))
        ranks = scores.argsort(dim=1, descending=True).argsort(dim=1)
        gone = [
            ranks < 0,
            *(ranks < count for count in task["budgets"]),
            *(ranks >= count for count in task["budgets"]),
        ]
        erased = subject.erase(example, torch.cat(gone), target=task["target"], eraser="mask")
        whole, *parts = erased.probability.view(len(gone), -1)
        half = len(task["budgets"])
        return [(whole - torch.stack(part).mean(dim=0)).tolist() for part in (parts[:half], parts[half:])]

    return lambda: [both(example, task) for example, task in tasks]


def tested(settings: Settings) -> Callable[[], list[list[list[float]]]]:
    """The same numbers as `faithfulness` gives them, which tests them against 100 random orders besides."""
    subject = load(settings)
    tasks: list[Any] = []
    for task in json.loads(Path(settings["input"]).read_text()):
        example = subject.encode(task["text"])
        scores = torch.tensor(task["scores"])
        maps = [
            Attribution(f"map {number}", "gradient", True, example.pool(each), each)
            for number, each in enumerate(scores)
        ]
        tasks.append((example, subject.decide(example), maps))

    def both(example: Example, decision: Decision, maps: list[Attribution]) -> list[list[float]]:
        measured = faithfulness(subject, example, decision, maps, eraser="mask", orders=100).measured
        return [measured.comprehensiveness.probability.tolist(), measured.sufficiency.probability.tolist()]

    return lambda: [both(*task) for task in tasks]
