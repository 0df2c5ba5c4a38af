"""An analysis as a whole, and its page."""

from collections.abc import Callable
from typing import Any

from analyses.decision.analyze import analyze
from benchmarks.ours.models import Settings, example_of, load
from interpret import recording
from reports.analysis.page import render


def analyzed(settings: Settings) -> Callable[[], str]:
    """From a text to the verdict."""
    subject = load(settings)
    text = example_of(subject, settings["tokens"]).text
    return lambda: analyze(subject, text, effort="quick").verdict.answer


def page(settings: Settings) -> Callable[[], dict[str, Any]]:
    """The size of a report in bytes, and one row of attention to compare."""
    subject = load(settings)
    example = example_of(subject, settings["tokens"])
    written = render(analyze(subject, example, effort="quick").to_dict())
    with recording(subject.model) as record:
        subject.logits(example.ids[None])
    found = {"bytes": len(written.encode()), "row": record.row(0, 0, 5).tolist()}
    return lambda: found
