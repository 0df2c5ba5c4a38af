"""Pages of documents: the one way from a result up to the report that shows it."""

from collections.abc import Mapping
from importlib import import_module

# Reports lie above analyses, which never import them. A notebook asks a result for its page all the same, so the
# function that renders a document is found here by the document's schema, and only when a page is asked for.
_PAGES = {
    "interpret-attention/analysis/3": ("reports.analysis.page", "render"),
    "interpret-attention/steps/2": ("reports.generation.page", "render_steps"),
    "interpret-attention/knockout/1": ("reports.long_range.page", "render_knockout"),
}


def page_of(document: Mapping[str, object]) -> str:
    """Renders a document as an HTML page.

    Args:
        document: What `to_dict` returns, with its schema.
    """
    module, function = _PAGES[str(document["schema"])]
    page: str = getattr(import_module(module), function)(document)
    return page
