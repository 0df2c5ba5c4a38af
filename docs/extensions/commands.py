"""Commands and reports: run when the site is built, in the working directory of the page's cells."""

import contextlib
import html
import shlex
import shutil
from pathlib import Path
from typing import ClassVar

from cells import page_of, text_below
from click.testing import CliRunner
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec

from interpret.cli import main


class Command(SphinxDirective):
    """A command line of `interpret`, with what it prints unless it is `silent`."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[OptionSpec] = {"silent": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Runs it, and returns what is shown."""
        line = self.arguments[0]
        program, *arguments = shlex.split(line)
        with contextlib.chdir(page_of(self.env).folder.name):
            done = CliRunner().invoke(main, arguments, prog_name="interpret")
        if program != "interpret" or done.exit_code:
            raise ExtensionError(f"{self.get_location()}: {line} failed\n{done.output}{done.exception!r}")
        code = nodes.literal_block(line, line, language="bash", classes=["cell-input"])
        return [code] if "silent" in self.options else [code, *text_below(done.stdout)]


class Report(SphinxDirective):
    """A link to a report that a command or a cell above wrote, which becomes part of the site."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Copies the report into the site, with what lies in its folder, and returns the link."""
        name, source = self.arguments[0], Path(page_of(self.env).folder.name)
        if not (source / name).is_file():
            raise ExtensionError(f"{self.get_location()}: nothing above wrote {name}")
        target = Path(self.env.app.outdir) / "reports"
        target.mkdir(parents=True, exist_ok=True)
        if (part := Path(name).parts[0]) == name:
            shutil.copy(source / name, target)
        else:
            shutil.copytree(source / part, target / part, dirs_exist_ok=True)
        href = "../" * self.env.docname.count("/") + f"reports/{name}"
        link = f'<p><a class="report" href="{html.escape(href)}">Open the report</a></p>'
        return [nodes.raw("", link, format="html")]


def setup(app: Sphinx) -> None:
    """Adds both directives."""
    app.add_directive("command", Command)
    app.add_directive("report", Report)
