"""Tables of the page on verdicts: thresholds from the rule, error rates from the table that comes with the package."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from cells import Html

from analyses.verdicts.thresholds import BARS, IDLE_SHARE
from reports.calibration.page import render_calibration
from reports.calibration.wording import answer, bounds, done, of_all, truths

TABLE: dict[str, Any] = json.loads((files("analyses.verdicts") / "table.json").read_text("utf-8"))
LONG = 40  # characters from which on a cell needs room
GROUPS = {"protocol": "families of the protocol", "others": "families that no threshold was chosen by"}


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    table = f'<table class="table"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'
    return Html(f'<div class="pst-scrollable-table-container">{table}</div>')


def _cell(text: str) -> str:
    return f"<td{' class=long' if len(text) > LONG else ''}>{escape(text)}</td>"


def thresholds() -> Html:
    """Floor and bar of each component, and what a failure means."""
    rows = [(name, f"{bars.floor:.2f}", f"{bars.bar:.2f}", bars.failure) for name, bars in BARS.items()]
    idle = ("idle heads", f"{IDLE_SHARE.floor:.2f} or more", f"under {IDLE_SHARE.bar:.2f}", IDLE_SHARE.failure)
    return _table(["component", "fails below", "holds above", "what a failure means"], [*rows, idle])


def summary() -> Html:
    """What was done and what came out, in sentences."""
    return Html(f"<p>{escape(done(TABLE))}</p><p>{escape(answer(TABLE))}</p>")


def overall() -> Html:
    """Error rates by what a verdict rests on."""
    rows = [
        (
            GROUPS[cell["group"]],
            f"{cell['examples']} texts" if cell["of"] == "study" else f"1 text, replacements from its {cell['source']}",
            of_all(cell["error"]),
            bounds(cell["error"]),
            f"{cell['error']['inconclusive']:,}",
        )
        for cell in TABLE["overall"]
    ]
    return _table(["models", "verdict from", "wrong", "rate (95 % interval)", "inconclusive"], rows)


def families() -> Html:
    """Verdicts on each family of models, from the most texts."""
    rows = []
    for family in TABLE["families"]:
        counts = family["study"][-1]
        verdicts = [f"{counts[name]}" for name in ("supported", "not_supported", "inconclusive")]
        rows.append((family["name"], family["because"], truths(family), *verdicts))
    head = ["family", "how it is built", "explains", "supported", "not supported", "inconclusive"]
    return _table(head, rows)


def write_report() -> None:
    """Writes the report of the calibration."""
    Path("calibration.html").write_text(render_calibration(TABLE), "utf-8")


def listed(sentences: Sequence[str]) -> Html:
    """Sentences as a list."""
    return Html(f"<ul>{''.join(f'<li>{escape(each)}</li>' for each in sentences)}</ul>")
