"""Rows of the table of verified models: the result for one architecture and task."""

import re
from dataclasses import dataclass

from interpret.doctor.building import as_used, default_config, tiny_model
from interpret.doctor.eager_weights import WEIGHTS
from interpret.doctor.examination import Examination, examine
from interpret.doctor.head_edits import HEAD_EDITS
from interpret.doctor.trial import Trial, try_config
from interpret.errors import CaptureError, InputError
from interpret.system.quiet import quiet


@dataclass(frozen=True)
class TableRow:
    """Result for one architecture and task.

    Attributes:
        architecture: Transformers' name, such as "bert".
        task: Name of the task.
        status: "verified", "partial" or "unsupported".
        calls: Number of attention calls that can be read in a small model of it.
        way: Way in which they are captured: "interface" is transformers' attention interface, "observed" watches the
            model's own code while it runs.
        weights: Largest difference of an attention weight from `output_attentions=True`; `None` if the model doesn't
            return weights, or nothing could be compared.
        heads: Largest difference between a head edit and zeroed columns, as a share of the score.
        analyze: Whether `interpret analyze` runs: "yes", or why not in one line; empty if no model could be built.
        says: Failed checks, or why no attention can be read, and further remarks.
    """

    architecture: str
    task: str
    status: str
    calls: int = 0
    way: str = ""
    weights: float | None = None
    heads: float | None = None
    analyze: str = ""
    says: str = ""


def examine_pair(pair: tuple[str, str]) -> TableRow:
    """Builds a tiny model of an architecture for a task and examines it.

    Args:
        pair: Architecture and task, as in `registered_pairs`.
    """
    architecture, task = pair
    try:
        with quiet():
            config = as_used(default_config(architecture), task)
            model = tiny_model(config, task)
            tried = try_config(config, task)
            try:
                found = examine(model)
            except CaptureError as error:
                found = Examination(type(model).__name__, 0, (), (), str(error))
            return row_of(architecture, task, found, tried)
    except InputError as error:
        return TableRow(architecture, task, "unsupported", says=str(error))


def row_of(architecture: str, task: str, found: Examination, tried: Trial) -> TableRow:
    """Sums up an examination.

    A model is verified if it fails no check, its head edits could be compared in every layer, and an analysis runs to
    its end with no check failed.
    """
    analyze = _shortened(tried.against) or "yes"
    if not found.calls:
        return TableRow(architecture, task, "unsupported", analyze=analyze, says=found.reason)
    weights, heads = found.finding(WEIGHTS), found.finding(HEAD_EDITS)
    wrong = [finding for finding in found.findings if finding.outcome == "failed"]
    if heads and heads.outcome == "not applicable":
        wrong.append(heads)
    says = [_told("not so: " if finding in wrong else "", finding.check, finding.detail) for finding in wrong]
    says += [
        _told("", finding.check, finding.detail).replace(" changes nothing", " changes the answer")
        for finding in found.findings
        if finding.outcome == "noted"
    ]
    if weights and weights.outcome == "not applicable":
        says.append(
            "shows no weights of its own to compare with" + f" ({weights.detail})" * ("pieces" in weights.detail)
        )
    return TableRow(
        architecture,
        task,
        "partial" if wrong or tried.against else "verified",
        found.calls,
        " and ".join(found.ways),
        weights.value if weights else None,
        heads.value if heads else None,
        analyze,
        "; ".join(says),
    )


def _shortened(refusal: str) -> str:
    """Shortens a refusal to one line, without the models that it suggests."""
    return re.sub(r"[;,] (models such as|use ViT|use a model such as) .*$", "", " ".join(refusal.split()))


def _told(before: str, check: str, detail: str) -> str:
    return f"{before}{check}" + f" ({detail})" * bool(detail)
