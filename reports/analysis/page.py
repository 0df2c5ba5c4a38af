"""Report of an analysis: one self-contained HTML file that makes no requests."""

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from analyses.decision.schema import SCHEMA, AnalysisDict
from analyses.explanations.methods import about_method
from interpret.subjects.nouns import nouns_of
from reports.analysis import alignment, classic, findings, image_page, pooled, quote, token_grid, view, wording
from reports.analysis.excerpt import ShownAnalysis, excerpt
from reports.shared import charts, notation
from reports.shared.document import asset, environment, policy
from reports.shared.shades import largest, step_class, step_rules, switch_rules

_STYLES = ("page.css", "charts.css", "controls.css", "heads.css", "verdict.css", "classic.css", "print.css")
_MAPS = ("unpack.js", "attention.js", "choice.js", "spans.js")
_HEADS = ("row.js", "picture.js", "map.js", "arcs.js", "thumbnails.js", "order.js", "heads.js")
_SCRIPTS = ("page.js", "words.js", *_MAPS, *_HEADS, "rollout.js", "start.js")

_NAMES = {  # names that templates use
    "about_method": about_method,
    "alignment": alignment,
    "charts": charts,
    "classic": classic,
    "findings": findings,
    "pooled": pooled,
    "view": view,
    "wording": wording,
    "largest": largest,
    "step_class": step_class,
    "column": notation.column,
    "zip": zip,
}


def render(analysis: AnalysisDict) -> str:
    """Renders an analysis as a page; computes only formats, colours and positions of marks.

    For a long text it shows an excerpt, marked as such, and pooled attention.

    Args:
        analysis: Analysis from `Analysis.to_dict()` or `interpret analyze --json`.

    Returns:
        An HTML document. It makes no requests, and every text of the analysis is escaped.

    Raises:
        ValueError: The analysis has another schema.
    """
    if analysis.get("schema") != SCHEMA:
        raise ValueError(f'a page is made from an analysis of schema "{SCHEMA}", not {analysis.get("schema")!r}')
    kept = excerpt(_completed(analysis))
    shown = view.seen(kept)
    measures, image, sections = view.measures(shown), shown["image"], view.sections(kept)
    rules = (image_page.style_rules(image), asset(image_page.STYLE)) if image else token_grid.style_rules(shown)
    style = "\n".join((*map(asset, _STYLES), _switches(shown, measures), *rules, *pooled.style_rules(shown)))
    scripts = pooled.scripts(shown, _SCRIPTS)
    script = "\n".join(map(asset, (image_page.SCRIPT, *scripts) if image else scripts))
    return (
        environment()
        .get_template("page.html")
        .render(
            a=shown,
            sections=sections,
            quote=quote.quoted(shown, sections),
            tokens=[(position, view.token_text(shown["tokens"][position])) for position in shown["shown_tokens"]],
            measures=measures,
            nouns=nouns_of(shown["unit_kind"]),
            style=Markup(style),
            script=Markup(script),
            policy=policy(style, script, images=image is not None),
            data=Markup(_json(view.for_script(shown, measures))),
            **_NAMES,
            **_charts(shown),
        )
    )


def _completed(analysis: AnalysisDict) -> AnalysisDict:
    """Copies an analysis, with values for fields that files of earlier versions lack."""
    model, verdict, image = analysis["model"], analysis["verdict"], analysis.get("image")
    later: Any = {
        "image": None,
        "alignment": None,
        "left_out": {},
        "instead": "",
        "unit_kind": "patch" if image else "word",
        **analysis,
    }
    later["model"] = {"layer_kinds": ["layer"] * model["layers"], **model}
    later["decision"] = {"kind": "label", **analysis["decision"]}
    later["verdict"] = {"topics": ["data"] * len(verdict["because"]), **verdict}
    whole: AnalysisDict = later
    return whole


def _charts(analysis: ShownAnalysis) -> dict[str, Any]:
    faithfulness, margin = analysis["faithfulness"], analysis["decision"]["margin"]
    marks = [entry["comprehensiveness"]["margin"] for entry in faithfulness["maps"]]
    chance = charts.chance(faithfulness["random"]["comprehensiveness"]["margin"], marks)
    curves = [[margin, *entry["curve"]["margin"]] for entry in faithfulness["maps"]]
    random = faithfulness["random"]["curve"]
    return {
        "chance": chance,
        "falls": view.falls(analysis, chance.axis),
        "across": charts.Axis(0, max(1, *random["removed"])),
        "up": charts.axis_over([value for curve in (*curves, random["low"], random["high"]) for value in curve]),
    }


def _switches(analysis: ShownAnalysis, measures: list[view.Measure]) -> str:
    """Style rules that depend on the numbers of heads, maps and colourings."""
    curves = range(1, len(analysis["faithfulness"]["maps"]) + 1)
    return "\n".join(
        (
            f":root{{--heads:{int(analysis['model']['heads'])}}}",
            step_rules(),
            switch_rules("words", [entry["signed"] for entry in analysis["maps"]]),
            switch_rules("grid", [measure.signed for measure in measures]),
            *(_chosen("words", index, f".shown-{index}{{display:block}}") for index in range(len(analysis["maps"]))),
            *(_chosen("grid", index, f".shown-{index}{{display:block}}") for index in range(len(measures))),
            *(_chosen("curve", index, f".curve:not(.curve-{index}){{opacity:.25}}") for index in curves),
            *(_chosen("curve", index, f".curve-{index}{{stroke-width:4}}") for index in curves),
        )
    )


def _chosen(scope: str, index: int, rule: str) -> str:
    return f"#{scope}:has(#{scope}-{index}:checked) {rule}"


def _json(data: Mapping[str, object]) -> str:
    """Writes JSON that can't close the HTML element that contains it."""
    written = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
