"""Plan, progress and cost of a command; silent if standard error is piped, so that an error stays one line."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from interpret.cli.streams import ERASED, silence, tell

if TYPE_CHECKING:
    from analyses.planning.plan import CostDict


def progress_line() -> Callable[[str], None]:
    """Returns a function that shows the current step on one line, and erases it on an empty step."""
    if not sys.stderr.isatty():
        return lambda step: None

    def show(step: str) -> None:
        try:
            click.echo(f"{ERASED}{step}{' ...' if step else ''}", nl=False, err=True)
        except OSError:  # the terminal is gone; the work goes on
            silence(sys.stderr)

    return show


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Yields a function to call with the steps done and all steps; the bar appears at its first call."""
    if not sys.stderr.isatty():
        yield lambda done, steps: None
        return
    bar = click.progressbar(range(1), label=label, file=sys.stderr)

    def show(done: int, steps: int) -> None:
        bar.length = steps
        if not bar.entered:
            bar.__enter__()
        bar.update(done - bar.pos)

    try:
        yield show
    finally:
        if bar.entered:
            bar.__exit__(None, None, None)


def show_plan(plan: Any) -> None:
    """Prints the plan on a terminal; nothing if standard error is piped."""
    if sys.stderr.isatty():
        tell(f"planned    {plan}")


def cost_line(run: "CostDict", whole: float | None = None) -> str:
    """Summary line with the actual and planned time and memory.

    Args:
        run: What was planned, and what it took.
        whole: Seconds of the whole command, if what was planned is a part of it: the measuring.
    """
    from interpret.system.memory import shown_bytes, shown_seconds

    planned, took = run["planned"], shown_seconds(run["seconds"])
    if whole is not None:
        took = f"{shown_seconds(whole)} in all, {took} of it for measuring,"
    return (
        f"took       {took} and {shown_bytes(run['memory'])} of memory "
        f"(planned: {shown_seconds(planned['seconds'])} and {shown_bytes(planned['memory'])})"
    )
