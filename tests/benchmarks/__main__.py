"""`python -m tests.benchmarks`: parses, measures, writes."""

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from . import plot, table
from .bench import ROOT, Bench
from .inputs import NotThere
from .lines import Line, missing
from .machine import cores, described
from .rows import KEYS

SHARED = Path(os.environ.get("INTERPRET_SHARED", ROOT.parent / "shared"))


@click.command()
@click.argument("keys", nargs=-1, type=click.Choice(KEYS))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the table and the plot.")
@click.option("--peers", multiple=True, help="Interpreter of peers' environment, or NAME=PYTHON for one peer.")
@click.option("--device", default="cpu", show_default=True, help="As torch spells it.")
@click.option("--dtype", type=click.Choice(("float32", "bfloat16", "float16")), default="float32", show_default=True)
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Runs of each side.")
@click.option("--threads", type=click.IntRange(min=1), default=cores(), help="Of torch; by default all cores.")
@click.option("--model", type=click.Path(path_type=Path), help="Folder of a language model in SmolLM2's place.")
@click.option("--classifier", type=click.Path(path_type=Path), default=SHARED / "models" / "minilm-sst2")
@click.option("--texts", type=click.Path(path_type=Path), default=SHARED / "data" / "sst2" / "dev.tsv")
@click.option("--long", type=int, default=8192, show_default=True, help="Tokens of the row long.")
@click.option("--huge", is_flag=True, help="In the row long, four times as many tokens too; takes long.")
def main(keys: tuple[str, ...], out: Path, peers: tuple[str, ...], **given: Any) -> None:
    """Measure KEYS, or all, side by side in one run."""
    out.mkdir(parents=True, exist_ok=True)
    options = {name: _there(given.pop(name)) for name in ("model", "classifier", "texts")}
    options |= {name: given.pop(name) for name in ("long", "huge")}
    with tempfile.TemporaryDirectory() as folder:
        pythons = dict(_named(peer) for peer in peers)
        bench = Bench(Path(folder), (out / "log.txt").resolve(), sys.executable, pythons, **given, options=options)
        about = described(bench)
        click.echo("\n".join(about))
        lines = []
        for line in _measured(bench, keys or KEYS):
            lines.append(line)
            _write(out, lines, about)  # after each, since a run takes an hour and may be stopped
    if not all(line.agrees for line in lines):
        sys.exit("the sides found different numbers; the table says where")


def _write(out: Path, lines: Sequence[Line], about: Sequence[str]) -> None:
    (out / "results.md").write_text(table.render(lines, about))
    (out / "results.json").write_text(json.dumps({"about": about, "lines": [asdict(line) for line in lines]}, indent=1))
    plot.save(lines, out / "scaling.svg")


def _measured(bench: Bench, keys: Iterable[str]) -> Iterator[Line]:
    for key in keys:
        try:
            for line in import_module(f".rows.{key}", __package__).lines(bench):
                click.echo(
                    "  ".join(filter(None, (line.key, line.work, line.ours, line.against, line.ratio, line.agreement)))
                )
                yield line
        except NotThere as why:
            click.echo(f"{key}  {why}")
            yield missing(key, str(why))


def _named(peer: str) -> tuple[str, str]:
    name, _, python = peer.rpartition("=")
    return name, python


def _there(path: Path | None) -> str | None:
    return str(path.resolve()) if path is not None and path.exists() else None


main()
