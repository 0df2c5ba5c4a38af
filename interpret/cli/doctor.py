"""`interpret doctor`: checks of a model, and the analyses that it allows."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from interpret.cli.options import (
    FAILED_CHECK,
    FILE,
    STANDARD_OUTPUT,
    errors_in_one_line,
    load_subject,
    model_options,
    require_other,
)
from interpret.cli.progress import progress_line
from interpret.cli.streams import say
from interpret.errors import InputError
from interpret.system.files import require_model
from interpret.system.writing import require_writable, write_whole

if TYPE_CHECKING:
    from interpret.doctor.availability import Availability
    from interpret.doctor.check_result import CheckResult
    from interpret.doctor.costs import CostEstimate
    from interpret.doctor.description import Description
    from interpret.doctor.diagnosis import Diagnosis

_BEYOND = "  longer than it can read"
_MARKS = {"passed": "ok", "failed": "FAILED", "noted": "note", "not applicable": "-"}


@click.command()
@click.argument("name", metavar="[MODEL]", required=False)
@click.option("--config-only", is_flag=True, help="Read no weights: examine a small random model of the config.")
@click.option("--tokens", default="128,512,2048", show_default=True, help="Lengths of texts to estimate costs for.")
@click.option("--json", "json_path", type=FILE, help="Also write every number; - to print it.")
@click.option("--all", "every", is_flag=True, help="Examine every architecture instead, and write a table with --out.")
@click.option("--out", type=FILE, help="File for the table of --all, in Markdown.")
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Processes for --all.")
@model_options
def doctor(name: str | None, every: bool, out: Path | None, workers: int, **options: Any) -> None:
    """Say what a model is and what can be asked of it, and check everything that is read from it.

    MODEL is a folder, a GGUF file or a hub id, as for --model; by default the sentiment model that comes with this.

    \b
    Examples:
      interpret doctor ./my-bert
      interpret doctor ./config.json --config-only --task text-generation
      interpret doctor --all --out reports/verified_models.md

    Exit codes: 0 all well, and `interpret analyze` runs on it; 2 the model can't be read; 3 a check failed, or
    `interpret analyze` refuses it.
    """  # noqa: D301
    with errors_in_one_line():
        if every or out is not None:
            say(_table(name, every, out, workers))
            return
        found = _diagnosed(name, **options)
        path = options["json_path"]
        if path not in (None, STANDARD_OUTPUT):
            write_whole(path, json.dumps(found.to_dict(), allow_nan=False, ensure_ascii=False))
    say(json.dumps(found.to_dict(), allow_nan=False) if path == STANDARD_OUTPUT else _shown(found))
    if not found.passed:
        sys.exit(FAILED_CHECK)


def _table(name: str | None, every: bool, out: Path | None, workers: int) -> str:
    if not every or out is None or name is not None:
        raise InputError("--all examines every architecture and takes --out for its table, and no model")
    require_writable(out)
    from interpret.doctor.table import examine_all, render_table

    progress = progress_line()
    rows = examine_all(workers=workers, progress=lambda done, all_: progress(f"{done} of {all_} examined"))
    progress("")
    write_whole(out, render_table(rows))
    verified = sum(row.status == "verified" for row in rows)
    return f"{verified} of {len(rows)} verified\ntable  {out}"


def _diagnosed(
    name: str | None, *, config_only: bool, tokens: str, json_path: Path | None, **options: Any
) -> "Diagnosis":
    if name is not None and options["model"] is not None:
        raise InputError("the model was given twice, as an argument and by --model; give one")
    options["model"] = name if name is not None else options["model"]
    lengths = _lengths(tokens)
    if json_path not in (None, STANDARD_OUTPUT):
        require_other(json_path, options["model"])
        require_writable(json_path)
    progress = progress_line()
    from interpret.doctor.diagnosis import diagnose, diagnose_config

    if config_only:
        if options["model"] is None:
            raise InputError("--config-only needs a model: a folder with a config.json, that file, or a hub id")
        require_model(options["model"])
        progress("examining a small model")
        found = diagnose_config(
            options["model"], task=options["task"], tokens=lengths, allow_pickle=options["allow_pickle"]
        )
    else:
        progress("loading the model")
        subject = load_subject(options)
        progress("examining the model")
        found = diagnose(subject, tokens=lengths)
    progress("")
    return found


def _lengths(tokens: str) -> tuple[int, ...]:
    parts = [part.strip() for part in tokens.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() and len(part) <= 10 and 0 < int(part) <= 10**9 for part in parts):
        raise InputError(f"--tokens must be lengths of texts with commas between, such as 128,512, not {tokens!r}")
    return tuple(map(int, parts))


def _shown(found: "Diagnosis") -> str:
    lines = [
        *_what(found.description),
        "",
        "checks on a small random input",
        *map(_checked, found.examination.results),
    ]
    if found.small:
        lines[lines.index("checks on a small random input")] = "checks on a small random model of this config"
    if found.examination.reason:
        lines.append(f"  none: {found.examination.reason}")
    lines += ["", "analyses"]
    lines += [f"  {'no ' if each.reason else 'yes'}     {each.analyses}{_because(each)}" for each in found.analyses]
    if found.costs:
        lines += ["", f"estimates for one text, from sizes and {_timed(found.costs)}", *_costs(found.costs)]
    return "\n".join(lines)


def _what(model: "Description") -> list[str]:
    heads = sorted({(call.heads, call.key_heads, call.width) for call in model.calls})
    shapes = " or ".join(f"{count} heads of {width}, {keys} for keys" for count, keys, width in heads)
    layers = "" if model.layers is None else f"{model.layers} layers"
    read = f"{len(model.calls)} attention calls" + f" ({shapes})" * bool(shapes)
    return [
        f"model       {model.name}",
        f"class       {model.model_class} ({model.architecture}), for {model.task}",
        f"attention   {', '.join(part for part in (layers, read) if part)}",
        f"kernel      {model.kernel}, in {model.dtype}; {model.parameters:,} parameters",
        f"way in      {model.way_in}",
    ]


def _checked(result: "CheckResult") -> str:
    number = "" if result.value is None else f" {result.value:.1e}"
    if result.value is not None and result.tolerance is not None:
        number += f" (at most {result.tolerance:.0e})" if result.tolerance else " (at most 0)"
    return f"  {_MARKS[result.outcome]:<7} {result.check}:{number}" + f" {result.detail}" * bool(result.detail)


def _because(each: "Availability") -> str:
    return f": {each.reason}" if each.reason else f" ({each.note})" if each.note else ""


def _timed(costs: tuple["CostEstimate", ...]) -> str:
    return "one measured pass" if any(cost.seconds is not None for cost in costs) else "no pass (time isn't known)"


def _costs(costs: tuple["CostEstimate", ...]) -> list[str]:
    from interpret.system.memory import shown_bytes

    lines = [f"  {'tokens':>9}  {'weights':>10}  {'recording':>10}  {'all maps':>10}  {'a pass':>9}"]
    for cost in costs:
        memory = "  ".join(
            f"{shown_bytes(part):>10}" for part in (cost.weights_bytes, cost.recording_bytes, cost.maps_bytes)
        )
        seconds = "" if cost.seconds is None else f"{cost.seconds:.3g} s"
        lines.append(f"  {cost.tokens:>9}  {memory}  {seconds:>9}" + _BEYOND * (not cost.fits))
    return lines
