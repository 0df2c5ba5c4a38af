"""The table of verified models: every architecture that transformers registers, for all tasks."""

import re
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date

from interpret.doctor.building import MODEL_MAPPINGS, as_used, default_config, registered_pairs, tiny_model
from interpret.doctor.eager_weights import WEIGHTS
from interpret.doctor.edits import HEAD_EDITS
from interpret.doctor.examination import Examination, examine
from interpret.doctor.isolated import Failure, run_isolated
from interpret.doctor.trial import Trial, try_config
from interpret.errors import CaptureError, InputError
from interpret.system.quiet import quiet

COMMAND = "interpret doctor --all --out reports/verified_models.md"
_SECONDS, _GIGABYTES = 90, 6.0

_HEAD = """# Verified models

Every architecture that transformers {transformers} registers for {tasks} tasks: a tiny model of each, with random
weights and every kind of layer that it has, went through the checks of `interpret doctor`. Written on {date} with
torch {torch} by

    {command}

so it is not to be edited by hand.

- **verified**: the weights are those that the model itself shows under `output_attentions=True`, where it shows any
  (the column *weights* has the largest difference, at most 1e-6); put back, they give the same answer; rows sum to 1,
  and weights times values give what the kernel returned; recording changes no bit of the answer; a batch answers as
  each input alone; padding leaks nowhere; silencing a head is the same as zeroing its columns of the output projection
  (the column *heads* has the largest difference, as a share of the score, at most 1e-5); gradients are finite;
  and `interpret analyze` runs on it to its end, with no check of its own failed.
- **partial**: attention can be read; the column *analyze* or the last one says what isn't so.
- **unsupported**: nothing can be read, or no such model could be built here; the last column says why.

*analyze* is what `interpret analyze` does with the tiny model, saved to a folder ("it") with a tokenizer or an image
processor and loaded from there: yes, or the line with which it refuses.

*calls* are the attention calls of a forward pass that can be read: encoder, decoder and cross attention count each;
layers without softmax attention don't. The *way in* is transformers' attention interface, or a look at the model's own
code while it runs (observed).

| task | verified | partial | unsupported |
|---|---|---|---|
"""


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


def examine_all(
    pairs: list[tuple[str, str]] | None = None, *, workers: int = 2, progress: Callable[[int, int], None] | None = None
) -> list[TableRow]:
    """Examines a tiny model of each architecture and task, each in a process of its own.

    Args:
        pairs: Architectures and tasks; by default all that transformers registers.
        workers: Number of processes at a time.
        progress: Called with the number done and the number of all.

    Returns:
        One row for each pair, in their order.
    """
    asked = registered_pairs() if pairs is None else pairs
    rows: dict[int, TableRow] = {}
    found = run_isolated(examine_pair, asked, workers=workers, seconds=_SECONDS, gigabytes=_GIGABYTES)
    with closing(found) as results:
        for number, result in results:
            if isinstance(result, Failure):
                result = TableRow(*asked[number], "unsupported", says=result.reason)
            rows[number] = result
            if progress:
                progress(len(rows), len(asked))
    return [rows[number] for number in range(len(asked))]


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
    analyze = _shortened(tried.problem) or "yes"
    if not found.calls:
        return TableRow(architecture, task, "unsupported", analyze=analyze, says=found.reason)
    weights, heads = found.result(WEIGHTS), found.result(HEAD_EDITS)
    wrong = [result for result in found.results if result.outcome == "failed"]
    if heads and heads.outcome == "not applicable":
        wrong.append(heads)
    says = [_told("not so: " if result in wrong else "", result.check, result.detail) for result in wrong]
    says += [
        _told("", result.check, result.detail).replace(" changes nothing", " changes the answer")
        for result in found.results
        if result.outcome == "noted"
    ]
    if weights and weights.outcome == "not applicable":
        says.append(
            "shows no weights of its own to compare with" + f" ({weights.detail})" * ("pieces" in weights.detail)
        )
    return TableRow(
        architecture,
        task,
        "partial" if wrong or tried.problem else "verified",
        found.calls,
        " and ".join(found.ways),
        weights.value if weights else None,
        heads.value if heads else None,
        analyze,
        "; ".join(says),
    )


def render_table(rows: list[TableRow], *, today: date | None = None) -> str:
    """Writes the rows as Markdown, with the versions and the date.

    Args:
        rows: As `examine_all` gives them.
        today: The date to write; by default that of the clock.
    """
    import torch
    import transformers

    counts = Counter((row.task, row.status) for row in rows)
    tasks = [task for task in MODEL_MAPPINGS if any(row.task == task for row in rows)]
    lines = [
        _HEAD.format(
            transformers=transformers.__version__,
            torch=torch.__version__.partition("+")[0],
            date=today or date.today(),
            tasks=len(tasks),
            command=COMMAND,
        ).rstrip("\n")
    ]
    lines += [f"| {task} | {_counted(counts, task)} |" for task in tasks]
    totals = [str(sum(row.status == status for row in rows)) for status in ("verified", "partial", "unsupported")]
    lines.append(f"| all | {' | '.join(totals)} |")
    for task in tasks:
        lines += ["", f"## {task}", "", "| architecture | status | analyze | calls | way in | weights | heads | |"]
        lines += ["|---|---|---|---|---|---|---|---|", *(_line(row) for row in rows if row.task == task)]
    return "\n".join(lines) + "\n"


def _counted(counts: Counter[tuple[str, str]], task: str) -> str:
    return " | ".join(str(counts[task, status]) for status in ("verified", "partial", "unsupported"))


def _line(row: TableRow) -> str:
    cells = [
        row.architecture,
        row.status,
        _one_line(row.analyze),
        str(row.calls or ""),
        row.way,
        _number(row.weights),
        _number(row.heads),
        _one_line(row.says),
    ]
    return f"| {' | '.join(cells)} |"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _number(value: float | None) -> str:
    return "" if value is None else "0" if value == 0 else f"{value:.0e}"


def _shortened(refusal: str) -> str:
    """Shortens a refusal to one line, without the models that it suggests."""
    return re.sub(r"[;,] (models such as|use ViT|use a model such as) .*$", "", " ".join(refusal.split()))


def _told(before: str, check: str, detail: str) -> str:
    return f"{before}{check}" + f" ({detail})" * bool(detail)
