"""`interpret analyze`: one decision, from text to report."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from interpret.cli.alignment import errors_line
from interpret.cli.options import (
    FAILED_CHECK,
    FILE,
    SEEDS,
    STANDARD_OUTPUT,
    TEXT,
    NamesType,
    SizeType,
    command_line,
    errors_in_one_line,
    load_subject,
    model_options,
    read_text,
    require_other,
    shown,
)
from interpret.cli.progress import cost_line, progress_line, show_plan
from interpret.cli.question import Question
from interpret.cli.streams import say, tell
from interpret.cli.tokens import PositionType, Tokens
from interpret.cli.tokens import summary as tokens_summary
from interpret.errors import InputError
from interpret.system.writing import make_folder, require_folder, require_writable, write_whole

if TYPE_CHECKING:
    from analyses.decision.schema import AnalysisDict, ComponentDict, DecidedDict
    from analyses.generation.schema import StepsDict
    from analyses.verdicts.error_rates import ErrorRateDict

ERASERS = ("mask", "delete", "mean", "blur", "noisy linear")  # the last three for images


@click.command()
@click.argument("text", type=TEXT, required=False)
@click.option("--file", type=FILE, help="Read the text from this file.")
@click.option("--context", type=TEXT, help="The text in which a question's answer is sought.")
@click.option("--pair", type=TEXT, help="The other sentence, for models that classify pairs of them.")
@click.option("--target-text", type=TEXT, help="The target of a translation; by default what the model writes.")
@click.option("--position", type=PositionType(), help="Which token of the target is decided, from 1; or all of them.")
@click.option("--gold", help="Words of source and target that belong together, as 0-0 1-2; 1?2 where only possibly.")
@click.option("--generate", type=click.IntRange(min=1), help="Explain every token that the model writes, N at most.")
@click.option("--continuation", type=TEXT, help="Explain every token of this text, which follows TEXT.")
@click.option("--no-verdict", is_flag=True, help="With several tokens: maps only, which takes seconds.")
@click.option("--chat", is_flag=True, help="TEXT is a message, to be read in the model's chat template.")
@click.option("--system", type=TEXT, help="What the model is told before the message, with --chat.")
@click.option("--target", type=TEXT, help="Label or next token to explain; by default the one the model prefers.")
@click.option("--against", type=TEXT, help="Explain why --target rather than this label or token.")
@click.option("--out", type=FILE, default=Path("report.html"), show_default=True, help="Report.")
@click.option("--json", "json_path", type=FILE, help="Also write every number; - to print it.")
@click.option("--figures", type=click.Path(path_type=Path), help="Also write SVG and PNG figures to this folder.")
@click.option("--corpus", help="File of texts, or folder of images, like this one: where replacements come from.")
@click.option(
    "--methods",
    type=NamesType(),
    help="Explanations to run: usual (the default), fast, all, or names; several separated by commas.",
)
@click.option("--eraser", type=click.Choice(ERASERS), help="How words or patches are taken out in tests.")
@click.option("--seed", type=SEEDS, default=0, show_default=True, help="Seed of everything random.")
@click.option("--quick", "effort", flag_value="quick", help="100 random orders, 20 integration steps, 50 search steps.")
@click.option("--standard", "effort", flag_value="standard", default="standard", help="200, 50 and 100 (the default).")
@click.option("--thorough", "effort", flag_value="thorough", help="1000, 200 and 500.")
@click.option("--max-memory", type=SizeType(), help="Most memory to take, such as 4GB; by default 9/10 of the free.")
@click.option("--plan", "only_plan", is_flag=True, help="Say what it will take in time and memory, no more.")
@click.option("--truncate", is_flag=True, help="Cut a text that is too long for the model instead of refusing it.")
@model_options
@click.pass_context
def analyze(context: click.Context, /, text: str | None, file: Path | None, **options: Any) -> None:
    """Test whether attention points at what moved one decision, and write a report.

    TEXT is what the model decides on; without it, --file or standard input is read. For a model that looks at images
    it is the path of one.

    \b
    Examples:
      interpret analyze "A gripping, funny and moving film."
      interpret analyze "The cat sat on the" --model ./smollm2.gguf --target " mat" --against " hat"
      interpret analyze "What is a cat?" --chat --generate 12 --model ./smollm2.gguf
      interpret analyze "Who sat?" --context "The cat sat on the mat." --model ./my-qa-bert
      interpret analyze "the cat sat ." --target-text "die katze saß ." --position 2 --model ./marian
      interpret analyze cat.jpg --model ./my-vit
      interpret analyze --file review.txt --model ./my-bert --json - --out review.html
    """  # noqa: D301
    with errors_in_one_line():
        if options.pop("only_plan"):
            say(_planned(read_text(text, file), **options))
            return
        for path in output_files(options["out"], options["json_path"]):
            require_other(path, text, file, options["corpus"])
            require_writable(path)
        found, out = _analyze(read_text(text, file), command_line(context), **options)
    printed = options["json_path"] == STANDARD_OUTPUT
    said = _summary(found, out) if "decision" in found else tokens_summary(found, out)
    say(json.dumps(found, allow_nan=False) if printed else said)
    if not all(check["passed"] for check in found["checks"]):
        sys.exit(FAILED_CHECK)


def _asked(text: str, tokens: Tokens, options: dict[str, Any], progress: Callable[[str], None]) -> Question:
    """Loads the model and reads the input; removes the options used for that from `options`."""
    progress("loading the model")
    subject = load_subject(options)
    names = ("context", "pair", "target_text", "gold", "position", "truncate", "chat", "system")
    said = {name: options.pop(name) for name in names}
    progress("reading the text")
    question = Question.read(subject, text, tokens, **said)
    if not said["chat"] and not question.has_marks and subject.chat is not None:
        from interpret.subjects.inputs.chat import UNUSED

        tell(UNUSED)
    return question


def _planned(text: str, **options: Any) -> str:
    """Line with the planned time and memory."""
    tokens, progress = Tokens.of(options), progress_line()
    question = _asked(text, tokens, options, progress)
    progress("planning")
    asked = {name: options[name] for name in ("effort", "methods", "target", "against", "eraser", "max_memory")}
    plan = question.plan(verdicts=not tokens.no_verdict, **asked)
    progress("")
    return f"planned    {plan}"


def _analyze(
    text: str,
    command: str,
    *,
    out: Path,
    json_path: Path | None,
    **options: Any,
) -> "tuple[AnalysisDict | StepsDict, Path]":
    tokens = Tokens.of(options)
    figures = options.pop("figures")
    if figures:
        require_folder(figures)
    progress = progress_line()
    question = _asked(text, tokens, options, progress)
    options |= {"verdicts": not tokens.no_verdict, "planned": show_plan, "progress": progress}
    found = question.answer(command, **options)
    progress("writing the report")
    contents = (_page(found), json.dumps(found, ensure_ascii=False, allow_nan=False))
    for path, content in zip(output_files(out, json_path), contents, strict=False):
        write_whole(path, content)
    if figures and "decision" in found:  # `Tokens` refuses figures of several tokens
        from reports.figures.analysis import save_figures

        make_folder(figures)
        save_figures(found, figures)
    progress("")
    return found, out


def output_files(out: Path | None, json_path: Path | None) -> list[Path]:
    """Paths of the report and of the JSON file, as far as they are asked for.

    Raises:
        InputError: The report would be printed, or both have one name.
    """
    if out == STANDARD_OUTPUT:
        raise InputError("a report isn't printed; give --out the name of a file, or print the numbers with --json -")
    files = [path for path in (out, json_path) if path is not None and path != STANDARD_OUTPUT]
    if len({os.path.realpath(path) for path in files}) < len(files):
        raise InputError(f"--out and --json are both {out}; give two names")
    return files


def _page(found: "AnalysisDict | StepsDict") -> str:
    if "decision" in found:
        from reports.analysis.page import render

        return render(found)
    from reports.generation.page import render_steps

    return render_steps(found)


def _summary(found: "AnalysisDict", out: Path) -> str:
    decision, verdict = found["decision"], found["verdict"]
    lines = [
        decision_line(decision),
        f"attention  {verdict['answer']}",
        *(f"           {reason}" for reason in verdict["because"]),
        *(_component(each) for each in verdict["components"]),
        f"instead    {found['instead']}",
        *(f"left out   {name}: {reason}" for name, reason in found["left_out"].items()),
        f"errors     {_error_rate(verdict['error_rate'])}",
        cost_line(found["run"]),
        *errors_line(found),
        f"report     {out}",
    ]
    return "\n".join(lines)


def decision_line(decision: "DecidedDict") -> str:
    """Line with the decision, its probability and its margin."""
    label, share, of_two = shown(decision["label"]), decision["probability"], ""
    if "against" in decision:
        label, of_two = f"{label} rather than {shown(decision['against'])}", " of the two"
    return f"decision   {label} (probability {share:.3f}{of_two}, logit margin {decision['margin']:.2f})"


def _component(each: "ComponentDict") -> str:
    from reports.analysis.findings import limits

    value = "undefined" if each["value"] is None else f"{each['value']:.2f}"
    chance = "" if each["p_value"] is None else f", p = {each['p_value']:.3f} against random orders"
    floor, bar = limits(each)
    fails = "" if floor is None else f"fails below {floor:.2f}, "
    return f"           {each['name']:<10} {value:>5}  {each['side']:<5} ({fails}holds from {bar:.2f} on{chance})"


def _error_rate(rate: "ErrorRateDict | None") -> str:
    if rate is None:
        return "no error rate is known for an input like this; the answer may be wrong more often than others"
    return (
        f"{rate['wrong']} of {rate['models']} such answers were wrong on models whose truth is known (95 % interval "
        f"{rate['low']:.1%} to {rate['high']:.1%}), {rate['inconclusive']} were inconclusive"
    )
