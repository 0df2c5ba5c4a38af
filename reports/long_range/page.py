"""Report of a knockout: one self-contained HTML file without scripts or requests."""

from markupsafe import Markup

from analyses.long_range.schema import SCHEMA, KnockoutDict
from reports.analysis.view import has_long_label, has_stacks, number_in_stack, seen, short_name, stack
from reports.long_range import view, wording
from reports.shared.document import asset, environment, policy
from reports.shared.shades import step_rules

_STYLES = ("page.css", "charts.css", "controls.css", "verdict.css", "study.css", "print.css")
_FACES = {  # what templates that are shared with the page of an analysis ask of `view`
    "has_long_label": has_long_label,
    "has_stacks": has_stacks,
    "number_in_stack": number_in_stack,
    "short_name": short_name,
    "stack": stack,
}


def render_knockout(document: KnockoutDict) -> str:
    """Renders a knockout as a page; computes only formats, colours and positions of marks.

    Args:
        document: What `KnockoutReport.to_dict()` returns, or `interpret knockout --json` wrote.

    Returns:
        An HTML document. It makes no requests, and every text of the input is escaped.

    Raises:
        ValueError: The document has another schema.
    """
    if document.get("schema") != SCHEMA:
        raise ValueError(f'a page is made from a knockout of schema "{SCHEMA}", not {document.get("schema")!r}')
    shown = seen(document)
    style = "\n".join((*map(asset, _STYLES), f":root{{--heads:{int(shown['model']['heads'])}}}", step_rules()))
    return (
        environment()
        .get_template("knockout_page.html")
        .render(
            a=shown,
            quote=view.shortened(shown["text"]),
            grids=view.grids(shown),
            chart=view.look_chart(shown["look_back"]),
            heads=view.heads(shown),
            asked=view.asked(shown),
            view=_FACES,
            wording=wording,
            style=Markup(style),
            policy=policy(style),
        )
    )
