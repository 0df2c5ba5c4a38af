"""Cost of an analysis: memory limit, estimate, and actual time and memory."""

import sys
from typing import TYPE_CHECKING, Any

import click

from interpret.cli.streams import tell

if TYPE_CHECKING:
    from analyses.planning.planned_and_taken import CostDict


class SizeType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """A size of memory, such as 4GB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Converts to bytes; fails for anything that isn't a size."""
        from interpret.errors import InputError
        from interpret.system.memory import parse_bytes

        try:
            return value if isinstance(value, int) else parse_bytes(str(value))
        except OverflowError:
            self.fail("this is more memory than there can be.", param, ctx)
        except InputError as error:
            self.fail(f"{error}.", param, ctx)


def show_plan(plan: Any) -> None:
    """Prints the plan on a terminal; nothing if standard error is piped."""
    if sys.stderr.isatty():
        tell(f"planned    {plan}")


def cost_line(run: "CostDict") -> str:
    """Summary line with the actual and planned time and memory."""
    from interpret.system.memory import shown_bytes, shown_seconds

    planned = run["planned"]
    return (
        f"took       {shown_seconds(run['seconds'])} and {shown_bytes(run['memory'])} of memory "
        f"(planned: {shown_seconds(planned['seconds'])} and {shown_bytes(planned['memory'])})"
    )
