"""Classes of results name, in one line with links, what they have from `Result` and `PlottedResult`."""

from typing import Any

from sphinx.application import Sphinx

from analyses.results.result import PlottedResult, Result

OF_ALL = {"summary": Result, "to_frame": Result, "save": Result}
OF_PLOTTED = {"plot": PlottedResult, "pictures": PlottedResult}
AFTER_NAPOLEON = 600  # which is at 500; from then on a docstring is reStructuredText


def name_inherited(app: Sphinx, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """Puts the line below the first paragraph of a result's docstring."""
    if what != "class" or not issubclass(found, Result) or found is Result:
        return
    named = OF_ALL | (OF_PLOTTED if issubclass(found, PlottedResult) and found is not PlottedResult else {})
    links = [f":py:meth:`~analyses.{base.__name__}.{method}`" for method, base in named.items()]
    line = f"And everything of :py:class:`~analyses.Result`: {', '.join(links)}."
    end = lines.index("") if "" in lines else len(lines)
    lines[end:end] = ["", line]


def setup(app: Sphinx) -> None:
    """Listens to docstrings once napoleon has read them."""
    app.connect("autodoc-process-docstring", name_inherited, priority=AFTER_NAPOLEON)
