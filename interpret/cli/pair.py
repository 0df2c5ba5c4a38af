"""`interpret pair`: heads that attend between two words, and their effect on the decision."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from interpret.cli.options import (
    FILE,
    SEEDS,
    TEXT,
    errors_in_one_line,
    load_text_subject,
    model_options,
    read_text,
    shown,
)
from interpret.cli.progress import progress_line
from interpret.cli.streams import say
from interpret.errors import InputError
from interpret.system.writing import require_writable

if TYPE_CHECKING:
    from analyses.heads.word_pairs import WordPairs

SHOWN_HEADS = 8


@click.command()
@click.argument("text", type=TEXT)
@click.argument("word", type=TEXT)
@click.argument("first", type=TEXT)
@click.argument("second", type=TEXT)
@click.option(
    "--target", type=TEXT, help="Label or next token whose score is followed; by default the one the model prefers."
)
@click.option("--against", type=TEXT, help="Label or token that it is held against; by default all others.")
@click.option(
    "--draws", type=click.IntRange(100, 1_000_000), default=200, show_default=True, help="Random draws of heads."
)
@click.option("--seed", type=SEEDS, default=0, show_default=True, help="Seed of the draws.")
@click.option("--figure", type=FILE, help="Also draw the heads to this SVG or PNG file.")
@click.option("--truncate", is_flag=True, help="Cut a text that is too long for the model instead of refusing it.")
@click.option("--json", "as_json", is_flag=True, help="Print every number as JSON.")
@model_options
def pair(text: str, word: str, first: str, second: str, as_json: bool, **options: Any) -> None:
    """Show which heads attend between WORD and FIRST rather than WORD and SECOND, and test whether it matters.

    All heads that prefer the first pair lose that attention, and the decision is compared with what happens when as
    many heads drawn at random lose it. Of a word that stands in TEXT several times the first mention is meant; mat#2
    is the second.

    \b
    Example:
      interpret pair "The cat sat on the mat." cat sat mat
    """  # noqa: D301
    with errors_in_one_line():
        found = _pair(read_text(text, None), (word, first, second), **options)
    say(json.dumps(found) if as_json else _summary(found))


def _pair(
    text: str,
    words: tuple[str, str, str],
    *,
    target: str | None,
    against: str | None,
    draws: int,
    seed: int,
    figure: Path | None,
    truncate: bool,
    **options: Any,
) -> dict[str, Any]:
    if figure:
        _require_figure(figure)
    progress = progress_line()
    progress("loading the model")
    subject = load_text_subject(options)

    from analyses.heads.word_pairs import word_pairs

    example = subject.encode(text, truncate=truncate)
    subject, example, decision = subject.asked(example, target=target, against=against)
    word, first, second = words
    measured = word_pairs(subject, example, decision, word=word, first=first, second=second, draws=draws, seed=seed)
    if figure:
        from reports.figures.word_pairs import save_pair_figure

        save_pair_figure(measured, words, figure)
    progress("")
    return _found(measured, words, decision.question)


def _require_figure(path: Path) -> None:
    if path.suffix not in (".svg", ".png", ".pdf"):
        raise InputError(f"the figure's name must end in .svg, .png or .pdf, not as {path.name}")
    require_writable(path)


def _found(measured: "WordPairs", words: tuple[str, str, str], label: str) -> dict[str, Any]:
    return {
        "words": words,
        "decision": label,
        "first": measured.first.tolist(),
        "second": measured.second.tolist(),
        "preferring": int(measured.preferring.sum()),
        "heads": measured.preferring.numel(),
        "fall": measured.fall,
        "random": measured.random.tolist(),
        "p_value": measured.p_value,
        "caveats": list(measured.remarks),
    }


def _summary(found: dict[str, Any]) -> str:
    word, first, second = found["words"]
    lead = {
        (layer, head): (one, found["second"][layer][head])
        for layer, row in enumerate(found["first"])
        for head, one in enumerate(row)
        if one > found["second"][layer][head]
    }
    strongest = sorted(lead, key=lambda place: lead[place][1] - lead[place][0])[:SHOWN_HEADS]
    random = sorted(abs(fall) for fall in found["random"])
    lines = [
        f"{found['preferring']} of {found['heads']} heads put more on {word}-{first} than on {word}-{second}; "
        "the clearest, counted from 1:",
        *(
            f"  layer {layer + 1:2d} head {head + 1:2d}   {word}-{first} {lead[layer, head][0]:.3f}   "
            f"{word}-{second} {lead[layer, head][1]:.3f}"
            for layer, head in strongest
        ),
        f"without it in those heads the margin of “{shown(found['decision'])}” changes by "
        f"{-found['fall']:+.3f} logits; in as many random heads by up to {random[int(0.95 * len(random))]:.3f} "
        f"(95 % of draws), p = {found['p_value']:.3f}",
        *found["caveats"],
    ]
    return "\n".join(lines)
