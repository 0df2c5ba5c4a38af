"""HTML of results for notebooks: plain tables with inline styles that read well on light and on dark pages."""

import base64
import io
import math
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import torch

from analyses.results.pictures import BarChart, Chart, HeatMap, ImageOverlay, LineChart, largest
from analyses.results.visible_text import visible
from analyses.results.wording import number

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_ROWS, MOST_COLUMNS = 40, 60
PAGE_HEIGHT = 720  # pixels of a report inside a notebook
_SUPPORT, _OPPOSE, _HEAT = "200,102,27", "63,126,196", "31,157,148"
_TABLE = "border-collapse:collapse;font-size:12px;margin:4px 0"
_CELL = "padding:2px 6px;text-align:right;white-space:nowrap;border:1px solid rgba(128,128,128,.25)"

_LINK_WITHIN = re.compile(r'(<a\b[^<>]*\bhref=")#')
_SENTENCE = "white-space:normal;min-width:18em;text-align:left"
_WRAPPED = 40  # characters from which on a cell has several lines


def summary_and_table(summary: Sequence[str], frame: "DataFrame") -> str:
    """Writes a summary, and the first rows of a table."""
    return f"<div>{_summary(summary)}{_frame(frame)}</div>"


def summary_and_picture(summary: Sequence[str], picture: Chart) -> str:
    """Writes a summary and a picture; lines become a table of their numbers."""
    return f"<div>{_summary(summary)}{_picture(picture)}</div>"


def framed_page(page: str, title: str) -> str:
    """Writes a whole page into a frame, where its own styles, scripts and security policy hold and nothing else's.

    Args:
        page: An HTML document.
        title: What it is, for those who can't see it.
    """
    # Links within the page would lead to the notebook's own address, which such a frame inherits.
    page = _LINK_WITHIN.sub(r"\1about:srcdoc#", page)
    return (
        f'<iframe srcdoc="{escape(page)}" title="{escape(visible(title))}" sandbox="allow-scripts" '
        f'style="width:100%;height:{PAGE_HEIGHT}px;border:1px solid rgba(128,128,128,.4);background:#fff"></iframe>'
    )


def _summary(lines: Sequence[str]) -> str:
    shown = "<br>".join(escape(line) for line in lines)
    return f'<div style="font-family:monospace;font-size:12px;white-space:pre-wrap">{shown}</div>'


def _frame(frame: "DataFrame") -> str:
    names, rows = list(frame.columns), frame.head(MOST_ROWS).itertuples(index=False)
    cells = [[_cell(_shown(value)) for value in row] for row in rows]
    left = len(frame) - MOST_ROWS
    return _table([_cell(name, head=True) for name in names], cells) + (
        _note(f"{left} more rows in to_frame()") if left > 0 else ""
    )


def _picture(picture: Chart) -> str:
    match picture:
        case HeatMap():
            return _heat_map(picture)
        case BarChart():
            return _bars(picture)
        case LineChart():
            rows = [[name, *map(number, heights)] for name, heights in picture.lines.items()]
            return _plain([f"{picture.measure} by {picture.axis}", *(f"{place:g}" for place in picture.places)], rows)
        case ImageOverlay():
            return _overlay(picture)


def _heat_map(picture: HeatMap) -> str:
    rows, columns = picture.rows[:MOST_ROWS], picture.columns[:MOST_COLUMNS]
    top = largest(picture)
    corner = " \\ ".join(filter(None, (picture.row, picture.column)))
    head = [_cell(corner, head=True), *(_cell(name, head=True) for name in columns)]
    cells = [
        [
            _cell(name, head=True),
            *(_cell(number(each), tint=_tint(each, top, picture.signed)) for each in row[: len(columns)]),
        ]
        for name, row in zip(rows, picture.values, strict=False)
    ]
    cut = len(picture.rows) - len(rows) or len(picture.columns) - len(columns)
    note = f"{picture.measure}; a part of it" if cut else picture.measure
    return _table(head, cells) + _note(note)


def _bars(picture: BarChart) -> str:
    top = largest(picture)
    pairs = list(zip(picture.names, picture.values, strict=True))[:MOST_ROWS]
    rows = [
        [
            _cell(name, head=True),
            _cell(number(each), tint=_tint(each, top, picture.signed)),
            _bar(each, top, picture.signed),
        ]
        for name, each in pairs
    ]
    left = len(picture.names) - len(pairs)
    head = [_cell(picture.axis, head=True), _cell(picture.measure, head=True), _cell("", head=True)]
    return _table(head, rows) + (_note(f"{left} more in to_frame()") if left > 0 else "")


def _overlay(picture: ImageOverlay) -> str:
    from PIL import Image

    share = (picture.heat / picture.top).clamp(0, 1)[..., None] if picture.top else picture.heat[..., None] * 0
    grey = picture.image.float().mean(dim=2, keepdim=True)
    tint = torch.tensor([float(part) for part in _HEAT.split(",")])
    content = io.BytesIO()
    Image.fromarray((grey + (tint - grey) * share).byte().cpu().numpy()).save(content, "PNG")
    data = base64.b64encode(content.getvalue()).decode("ascii")
    title = escape(visible(picture.title))
    return (
        f'<img alt="heat of {title}" style="max-width:320px" src="data:image/png;base64,{data}">{_note(picture.title)}'
    )


def _bar(value: float, top: float, signed: bool) -> str:
    width = round(120 * abs(value) / top) if math.isfinite(value) else 0
    bar = f'<div style="width:{width}px;height:9px;background:rgb({_colour(value, signed)})"></div>'
    return f'<td style="{_CELL};text-align:left">{bar}</td>'


def _tint(value: float | None, top: float, signed: bool) -> str:
    if value is None or not math.isfinite(value):
        return ""
    return f"background:rgba({_colour(value, signed)},{min(1.0, abs(value) / top) * 0.6:.2f})"


def _colour(value: float, signed: bool) -> str:
    return _HEAT if not signed else _OPPOSE if value < 0 else _SUPPORT


def _plain(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return _table([_cell(each, head=True) for each in head], [[_cell(each) for each in row] for row in rows])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<div style="overflow-x:auto"><table style="{_TABLE}"><tr>{"".join(head)}</tr>{body}</table></div>'


def _cell(text: str, *, head: bool = False, tint: str = "") -> str:
    kind, style = "th" if head else "td", _CELL if len(text) < _WRAPPED else f"{_CELL};{_SENTENCE}"
    return f'<{kind} style="{style};{tint}">{escape(visible(text))}</{kind}>'


def _note(text: str) -> str:
    return f'<div style="font-size:12px;opacity:.75">{escape(visible(text))}</div>'


def _shown(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)
