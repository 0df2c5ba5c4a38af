"""`llms.txt` and `llms-full.txt`: the site for language models, as https://llmstxt.org proposes."""

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx


def write_texts(app: Sphinx, error: Exception | None) -> None:
    """Writes an index of all pages, and all of their text."""
    if error is not None or app.builder.format != "html":
        return
    summary, index, whole = "", [], []
    for name in _in_order(app):
        tree = app.env.get_doctree(name)
        title = app.env.titles[name].astext()
        about = next((each.astext().replace("\n", " ") for each in tree.findall(nodes.paragraph)), "")
        summary = summary or about
        index.append(f"- [{title}]({name}.html): {about}")
        whole.append(f"# {title} ({name}.html)\n\n{_text_of(tree)}")
    start = f"# {app.config.project}\n\n> {summary}\n\n## Pages\n\n"
    (Path(app.outdir) / "llms.txt").write_text(start + "\n".join(index) + "\n", "utf-8")
    (Path(app.outdir) / "llms-full.txt").write_text("\n\n".join(whole) + "\n", "utf-8")


def _in_order(app: Sphinx) -> list[str]:
    """Names of pages in the order of the tables of contents."""
    names, pending = [], [app.config.root_doc]
    while pending:
        name = pending.pop(0)
        names.append(name)
        pending = [*app.env.toctree_includes.get(name, []), *pending]
    return names


def _text_of(tree: nodes.document) -> str:
    """Paragraphs, list items, titles and code of a page, without markup."""
    kinds = (nodes.title, nodes.paragraph, nodes.literal_block, nodes.doctest_block, nodes.math_block)
    parts = [node for node in tree.findall() if isinstance(node, kinds)]
    return "\n\n".join(part.astext() for part in parts)


def setup(app: Sphinx) -> None:
    """Writes both when the pages are done."""
    app.connect("build-finished", write_texts)
