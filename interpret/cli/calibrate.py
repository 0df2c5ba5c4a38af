"""`interpret calibrate`: error rates of verdicts, measured on models whose truth is known."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from interpret.cli.options import SEEDS, command_line, errors_in_one_line
from interpret.cli.progress import progress_bar
from interpret.cli.streams import say
from interpret.errors import InputError
from interpret.system.writing import write_whole

if TYPE_CHECKING:
    from analyses.calibration.calibrate import CalibrationPlan
    from analyses.calibration.schema import CalibrationDict, OverallCell
    from analyses.verdicts.error_rates import WrongAnswers

TABLE = "table.json"
MOST_DRAWS = 100_000  # a list of more may not fit into memory


@click.command()
@click.option("--quick", is_flag=True, help="A few minutes: one round, verdicts over 50 texts. It bounds nothing.")
@click.option(
    "--draws", type=click.IntRange(1, MOST_DRAWS), help="Models of each family; by default 100, with --quick 1."
)
@click.option("--families", help="Some families only, such as F1,F7; by default all.")
@click.option(
    "--seed", type=SEEDS, help="Seed of all models and texts; by default that of the table that comes with this."
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes; by default one for each usable core.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("calibration"),
    show_default=True,
    help="Folder for results; made if missing.",
)
@click.pass_context
def calibrate(
    context: click.Context,
    /,
    quick: bool,
    draws: int | None,
    families: str | None,
    seed: int | None,
    workers: int | None,
    out: Path,
) -> None:
    """Measure how often the verdicts of this toolkit are wrong.

    Draws transformers whose weights are set so that it is known whether their attention explains their decisions, has
    them judged like any other model, and counts. The same command takes up a calibration that was stopped, and one
    with more --draws adds to it.

    \b
    Examples:
      interpret calibrate --quick
      interpret calibrate --draws 200 --out calibration
    """  # noqa: D301
    with errors_in_one_line():
        asked = _asked(quick, draws, families, seed)
        table, page = _calibrated(asked, out, workers or _usable_cores(), command_line(context))
    say(_shown(table, out / TABLE, page))


def _asked(quick: bool, draws: int | None, families: str | None, seed: int | None) -> "CalibrationPlan":
    from analyses.calibration.calibrate import QUICK, CalibrationPlan

    usual = QUICK if quick else CalibrationPlan()
    return CalibrationPlan(
        draws=draws or usual.draws,
        sizes=usual.sizes,
        families=usual.families if families is None else _families(families),
        seed=usual.seed if seed is None else seed,
    )


def _families(given: str) -> tuple[str, ...]:
    """Parses family keys, in a fixed order so that the same families give the same calibration."""
    from interpret.native.planted import FAMILIES

    keys = {key.strip().upper() for key in given.split(",") if key.strip()}
    if not keys or (unknown := sorted(keys - set(FAMILIES))):
        wrong = f"there is no family {unknown[0]!r}" if keys else "no family was given"
        raise InputError(f"{wrong}; give some of {', '.join(FAMILIES)}, with commas between")
    return tuple(key for key in FAMILIES if key in keys)


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _calibrated(asked: "CalibrationPlan", out: Path, workers: int, command: str) -> "tuple[CalibrationDict, Path]":
    """Runs missing draws, then rewrites the tables and the report."""
    from analyses.calibration.calibrate import run_calibration
    from analyses.calibration.tables import tabulate
    from analyses.resumable.folder import REPORT, StudyFolder
    from reports.calibration.page import render_calibration

    with progress_bar("judging") as progress:
        records = run_calibration(asked, out, workers=workers, progress=progress)
    table = tabulate(asked.fingerprint(), records, asked.draws)
    page = render_calibration(table, command=command)
    with StudyFolder(out, asked.fingerprint()).open():
        write_whole(out / TABLE, json.dumps(table, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
        write_whole(out / REPORT, page)
    return table, out / REPORT


def _shown(table: "CalibrationDict", tables: Path, page: Path) -> str:
    from reports.calibration.terms import BOUNDS_NOTHING, FEWEST

    protocol = [cell for cell in table["overall"] if cell["group"] == "protocol"]
    others = [cell for cell in table["overall"] if cell["group"] == "others"]
    lines = [f"{'verdict from':<18}  {'truth':<8}  {'models':>6}  supported  not supported  inconclusive"]
    for cell in protocol:
        for truth in ("explains", "partial", "does_not"):
            each, name = cell[truth], _named(cell) if truth == "explains" else ""
            lines.append(
                f"{name:<18}  {truth.replace('_', ' '):<8}  {each['models']:>6}  {each['supported']:>9}  "
                f"{each['not_supported']:>13}  {each['inconclusive']:>12}"
            )
    lines += ["", f"{'wrong':<18}  {'families F':<32}  families X, which no threshold was chosen by"]
    lines += [
        f"{_named(cell):<18}  {_error(cell['error']):<32}  {_error(other['error'])}"
        for cell, other in zip(protocol, others, strict=True)
    ]
    if any(cell["error"]["models"] < FEWEST for cell in protocol):
        lines += ["", BOUNDS_NOTHING]
    return "\n".join([*lines, "", f"table      {tables}", f"report     {page}"])


def _named(cell: "OverallCell") -> str:
    return f"1 text, {cell['source']}" if cell["source"] else f"{cell['examples']} texts"


def _error(error: "WrongAnswers") -> str:
    """Number of wrong verdicts, and their share with its interval."""
    if not error["models"]:
        return "no model"
    share = f"{error['wrong']} of {error['models']}"
    return f"{share:<10}  {error['rate']:.1%} [{error['low']:.1%}, {error['high']:.1%}]"
