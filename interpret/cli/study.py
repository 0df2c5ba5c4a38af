"""`interpret study`: a model over a data set."""

import sys
from pathlib import Path
from typing import Any

import click

from interpret.cli.options import errors_in_one_line, load_subject, model_options

SHOWN_ROWS = 5


@click.command()
@click.argument("data")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for results; made if missing.")
@click.option("--text-column", help="Column of the texts; by default text, sentence, review, content ...")
@click.option("--label-column", help="Column of the labels; by default label, target, class ...; none is needed.")
@click.option("--split", help="Part of a data set of the Hub.")
@click.option("--limit", type=click.IntRange(min=2), help="A random sample of at most this many rows.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of everything random.")
@click.option("--replacements", type=click.IntRange(min=2), default=8, show_default=True, help="Of each word.")
@model_options
def study(data: str, out: Path, replacements: int, seed: int, **options: Any) -> None:
    """Test whether attention explains a model's decisions over a data set.

    DATA is a .csv, .tsv, .jsonl or .parquet file, or the id of a data set on the Hugging Face Hub. The same command
    takes up a study that was stopped, at any moment and however it was.

    \b
    Examples:
      interpret study reviews.csv --out reviews-study
      interpret study dev.tsv --model ./my-bert --out study --limit 200
    """  # noqa: D301
    with errors_in_one_line():
        found = _study(data, out, replacements, seed, options)
    click.echo(_shown(found, out))


def _study(data: str, out: Path, replacements: int, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    from analyses.study.rows import read_rows

    columns = {name: options.pop(name) for name in ("text_column", "label_column", "split", "limit")}
    rows = read_rows(data, seed=seed, **columns)
    subject = load_subject(options)

    from analyses.components.measure import Draws
    from analyses.study.study import prepare
    from analyses.study.study import study as run

    prepared = prepare(subject, rows, draws=Draws(replacements=replacements), seed=seed)

    # To standard error, so that what is printed can be piped.
    bar = click.progressbar(range(1), label="measuring", file=sys.stderr)

    def progress(done: int, chunks: int) -> None:
        bar.length = chunks
        bar.update(done - bar.pos)

    with bar:
        return run(prepared, out, progress=progress)


def _shown(found: dict[str, Any], out: Path) -> str:
    verdict = found["verdict"]
    lines = [f"attention  {verdict['answer']}", *(f"           {reason}" for reason in verdict["because"])]
    if verdict["needed"]:
        lines.append(f"           about {verdict['needed']} examples would settle it")
    lines += [_component(each) for each in verdict["components"]]
    heads = verdict["heads"]
    lines.append(f"heads      {len(heads['idle'])} idle, with {heads['share']:.0%} of the displayed attention")
    lines += [f"data       {_note(note)}" for note in found["notes"]]
    return "\n".join([*lines, f"results    {out}"])


def _component(each: dict[str, Any]) -> str:
    numbers = [each[name] for name in ("mean", "low", "high")]
    mean, low, high = ("undefined" if number is None else f"{number:.2f}" for number in numbers)
    return (
        f"           {each['name']:<10} {mean} [{low}, {high}]  {each['side']:<5} "
        f"(fails below {each['floor']:.2f}, holds above {each['bar']:.2f})"
    )


def _note(note: dict[str, Any]) -> str:
    rows = ", ".join(str(number) for number in note["which"][:SHOWN_ROWS])
    more = ", ..." if note["count"] > SHOWN_ROWS else ""
    return f"{note['text']} Rows {rows}{more}." if rows else note["text"]
