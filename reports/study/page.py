"""Report of a study: one self-contained HTML file without scripts or requests."""

from collections.abc import Collection, Sequence

from markupsafe import Markup

from analyses.studies.evidence import in_short as evidence_in_short
from analyses.studies.look_back import in_short as look_back_in_short
from analyses.studies.schema import SCHEMA, Record, StudyDict
from reports.shared.document import asset, environment, policy
from reports.shared.shades import step_rules
from reports.study import classic as study_classic
from reports.study import ranking as study_ranking
from reports.study import sanity as study_sanity
from reports.study import view as study_view
from reports.study import wording as study_wording
from reports.study.charts import further_chart
from reports.study.cost_chart import cost_chart

_STYLES = ("page.css", "charts.css", "controls.css", "verdict.css", "study.css", "classic.css", "print.css")


def render_study(
    summary: StudyDict, records: Sequence[Record], *, linked: Collection[int] = (), command: str = ""
) -> str:
    """Renders a study as a page; computes only formats, colours, positions of marks and quartiles.

    Args:
        summary: Content of summary.json.
        records: Records of results.parquet, one for each text.
        linked: Row numbers of the texts that have their own report, at texts/row-N.html beside this page.
        command: Command that reproduces it; left out if empty.

    Returns:
        An HTML document. It makes no requests, and every text of the data is escaped.

    Raises:
        ValueError: The study has another schema.
    """
    if summary.get("schema") != SCHEMA:
        raise ValueError(f'a page is made from a study of schema "{SCHEMA}", not {summary.get("schema")!r}')
    shown = study_view.completed(summary)
    parts = study_view.parts(shown)
    style = "\n".join((*map(asset, _STYLES), f":root{{--heads:{study_view.head_count(shown)}}}", step_rules()))
    return (
        environment()
        .get_template("study_page.html")
        .render(
            s=shown,
            parts_shown=parts,
            rivals=study_view.rivals(shown),
            heads=study_view.head_grid(shown),
            distributions=study_view.distributions(shown, records),
            ends=study_view.ends(shown, records, linked),
            texts=study_view.table(shown, records),
            command=study_view.visible(command),
            classic=study_classic,
            evidence=evidence_in_short,
            look_back=look_back_in_short,
            look_back_chart=further_chart(shown["look_back"]) if "look_back" in shown else None,
            ranking=study_ranking,
            sanity=study_sanity,
            costs=None if shown["ranking"] is None else cost_chart(shown["ranking"]),
            view=study_view,
            wording=study_wording,
            style=Markup(style),
            policy=policy(style),
        )
    )
