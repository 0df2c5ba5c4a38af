"""A grid of image tokens inside a text: a cell for each, where words stand in a line."""

from typing import Any

from reports.shared.document import asset


def style_rules(analysis: dict[str, Any]) -> tuple[str, ...]:
    """Style rules for the parts of an analysis that stand in a grid; none where there are no such parts."""
    columns = sorted({int(part["columns"]) for part in analysis["parts"] if part.get("columns")})
    rules = (f".columns-{count}{{--columns:{count}}}" for count in columns)
    return (asset("token_grid.css"), *rules) if columns else ()
