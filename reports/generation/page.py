"""Report of a continuation: one HTML file that steps through its tokens."""

from dataclasses import replace

from markupsafe import Markup

from analyses.explanations.methods import about_method
from analyses.generation.schema import SCHEMA, StepsDict
from interpret.subjects.nouns import WORDS
from reports.analysis import findings, view, wording
from reports.generation import view as steps_view
from reports.shared.document import asset, environment, policy
from reports.shared.notation import column, visible
from reports.shared.shades import step_rules, switch_rules

PAGE_BYTES = 1_900_000
_STYLES = ("page.css", "charts.css", "controls.css", "verdict.css", "steps.css", "print.css")


def render_steps(found: StepsDict) -> str:
    """Renders the steps of a text as a page; computes only formats, colours and positions.

    Steps are chosen by radio buttons and shown by style rules, so that the page works without scripts; the script adds
    buttons and keys. Of very long texts the page shows as many tokens as fit into 2 MB, and says so.

    Args:
        found: Steps from `Steps.to_dict()` or `interpret analyze --json`.

    Returns:
        An HTML document. It makes no requests, and every text is escaped.

    Raises:
        ValueError: The steps have another schema.
    """
    if found.get("schema") != SCHEMA:
        raise ValueError(f'a page is made from steps of schema "{SCHEMA}", not {found.get("schema")!r}')
    shown = len(found["steps"])
    page = _page(found, shown)
    while len(page.encode()) > PAGE_BYTES and shown > 1:
        shown = max(1, int(0.9 * shown * PAGE_BYTES / len(page.encode())))
        page = _page(found, shown)
    return page


def _page(found: StepsDict, count: int) -> str:
    steps = [steps_view.step(found, index) for index in range(count)]
    style = "\n".join((*map(asset, _STYLES), _rules(found, count)))
    script = asset("steps.js")
    return (
        environment()
        .get_template("steps_page.html")
        .render(
            a=view.seen({key: value for key, value in found.items() if key not in ("steps", "text")}),
            steps=steps,
            left_out=len(found["steps"]) - count,
            counts=steps_view.answers(found),
            lead=steps_view.lead(found),
            columns=[visible(unit["text"]) for unit in found["units"][: max(each.units for each in steps)]],
            style=Markup(style),
            script=Markup(script),
            policy=policy(style, script),
            column=column,
            findings=findings,
            view=view,
            wording=wording,
            token_nouns=replace(WORDS, whole="token"),
            about_method=about_method,
        )
    )


def _rules(found: StepsDict, count: int) -> str:
    """Style rules that depend on the numbers of steps and maps."""
    maps = found["steps"][0]["maps"]
    return "\n".join(
        (
            step_rules(),
            switch_rules("words", [entry["signed"] for entry in maps]),
            *(f"#words:has(#words-{index}:checked) .shown-{index}{{display:block}}" for index in range(len(maps))),
            *(f"#words:has(#step-{index}:checked) .panel-{index}{{display:grid}}" for index in range(count)),
            *(
                f"#words:has(#step-{index}:checked) .line-{index}{{outline:2px solid var(--ink)}}"
                for index in range(count)
            ),
        )
    )
