"""`interpret doctor`: description of a model, its checks, and the analyses that it allows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from interpret.attention.recording import recording
from interpret.doctor.availability import ANALYZE, Availability, available_analyses
from interpret.doctor.building import tiny_model
from interpret.doctor.configs import describe_config, image_lengths, read_config
from interpret.doctor.costs import CostEstimate, estimate_costs, measure_pass
from interpret.doctor.description import Description, describe_model, way_in
from interpret.doctor.examination import Examination, examine
from interpret.doctor.prediction import predict
from interpret.doctor.sampling import sample_inputs, takes_pixels
from interpret.doctor.trial import try_analysis, try_rollout
from interpret.modes.evaluating import evaluating
from interpret.projections.scores import model_scores
from interpret.subjects.subject import Subject
from interpret.system.quiet import quiet

SCHEMA = "interpret-attention/doctor/1"
_LONGEST_TRIAL = 60.0  # seconds; a longer analysis isn't tried
_TRAINED_TOLERANCE = 1e-4  # tolerance for weights of a trained model under different kernels


@dataclass(frozen=True)
class Diagnosis:
    """All results of the command.

    Attributes:
        description: Description of the model.
        examination: Results of the checks.
        small: True if a small random model of the same architecture was examined instead.
        analyses: Availability of the analyses.
        costs: Estimated costs of recording.
    """

    description: Description
    examination: Examination
    small: bool
    analyses: tuple[Availability, ...]
    costs: tuple[CostEstimate, ...]

    @property
    def passed(self) -> bool:
        """True if no check failed and `interpret analyze` runs."""
        refused = any(each.reason for each in self.analyses if each.analyses == ANALYZE)
        return not self.examination.failed and not refused

    def to_dict(self) -> dict[str, Any]:
        """Converts to plain values, ready for JSON."""
        return {
            "schema": SCHEMA,
            "model": self.description.to_dict(),
            "checked": "a small random model of this config" if self.small else "the model",
            "attention_calls": self.examination.calls,
            "reason": self.examination.reason,
            "checks": [finding.to_dict() for finding in self.examination.results],
            "passed": self.passed,
            "analyses": [analysis.to_dict() for analysis in self.analyses],
            "estimates": [cost.to_dict() for cost in self.costs],
        }


def diagnose(subject: Subject, *, tokens: Sequence[int] = ()) -> Diagnosis:
    """Examines a loaded model, and tries a short analysis if that takes no longer than a minute.

    Args:
        subject: The model; left bit-identical.
        tokens: Lengths of texts for which to estimate memory and time; images are of one size.

    Raises:
        CaptureError: The model doesn't run on token ids or pixels alone.
    """
    model = subject.model
    with quiet(), evaluating(model):
        found = examine(model, every_head=False, weight_tolerance=_TRAINED_TOLERANCE)
        description = describe_model(subject.name, model, subject.task)
        tried = try_analysis(subject, most_seconds=_LONGEST_TRIAL)
        if tried.problem and found.calls:
            tried = replace(tried, rollout=try_rollout(model))
        measured = measure_pass(model, description.longest) if tokens else None
        lengths = (measured.tokens,) if measured and takes_pixels(model) else tokens
        costs = estimate_costs(description, lengths, measured=measured)
    return Diagnosis(description, found, False, available_analyses(description, found, tried), costs)


def diagnose_config(
    name: str, *, task: str | None = None, tokens: Sequence[int] = (), allow_pickle: bool = False
) -> Diagnosis:
    """Examines a small random model of a config, and describes the full one without its weights.

    Args:
        name: A folder with a config.json, that file, or the id of a model on the Hugging Face Hub.
        task: The task, if the config doesn't say it.
        tokens: Lengths of texts for which to estimate memory; time can't be measured.
        allow_pickle: Whether weights may be pickle files, as in `interpret.load`.

    Raises:
        InputError: There is no config that can be used.
        CaptureError: The small model doesn't run on token ids or pixels alone.
    """
    path, config, made_for = read_config(name, task)
    with quiet():
        found = examine(tiny_model(config, made_for))
        small = tiny_model(config, made_for)
        attention = _attention(small) if found.calls else frozenset()
        description = replace(describe_config(name, config, made_for, attention), way_in=way_in(set(found.ways)))
        lengths = image_lengths(name, config, made_for) if takes_pixels(small) else tokens
        tried = predict(name, path, config, made_for, asked=task, allow_pickle=allow_pickle)
        if tried.problem and found.calls:
            tried = replace(tried, rollout=try_rollout(small))
    analyses = available_analyses(replace(description, **_of_small(config, made_for)), found, tried)
    return Diagnosis(description, found, True, analyses, estimate_costs(description, lengths))


def _attention(model: nn.Module) -> frozenset[type]:
    """Classes of the modules whose attention is seen."""
    with torch.no_grad(), recording(model) as record:
        model_scores(model, sample_inputs(model, examples=1))
    return frozenset(type(call.module) for call in record.calls)


def _of_small(config: Any, task: str) -> dict[str, Any]:
    """Layers and calls of the small model, which are compared with each other."""
    small = describe_model("", tiny_model(config, task), task)
    return {"layers": small.layers, "calls": small.calls}
