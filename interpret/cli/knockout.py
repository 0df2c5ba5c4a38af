"""`interpret knockout`: what a decision loses when attention is cut by distance, layer, head and word."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from interpret.cli.analyze import decision_line
from interpret.cli.options import (
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
    from analyses.long_range.schema import CutGridDict, KnockoutDict

SHOWN_CELLS = 5
TOLERANCE = "Share of the margin that counts as no change, in how far the decision looks back."
_LARGEST = 9  # digits of a number


class RangeType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """Numbers from 1 on: "8", "8-20", or "8-" without an end where that is allowed."""

    name = "a-b"

    def __init__(self, *, can_be_open: bool) -> None:
        self.can_be_open = can_be_open

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int | None]:
        """Converts to the first and the last number, `None` without an end; fails for anything else."""
        found = re.fullmatch(rf"(\d{{1,{_LARGEST}}})(-(\d{{1,{_LARGEST}}})?)?", str(value))
        first, last = (int(found[1]), int(found[3] or 0)) if found else (0, 0)
        if found and not found[2]:
            last = first
        if first < 1 or not (first <= last or (last == 0 and self.can_be_open)):
            shapes = "8, 8-20 or 8-" if self.can_be_open else "8 or 8-20"
            self.fail(f"{value!r} is no range from 1 on, such as {shapes}.", param, ctx)
        return first, last or None


class HeadType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """A head by its layer and its number in it, both from 1: "3.11"."""

    name = "layer.head"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Converts to layer and head, from 0; fails for anything else."""
        found = re.fullmatch(rf"(\d{{1,{_LARGEST}}})\.(\d{{1,{_LARGEST}}})", str(value))
        if not found or not (int(found[1]) and int(found[2])):
            self.fail(f"{value!r} is no head, such as 3.11: layer 3, head 11, both from 1.", param, ctx)
        return int(found[1]) - 1, int(found[2]) - 1


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
@click.option("--json", "json_path", type=FILE, help="Also write every number; - to print it.")
@click.option("--truncate", is_flag=True, help="Cut a text that is too long for the model instead of refusing it.")
@model_options
@click.pass_context
def knockout(context: click.Context, /, text: str, json_path: Path | None, **options: Any) -> None:
    """Cut attention, and see what it does to the decision.

    Attention is cut by distance in each window of layers, and from each word to each other; every cut is compared with
    as many random ones. An edge leads FROM a word that attends TO one that is attended to. At the end stands how far
    back the decision looks: beyond that distance, cutting everything changes nothing.

    \b
    Examples:
      interpret knockout "Slow at first, then wonderful."
      interpret knockout "Slow at first, then wonderful." --to wonderful --layers 1
      interpret knockout "The keys to the cabinet" --model ./smollm2.gguf --distance 3-
    """  # noqa: D301
    with errors_in_one_line():
        if json_path not in (None, STANDARD_OUTPUT):
            require_other(json_path, text)
            require_writable(json_path)
        found = _knockout(read_text(text, None), command_line(context), **options)
        if json_path not in (None, STANDARD_OUTPUT):
            write_whole(json_path, json.dumps(found, ensure_ascii=False, allow_nan=False))
    say(json.dumps(found, allow_nan=False) if json_path == STANDARD_OUTPUT else _summary(found))


def _knockout(text: str, command: str, **options: Any) -> "KnockoutDict":
    progress = progress_line()
    progress("loading the model")
    subject = load_subject(options)
    names = ("context", "pair", "target_text", "position", "truncate")
    said = {name: options.pop(name) for name in names}
    question = Question.read(
        subject, text, Tokens(None, None, False, False), **said, gold=None, chat=False, system=None
    )

    from analyses.long_range.conversion import knockout_to_dict
    from analyses.long_range.knockout import knockout as cut
    from analyses.long_range.look_back import look_back

    target, against = options.pop("target"), options.pop("against")
    asked, example, decision = subject.asked(question.given, target=target, against=against)
    layers, heads, tolerance = (options.pop(name) for name in ("layers", "heads", "tolerance"))
    progress("cutting attention")
    found = cut(
        asked,
        example,
        decision,
        layers=None if layers is None else range(layers[0] - 1, layers[1]),
        heads=heads or None,
        **options,
    )
    progress("cutting it beyond each distance")
    same = {name: options[name] for name in ("cut_sink", "draws", "seed")}
    look = look_back(asked, example, decision, tolerance=tolerance, **same)
    progress("")
    return knockout_to_dict(asked, example, decision, found, look, command)


def _summary(found: "KnockoutDict") -> str:
    whole, look, units = found["whole"], found["look_back"], found["units"]
    draws = found["asked"]["draws"]
    grids = (("layers and distance", ", distance ", found["by_distance"]), ("from and to", " to ", found["by_word"]))
    lines = [
        decision_line(found["decision"]),
        f"all cut    {_effect(whole['fall'], whole['random'], whole['p_value'])}; {whole['edges']} edges",
        *(line for title, between, grid in grids if grid for line in _cells(title, between, grid, draws)),
        f"look back  {look['distance']} of {look['longest']} {units}: cutting all attention beyond changes the "
        f"margin by at most {look['tolerance']:.2f}",
    ]
    if look["random"] is not None:
        lines.append(f"           as many random edges change it by {look['random']:.2f}, p = {look['p_value']:.3f}")
    return "\n".join([*lines, *found["caveats"]])


def _cells(title: str, between: str, grid: "CutGridDict", draws: int) -> list[str]:
    """The cells of a grid that change the margin most."""
    places = [(row, column) for row in range(len(grid["rows"])) for column in range(len(grid["columns"]))]
    known = [place for place in places if grid["fall"][place[0]][place[1]] is not None]
    largest = sorted(known, key=lambda place: -abs(grid["fall"][place[0]][place[1]] or 0))[:SHOWN_CELLS]
    floor = 1 / (1 + draws)
    lines = [f"by {title} (cells {len(known)}, smallest possible p {floor:.3f}; adjusted for the number of cells):"]
    for row, column in largest:
        place = f"{grid['rows'][row]}{between}{grid['columns'][column]}"
        fall, random, p, q = (grid[each][row][column] for each in ("fall", "random", "p_value", "q_value"))
        adjusted = "" if q is None else f", adjusted {q:.3f}"
        lines.append(f"  {place:<28} {_effect(fall, random, p)}{adjusted}")
    return lines


def _effect(fall: float | None, random: float | None, p_value: float | None) -> str:
    change = f"margin {-(fall or 0.0):+.2f}"
    if random is None or p_value is None:
        return f"{change} (there are no other edges to compare with)"
    return f"{change}, as many random edges {random:.2f}, p = {p_value:.3f}"
