"""Tutorials as Jupyter notebooks beside the pages, without outputs."""

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADER = re.compile(r"\A---\n.*?^---\n", re.MULTILINE | re.DOTALL)


IN_A_NOTEBOOK = {  # what only the site knows, as Markdown that Jupyter shows
    r"^```\{command\} ([^\n]*)\n(?::\w+:\n)*```$": r"```bash\n\1\n```",
    r"^```\{report\} [^\n]*\n```$": "",
    r"\]\(([^):]+)\.md(#[^)]*)?\)": r"](\1.html\2)",
}


def notebook_of(page: str) -> dict[str, Any]:
    """A page of MyST Markdown as a notebook: text and code in turn."""
    page = HEADER.sub("", page)
    for known, shown in IN_A_NOTEBOOK.items():
        page = re.sub(known, shown, page, flags=re.MULTILINE)
    parts = CELL.split(page)
    cells = []
    for place, part in enumerate(parts):
        source = re.sub(r"\A(:\w+:.*\n)+\n?", "", part).strip()
        if source and place % 2:
            cells.append({"cell_type": "code", "source": source, "outputs": [], "execution_count": None})
        elif source:
            cells.append({"cell_type": "markdown", "source": source})
    cells = [{**cell, "id": f"cell-{place}", "metadata": {}} for place, cell in enumerate(cells)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def write_notebooks(app: Sphinx, error: Exception | None) -> None:
    """Writes one beside each page of `tutorials/`."""
    if error is None and app.builder.format == "html":
        for page in sorted((Path(app.srcdir) / "tutorials").glob("[0-9]*.md")):
            made = notebook_of(page.read_text("utf-8"))
            target = Path(app.outdir) / "tutorials" / f"{page.stem}.ipynb"
            target.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", "utf-8")


def link_notebook(app: Sphinx, tree: nodes.document) -> None:
    """Puts a link to its notebook below the title of a tutorial."""
    folder, _, name = app.env.docname.rpartition("/")
    if folder == "tutorials" and name[0].isdigit():
        link = f'<p><a href="{name}.ipynb" download>Download as a notebook</a></p>'
        next(tree.findall(nodes.section)).insert(1, nodes.raw("", link, format="html"))


def setup(app: Sphinx) -> None:
    """Writes notebooks when the pages are done."""
    app.connect("doctree-read", link_notebook)
    app.connect("build-finished", write_notebooks)
