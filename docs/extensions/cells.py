"""Code cells: Python of a page that runs when the site is built, with what it gives below.

A page's cells share one namespace and one empty working directory, as in a notebook. An error, or a warning, ends the
build. The pages are notebooks in MyST Markdown, which Jupyter opens with jupytext.
"""

import ast
import contextlib
import io
import os
import tempfile
import traceback
import warnings
from typing import Any, ClassVar

import matplotlib
from docutils import nodes
from docutils.parsers.rst import directives
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import OptionSpec


class Html:
    """HTML that a cell shows as it is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_html_(self) -> str:
        return self.text


class Page:
    """Namespace and working directory that the cells of one page share."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.folder = tempfile.TemporaryDirectory()

    def run(self, source: str) -> tuple[str, Any]:
        """Runs a cell; returns what it printed, and the value of its last expression."""
        tree, value = ast.parse(source), None
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        printed = io.StringIO()
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed), contextlib.chdir(self.folder.name):
            warnings.simplefilter("error")
            exec(compile(tree, "<cell>", "exec"), self.names)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), self.names)
        return printed.getvalue(), value


def page_of(env: BuildEnvironment) -> Page:
    """The page that is being read."""
    if "cells" not in env.current_document:
        env.current_document["cells"] = Page()
    page: Page = env.current_document["cells"]
    return page


class Cell(SphinxDirective):
    """A code cell; `remove-input` among its tags hides the code, `raises-exception` expects an error."""

    has_content = True
    optional_arguments = 1
    option_spec: ClassVar[OptionSpec] = {"tags": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Returns the code and what it gives."""
        source, tags = "\n".join(self.content), self.options.get("tags", "")
        page = page_of(self.env)
        shown: list[nodes.Node] = []
        if "remove-input" not in tags:
            shown.append(nodes.literal_block(source, source, language="python", classes=["cell-input"]))
        try:
            printed, value = page.run(source)
        except Exception as error:
            if "raises-exception" not in tags:
                raise ExtensionError(f"{self.get_location()}: a cell failed\n{traceback.format_exc()}") from error
            printed, value = f"{type(error).__name__}: {error}", None
        return [*shown, *(text_below(printed) if printed else []), *_displayed(value)]


def _displayed(value: Any) -> list[nodes.Node]:
    """A value as a notebook would show it: its HTML, its drawing, or its text."""
    if value is None:
        return []
    if isinstance(value, Axes):
        value = value.figure
    if isinstance(value, Figure):
        pyplot.close(value)
        return [nodes.raw("", f'<div class="cell-output figure">{_svg(value)}</div>', format="html")]
    if hasattr(value, "_repr_html_"):
        return [nodes.raw("", f'<div class="cell-output">{value._repr_html_()}</div>', format="html")]
    return text_below(repr(value))


def text_below(text: str) -> list[nodes.Node]:
    """What a cell or a command printed."""
    text = text.rstrip("\n")
    return [nodes.literal_block(text, text, language="none", classes=["cell-output"])]


def _svg(figure: Any) -> str:
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    return f"<svg{drawn.getvalue().partition('<svg')[2]}"


def setup(app: Sphinx) -> None:
    """Adds the directive, and keeps what the cells run offline and on one core."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    matplotlib.use("agg")
    app.add_directive("code-cell", Cell)
