"""The table of verified models: every architecture that transformers registers, for all tasks."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import date

from interpret.doctor.building import MODEL_MAPPINGS, registered_pairs
from interpret.doctor.isolated import Failure, run_isolated
from interpret.doctor.table_rows import TableRow, examine_pair

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
