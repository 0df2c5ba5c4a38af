"""Provenance of a result: the model, the run, and the versions."""

import platform
from importlib.metadata import version

from analyses.decision.schema import ModelDict, RunDict
from analyses.planning.plan import PlanAndCost
from interpret.subjects.subject import Subject

PACKAGES = ("interpret-attention", "torch", "transformers", "captum")


def model_to_dict(subject: Subject, *, layers: int, heads: int) -> ModelDict:
    """Returns the field `model` of a result.

    Args:
        subject: The model.
        layers: Number of attention calls.
        heads: Number of heads of each call.
    """
    return {
        "name": subject.name,
        "task": subject.task,
        "architecture": subject.facts.architecture,
        "parameters": subject.facts.parameters,
        "layers": layers,
        "layer_names": [subject.layer_name(layer) for layer in range(layers)],
        "layer_kinds": [subject.layer_kind(layer) for layer in range(layers)],
        "heads": heads,
        "sha256": subject.facts.sha256,
        "kernel": subject.facts.kernel,
        "causal": subject.is_causal,
        "sink_policy": subject.sink,
        "units_policy": subject.units,
    }


def run_to_dict(subject: Subject, command: str, *, seed: int, cost: PlanAndCost) -> RunDict:
    """Returns the field `run` of a result.

    Args:
        subject: The model.
        command: Command that reproduces the result.
        seed: Seed of everything random.
        cost: Planned and actual cost.
    """
    return {
        "command": command,
        "seed": seed,
        "device": str(subject.device),
        "dtype": subject.facts.dtype,
        **cost.to_dict(),
        "versions": {**{name: version(name) for name in PACKAGES}, "python": platform.python_version()},
    }
