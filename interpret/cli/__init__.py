"""The command line: each command parses, calls and prints, and imports heavy modules only when it runs."""

import sys
from typing import Any

import click

from interpret.cli.signals import ended_by_signals, interrupted_without_a_word

with interrupted_without_a_word():
    from interpret.cli.analyze import analyze
    from interpret.cli.calibrate import calibrate
    from interpret.cli.doctor import doctor
    from interpret.cli.knockout import knockout
    from interpret.cli.pair import pair
    from interpret.cli.streams import BadInput, open_streams, printing
    from interpret.cli.study import study


class Commands(click.Group):
    """Command group that ends in one line also on a wrong option, a signal or an unwritable output."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Runs the given command, and ends the process."""
        open_streams()
        with ended_by_signals():
            try:
                with printing():  # click's own text, such as help
                    return super().main(*arguments, **options)
            except BadInput as refusal:
                refusal.show()
                sys.exit(refusal.exit_code)

    def invoke(self, context: click.Context) -> Any:
        """Runs the given command."""
        try:
            return super().invoke(context)
        except click.UsageError as error:
            command = " ".join(filter(None, ("interpret", context.invoked_subcommand)))
            raise BadInput(f"{error.format_message().rstrip('.')}; see {command} --help") from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="interpret-attention", prog_name="interpret")
def main() -> None:
    """Does attention explain what a transformer decided?

    Captures attention, computes what people read from it, and tests each explanation against what really moves the
    decision.

    Exit codes: 0 done, 2 something given can't be used, 3 done but a self-check failed.
    """


main.add_command(analyze)
main.add_command(pair)
main.add_command(knockout)
main.add_command(study)
main.add_command(calibrate)
main.add_command(doctor)
