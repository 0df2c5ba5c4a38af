"""Style of a grid of image tokens within a text."""

from reports.analysis.excerpt import ShownAnalysis
from reports.shared.document import asset


def style_rules(analysis: ShownAnalysis) -> tuple[str, ...]:
    """Returns style rules for an analysis's parts in a grid; empty without such parts."""
    columns = sorted({columns for part in analysis["parts"] if (columns := part.get("columns"))})
    rules = (f".columns-{count}{{--columns:{count}}}" for count in columns)
    return (asset("token_grid.css"), *rules) if columns else ()
