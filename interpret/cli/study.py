"""`interpret study`: test of attention over a data set."""

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from interpret.cli.evidence import evidence_lines
from interpret.cli.look_back import look_back_lines
from interpret.cli.numbered import ObjectType
from interpret.cli.options import (
    FAILED_CHECK,
    SEEDS,
    TEXT,
    NamesType,
    SizeType,
    command_line,
    errors_in_one_line,
    load_text_subject,
    model_options,
)
from interpret.cli.progress import cost_line, progress_bar, progress_line, show_plan
from interpret.cli.ranking import judged_by, ranked_methods, ranking_lines
from interpret.cli.sanity import sanity_lines
from interpret.cli.streams import say, tell
from interpret.errors import CaptureError, InputError
from interpret.system.files import require_model
from interpret.system.writing import make_folder, write_whole

if TYPE_CHECKING:
    from analyses.costs.costs_result import MethodCosts
    from analyses.planning.plan import Plan, PlanAndCost
    from analyses.studies.prepared import Prepared
    from analyses.studies.schema import NoteDict, StudyComponentDict, StudyDict

SHOWN_ROWS = 5


@click.command()
@click.argument("data")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for results; made if missing.")
@click.option("--text-column", type=TEXT, help="Column of the texts; by default text, sentence, review, content ...")
@click.option(
    "--label-column", type=TEXT, help="Column of the labels; by default label, target, class ...; none is needed."
)
@click.option("--evidence", type=TEXT, help="Column that marks the words that must decide: 0 and 1, places, or words.")
@click.option("--target", type=TEXT, help="Label or word to explain on every text, with --against.")
@click.option("--against", type=TEXT, help="Label or word that it is held against.")
@click.option("--target-column", type=TEXT, help="Column of the label or word to explain on each text.")
@click.option("--against-column", type=TEXT, help="Column of the label or word that it is held against.")
@click.option("--split", help="Part of a data set of the Hub.")
@click.option("--limit", type=click.IntRange(min=2), help="A random sample of at most this many rows.")
@click.option("--seed", type=SEEDS, default=0, show_default=True, help="Seed of everything random.")
@click.option("--replacements", type=click.IntRange(min=2), default=8, show_default=True, help="Of each word; even.")
@click.option(
    "--object",
    "object_key",
    type=ObjectType(),
    default="row",
    show_default=True,
    help="row, head:LAYER.HEAD (both from 1), mean (of all layers), rollout, columns, or method:NAME.",
)
@click.option("--replacer", help="Masked language model that replaces words; by default words of the other texts do.")
@click.option(
    "--methods",
    type=NamesType(),
    default="fast",
    show_default=True,
    help="Explanations to rank: all, fast (few passes a text), names between commas, or none.",
)
@click.option(
    "--measures",
    type=NamesType(),
    default="usual",
    show_default=True,
    help="Measures of these: usual (free beside the ranking), all, or names, such as max-sensitivity.",
)
@click.option(
    "--sanity",
    type=click.IntRange(min=0),
    help="Texts on which these go through sanity checks; by default 3, or 0 of fewer than 50 texts.",
)
@click.option("--classic", is_flag=True, help="Also run the published tests of attention; takes longer than the rest.")
@click.option("--look-back", is_flag=True, help="Also find how far back each decision looks, by cutting attention.")
@click.option("--max-memory", type=SizeType(), help="Most memory to take, such as 4GB; by default 9/10 of the free.")
@click.option("--plan", "only_plan", is_flag=True, help="Say what measuring will take in time and memory, no more.")
@click.option("--no-texts", is_flag=True, help="Leave out the reports on the most and least explained texts.")
@model_options
@click.pass_context
def study(
    context: click.Context,
    /,
    data: str,
    out: Path,
    max_memory: int | None,
    only_plan: bool,
    no_texts: bool,
    **options: Any,
) -> None:
    """Test whether attention explains a model's decisions over a data set.

    DATA is a .csv, .tsv, .jsonl or .parquet file, or the id of a data set on the Hugging Face Hub. The same command
    takes up a study that was stopped, at any moment and however it was, and ends with the same bytes in every file:
    what differs from run to run, such as seconds and memory, is only printed. Exit code 3 says that a self-check
    failed: the scores of a text aren't those of a plain call of the model.

    \b
    Examples:
      interpret study reviews.csv --out reviews-study
      interpret study dev.tsv --model ./my-bert --out study --limit 200 --classic
      interpret study dev.tsv --model ./my-bert --out study --methods "saliency,leave-one-out"
    """  # noqa: D301
    started = time.monotonic()
    with errors_in_one_line():
        prepared = _prepared(data, options, _sink(context))
        if only_plan:
            say(f"planned    {prepared.plan(max_memory=max_memory)}")
            return
        found, cost, costs = _measured(prepared, out, max_memory)
        single = None if no_texts else _single_command(context, prepared.subject.sink)
        page = _report(prepared, found, out, command_line(context), single)
    seconds = {row.method: row.seconds for each in costs for row in each.rows}
    took = [] if cost is None else [cost_line(cost.to_dict(), time.monotonic() - started)]
    say("\n".join([*_shown(found, seconds), *took, f"results    {out}", f"report     {page}"]))
    if not all(check["passed"] for check in found["checks"]):
        sys.exit(FAILED_CHECK)


def _sink(context: click.Context) -> str | None:
    """What is done with first words, where that was said."""
    return context.params["sink"] if context.get_parameter_source("sink") is ParameterSource.COMMANDLINE else None


def _prepared(data: str, options: dict[str, Any], sink: str | None) -> "Prepared":
    from analyses.data_sets.rows import read_rows

    replacements, seed = options.pop("replacements"), options.pop("seed")
    also = {name: options.pop(name) for name in ("classic", "look_back", "sanity")}
    object_key, replacer = options.pop("object_key"), options.pop("replacer")
    columns = {name: options.pop(name) for name in ("text_column", "label_column", "split", "limit")}
    columns |= {"evidence_column": options.pop("evidence"), "choice_columns": _pair(options, "_column")}
    every = _pair(options, "")
    if every is not None and columns["choice_columns"] is not None:
        raise InputError("--target is about all texts and --target-column about each; give one of them")
    methods, measures = ranked_methods(options.pop("methods")), judged_by(options.pop("measures"))
    rows = read_rows(data, seed=seed, **columns)
    rows = rows if every is None else rows.with_choice(*every)
    subject = load_text_subject(options)

    from analyses.studies.prepared import prepare
    from analyses.verdicts.measurement import Draws

    resampler = None
    if replacer is not None:
        from analyses.verdicts.masked_model import MaskedModel

        require_model(replacer)
        resampler = MaskedModel.load(replacer, subject)
    return prepare(
        subject,
        rows,
        object_key=object_key,
        resampler=resampler,
        draws=Draws(replacements=replacements),
        seed=seed,
        methods=methods,
        measures=measures,
        **also,
        sink=sink,
    )


def _pair(options: dict[str, Any], suffix: str) -> tuple[str, str] | None:
    """Removes a target and what it is held against from `options`; `None` if neither is given."""
    target, against = (options.pop(f"{name}{suffix}") for name in ("target", "against"))
    if (target is None) != (against is None):
        kind = suffix.replace("_", "-")
        raise InputError(f"--target{kind} and --against{kind} go together; give both, or none of them")
    return None if target is None else (target, against)


def _measured(
    prepared: "Prepared", out: Path, max_memory: int | None
) -> "tuple[StudyDict, PlanAndCost | None, list[MethodCosts]]":
    """Runs the study; returns its results, its cost and those of explanations, if there was anything to measure."""
    from analyses.planning.plan import PlanAndCost
    from analyses.studies.study import study as run

    started = time.monotonic()
    plans: list[Plan] = []
    costs: list[MethodCosts] = []

    def planned(plan: "Plan") -> None:
        plans.append(plan)
        show_plan(plan)

    with progress_bar("measuring") as progress:
        found = run(prepared, out, max_memory=max_memory, planned=planned, costed=costs.append, progress=progress)
    cost = PlanAndCost.since(started, plans[0], prepared.subject.device) if plans else None
    return found, cost, costs


def _single_command(context: click.Context, sink: str) -> list[str]:
    """Command that analyses one text with the same model, first words and seed; the text must be appended."""
    names = ("model", "task", "device", "dtype", "allow_pickle", "sink", "units", "seed")
    given = {
        parameter.opts[0]: context.params[parameter.name]
        for parameter in context.command.params
        if parameter.name in names and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    }
    given |= {"--sink": sink} if sink != context.params["sink"] else {}
    options = [(name,) if value is True else (name, str(value)) for name, value in given.items()]
    return ["interpret", "analyze", *(word for option in options for word in option), "--"]


def _report(
    prepared: "Prepared", found: "StudyDict", out: Path, command: str, single_command: list[str] | None
) -> Path:
    """Writes missing pages of single texts (if there is a command for them), and rewrites the report."""
    from pyarrow.parquet import read_table

    from analyses.resumable.folder import REPORT, RESULTS, TEXTS, StudyFolder
    from analyses.studies.fingerprint import fingerprint_of
    from reports.study.page import render_study

    with StudyFolder(out, fingerprint_of(prepared)).open():
        records = read_table(out / RESULTS).to_pylist()
        rows = [*found["extremes"]["most"], *found["extremes"]["least"]]
        pages = {row: out / TEXTS / f"row-{row}.html" for row in rows}
        if single_command:
            missing = {page: prepared.rows.numbers.index(row) for row, page in pages.items() if not page.exists()}
            _write_texts(prepared, missing, single_command)
        linked = [row for row, page in pages.items() if page.exists()]
        write_whole(out / REPORT, render_study(found, records, linked=linked, command=command))
    return out / REPORT


def _write_texts(prepared: "Prepared", missing: dict[Path, int], command: list[str]) -> None:
    """Writes a report on each of these texts; one that can't be analysed is skipped with a message."""
    from analyses.decision.analyze import analyze
    from reports.analysis.page import render

    progress = progress_line()
    for page, row in missing.items():
        progress(f"writing {page}")
        make_folder(page.parent)
        subject, example = prepared.subject_of(row), prepared.examples[row]
        try:
            analysis = analyze(subject, example, seed=prepared.seed)
        except (InputError, CaptureError) as error:
            tell(f"no report {page}: {error}")
            continue
        against = analysis.decision.against
        asked = [] if against is None else [f"--target={analysis.decision.label}", f"--against={against}"]
        found = analysis.to_dict(shlex.join([*command[:-1], *asked, *command[-1:], example.text]))
        run: Any = {name: value for name, value in found["run"].items() if name not in analysis.cost.to_dict()}
        write_whole(page, render({**found, "run": run}))  # costs differ from run to run, unlike all else in the folder
    progress("")


def _shown(found: "StudyDict", seconds: dict[str, float]) -> list[str]:
    verdict = found["verdict"]
    tested = found["study"]["options"]["object"]
    name = tested.partition(":")[2] if tested.startswith("method:") else "attention"
    lines = [f"{name:<10} {verdict['answer']}", *(f"           {reason}" for reason in verdict["because"])]
    if verdict["needed"]:
        lines.append(f"           about {verdict['needed']} examples would settle it")
    lines += [_component(each) for each in verdict["components"]]
    heads = verdict["heads"]
    lines.append(f"heads      {len(heads['idle'])} idle, with {heads['share']:.0%} of the displayed attention")
    if "evidence" in found:
        lines += evidence_lines(found["evidence"])
    if "look_back" in found:
        lines += look_back_lines(found["look_back"])
    if found["ranking"] is not None:
        lines += [f"instead    {found['ranking']['instead']}", *ranking_lines(found["ranking"], seconds)]
        lines += sanity_lines(found["ranking"])
    lines += [f"data       {_note(note)}" for note in found["notes"]]
    lines += [f"check      FAILED: {each['name']} ({each['detail']})" for each in found["checks"] if not each["passed"]]
    return lines


def _component(each: "StudyComponentDict") -> str:
    numbers = [each[name] for name in ("mean", "low", "high")]
    mean, low, high = ("undefined" if number is None else f"{number:.2f}" for number in numbers)
    return (
        f"           {each['name']:<10} {mean} [{low}, {high}]  {each['side']:<5} "
        f"(fails below {each['floor']:.2f}, holds above {each['bar']:.2f})"
    )


def _note(note: "NoteDict") -> str:
    rows = ", ".join(str(number) for number in note["which"][:SHOWN_ROWS])
    more = ", ..." if note["count"] > SHOWN_ROWS else ""
    return f"{note['text']} Rows {rows}{more}." if rows else note["text"]
