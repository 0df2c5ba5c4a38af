"""`interpret knockout`: what a decision loses when attention is cut by distance, layer, head and word."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from interpret.cli.analyze import decision_line, output_files
from interpret.cli.numbered import HeadType, RangeType
from interpret.cli.options import (
    FAILED_CHECK,
    FILE,
    SEEDS,
    STANDARD_OUTPUT,
    TEXT,
    command_line,
    errors_in_one_line,
    load_subject,
    model_options,
    read_text,
    require_other,
)
from interpret.cli.progress import progress_line
from interpret.cli.question import Question
from interpret.cli.streams import say
from interpret.cli.tokens import Tokens
from interpret.system.writing import require_writable, write_whole

if TYPE_CHECKING:
    from analyses.decision.schema import DecidedDict
    from analyses.long_range.cells import CutGrid
    from analyses.long_range.knockout_report import KnockoutReport

SHOWN_CELLS = 5
TOLERANCE = "Share of the margin that counts as no change, in how far the decision looks back."


@click.command()
@click.argument("text", type=TEXT)
@click.option("--context", type=TEXT, help="The text in which a question's answer is sought.")
@click.option("--pair", type=TEXT, help="The other sentence, for models that classify pairs of them.")
@click.option("--target-text", type=TEXT, help="The target of a translation; by default what the model writes.")
@click.option("--position", type=click.IntRange(min=1), help="Which token of the target is decided, from 1.")
@click.option("--target", type=TEXT, help="Label or next token that is followed; by default what the model prefers.")
@click.option("--against", type=TEXT, help="Label or token that it is held against; by default all others.")
@click.option("--layers", type=RangeType(can_be_open=False), help="Cut in these layers, from 1: 5-8; by default all.")
@click.option("--window", type=click.IntRange(min=1), help="Layers cut together; by default a quarter of all.")
@click.option("--head", "heads", type=HeadType(), multiple=True, help="Cut in this head only: LAYER.HEAD, both from 1.")
@click.option("--from", "from_words", type=TEXT, multiple=True, help="Cut attention of this word only.")
@click.option("--to", "to_words", type=TEXT, multiple=True, help="Cut attention to this word only.")
@click.option("--distance", type=RangeType(can_be_open=True), help="Cut only over this distance in tokens, such as 8-.")
@click.option("--direction", type=click.Choice(["both", "back", "forward"]), default="both", show_default=True)
@click.option("--cut-sink", is_flag=True, help="Also cut attention to a causal model's first position.")
@click.option("--tolerance", type=click.FloatRange(0), default=0.1, show_default=True, help=TOLERANCE)
@click.option("--draws", type=click.IntRange(99, 1_000_000), default=499, show_default=True, help="Most random draws.")
@click.option("--seed", type=SEEDS, default=0, show_default=True, help="Seed of the draws.")
@click.option("--out", type=FILE, help="Also write a page for readers, such as knockout.html.")
@click.option("--json", "json_path", type=FILE, help="Also write every number; - to print it.")
@click.option("--truncate", is_flag=True, help="Cut a text that is too long for the model instead of refusing it.")
@model_options
@click.pass_context
def knockout(context: click.Context, /, text: str, out: Path | None, json_path: Path | None, **options: Any) -> None:
    """Cut attention, and see what it does to the decision.

    Attention is cut by distance in each window of layers, and from each word to each other; every cut is compared with
    as many random ones. An edge leads FROM a word that attends TO one that is attended to. At the end stands how far
    back the decision looks: beyond that distance, cutting everything changes nothing.

    \b
    Examples:
      interpret knockout "Slow at first, then wonderful." --out knockout.html
      interpret knockout "Slow at first, then wonderful." --to wonderful --layers 1
      interpret knockout "The keys to the cabinet" --model ./smollm2.gguf --distance 3-
    """  # noqa: D301
    with errors_in_one_line():
        for path in output_files(out, json_path):
            require_other(path, text)
            require_writable(path)
        found = _knockout(read_text(text, None), **options)
        document = found.to_dict(command_line(context))
        if out is not None:
            from reports.long_range.page import render_knockout

            write_whole(out, render_knockout(document))
        if json_path not in (None, STANDARD_OUTPUT):
            write_whole(json_path, json.dumps(document, ensure_ascii=False, allow_nan=False))
    printed = json_path == STANDARD_OUTPUT
    say(json.dumps(document, allow_nan=False) if printed else _summary(found, document["decision"], out))
    if not all(check.passed for check in found.checks):
        sys.exit(FAILED_CHECK)


def _knockout(text: str, **options: Any) -> "KnockoutReport":
    progress = progress_line()
    progress("loading the model")
    subject = load_subject(options)
    names = ("context", "pair", "target_text", "position", "truncate")
    said = {name: options.pop(name) for name in names}
    question = Question.read(
        subject, text, Tokens(None, None, False, False), **said, gold=None, chat=False, system=None
    )

    from analyses.long_range.knockout_report import knockout_report

    target, against = options.pop("target"), options.pop("against")
    asked, example, decision = subject.asked(question.given, target=target, against=against)
    layers, heads = (options.pop(name) for name in ("layers", "heads"))
    progress("cutting attention")
    found = knockout_report(
        asked,
        example,
        decision,
        layers=None if layers is None else range(layers[0] - 1, layers[1]),
        heads=heads or None,
        **options,
    )
    progress("")
    return found


def _summary(found: "KnockoutReport", decision: "DecidedDict", out: Path | None) -> str:
    from analyses.long_range.knockout_result import said

    cuts = found.cuts
    how_far, *random = found.look_back.said()
    lines = [
        decision_line(decision),
        f"all cut    {said(cuts.whole.fall, cuts.whole.random, cuts.whole.p_value)}; {cuts.whole.edges} edges",
        *(line for name, grid in cuts.grids.items() for line in _cells(name, grid, cuts.asked.draws)),
        f"look back  {how_far}",
        *(f"           {line}" for line in random),
        *cuts.remarks,
    ]
    return "\n".join(lines if out is None else [*lines, f"report     {out}"])


def _cells(name: str, grid: "CutGrid", draws: int) -> list[str]:
    """The cells of a grid that change the margin most."""
    from analyses.long_range.knockout_result import cell_said

    known, floor = int((grid.edges > 0).sum()), 1 / (1 + draws)
    by = {"distance": "layers and distance", "word": "from and to"}[name]
    head = f"by {by} (cells {known}, smallest possible p {floor:.3f}; adjusted for the number of cells):"
    return [head, *(f"  {cell_said(name, grid, cell)}" for cell in grid.top(SHOWN_CELLS))]
