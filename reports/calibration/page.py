"""Report of a calibration: one self-contained HTML file without scripts or requests."""

from markupsafe import Markup

from analyses.calibration.schema import SCHEMA, CalibrationDict
from reports.calibration import terms as calibration_terms
from reports.calibration import view as calibration_view
from reports.calibration import wording as calibration_wording
from reports.shared.document import asset, environment, policy
from reports.shared.notation import visible

_STYLES = ("page.css", "charts.css", "controls.css", "verdict.css", "study.css", "calibration.css", "print.css")


def render_calibration(table: CalibrationDict, *, command: str = "") -> str:
    """Renders the tables of a calibration as a page; computes only formats and positions of marks.

    Args:
        table: Content of table.json.
        command: Command that reproduces it; left out if empty.

    Returns:
        An HTML document. It makes no requests.

    Raises:
        ValueError: The tables have another schema.
    """
    if table.get("schema") != SCHEMA:
        raise ValueError(f'a page is made from a calibration of schema "{SCHEMA}", not {table.get("schema")!r}')
    shown = calibration_view.completed(table)
    style = "\n".join(map(asset, _STYLES))
    return (
        environment()
        .get_template("calibration_page.html")
        .render(
            t=shown,
            rates=calibration_view.rates(shown),
            curves=calibration_view.curves(shown),
            metrics=calibration_view.metrics(shown),
            command=visible(command),
            view=calibration_view,
            terms=calibration_terms,
            wording=calibration_wording,
            style=Markup(style),
            policy=policy(style),
        )
    )
