"""Data of an analysis for the page's template."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

from typing_extensions import TypedDict

from analyses.explanations.attribution import AttributionOfUnits, Family
from analyses.explanations.built_in import LEAVE_ONE_OUT
from analyses.explanations.faithfulness_schema import FaithfulnessOfMap
from interpret.subjects.nouns import nouns_of
from reports.analysis import pooled
from reports.analysis.excerpt import ShownAnalysis, order
from reports.analysis.wording import WithDecision
from reports.shared.charts import Axis
from reports.shared.notation import column, percent, visible
from reports.shared.shades import LETTERS, largest, step_class

Part = TypeVar("Part")
TOP = 3  # words that the first screen marks


@dataclass(frozen=True)
class Piece:
    """Piece of the text: a unit, or the text between two units.

    Attributes:
        text: Text to display.
        unit: Index of the unit, or `None` between units.
        is_answer: Whether it is a part of the label.
        left_out: Number of words that the piece replaces, if they aren't shown.
        columns: Number of cells in a row, if it is a cell of a grid.
    """

    text: str
    unit: int | None = None
    is_answer: bool = False
    left_out: int = 0
    columns: int | None = None


@dataclass(frozen=True)
class Measure:
    """Measure that colours the grid of heads.

    Attributes:
        name: Label of its button.
        meaning: Its meaning, in one sentence.
        rows: Values, `[layer][head]`.
        signed: Whether negative values have another colour.
        share: Whether values are shares, written as percentages.
    """

    name: str
    meaning: str
    rows: Sequence[Sequence[float | None]]
    signed: bool = False
    share: bool = False

    @cached_property
    def top(self) -> float:
        """Value with the darkest colour."""
        return 1.0 if self.share else largest([value for row in self.rows for value in row])

    @cached_property
    def written(self) -> Callable[[float | None], str]:
        """Formatter of its values."""
        return percent if self.share else column(value for row in self.rows for value in row)


def seen(value: Part) -> Part:
    """Copies (a part of) a document with every character made visible, also in names of fields."""
    shown: Part = _seen(value)
    return shown


def _seen(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(key): part if key == "data" else _seen(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_seen(part) for part in value]
    return value


def sections(analysis: Mapping[str, Any]) -> list[tuple[str, list[Piece]]]:
    """Returns the texts of the raw analysis by name, in pieces; a single text has no name.

    The analysis may be one of a single token, which has fewer fields. For an image or a grid of image tokens the
    pieces are its cells, without text between them.
    """
    if analysis.get("image"):
        return [("", [Piece(visible(unit["text"]), index) for index, unit in enumerate(analysis["units"])])]
    parts = analysis["parts"] or [{"name": "", "start": 0}]
    bounds = [0, *(part["start"] for part in parts[1:]), len(analysis["text"])]
    return [
        (
            part["name"],
            (_cells(analysis, columns, *span) if (columns := part.get("columns")) else _pieces(analysis, *span)),
        )
        for part, span in zip(parts, pairwise(bounds), strict=True)
    ]


def _cells(analysis: Mapping[str, Any], columns: int, start: int, stop: int) -> list[Piece]:
    units = enumerate(analysis["units"])
    return [
        Piece(visible(unit["text"]), index, columns=columns) for index, unit in units if start <= unit["start"] < stop
    ]


def _pieces(analysis: Mapping[str, Any], start: int, stop: int) -> list[Piece]:
    text, place, found = analysis["text"], start, []
    first, last = analysis["decision"]["place"] or (0, 0)
    for index, unit in enumerate(analysis["units"]):
        if not start <= unit["start"] < stop:
            continue
        if unit.get("skipped"):
            found.append(gap(unit["skipped"]))
        elif unit["start"] > place:
            found.append(Piece(_broken_lines(text[place : unit["start"]])))
        is_answer = first <= unit["start"] and unit["end"] <= last
        found.append(Piece(visible(unit["text"]), index, is_answer))
        place = max(place, unit["end"])
    rest = text[place:stop].removesuffix("\n") if stop < len(text) else text[place:stop]
    return [*found, Piece(_broken_lines(rest))] if rest else found


def gap(words: int) -> Piece:
    """Makes the piece that replaces words that aren't shown."""
    return Piece(f" […\u00a0{words:,}\u00a0word{'s' if words > 1 else ''} not shown\u00a0…] ", left_out=words)


def _broken_lines(gap: str) -> str:
    return visible(gap).replace("↵", "↵\n")


def has_stacks(analysis: ShownAnalysis) -> bool:
    """Returns whether layers are of several kinds, such as encoder and decoder."""
    return len(set(analysis["model"]["layer_kinds"])) > 1


def stack(analysis: ShownAnalysis, layer: int) -> str:
    """Returns the kind of a layer: "Layer", or "Encoder", "Decoder" or "Cross"."""
    kind: str = analysis["model"]["layer_kinds"][layer]
    return kind.capitalize()


def number_in_stack(analysis: ShownAnalysis, layer: int) -> str:
    """Returns a layer's number among those of its kind, from 1."""
    kinds = analysis["model"]["layer_kinds"]
    return str(kinds[: layer + 1].count(kinds[layer]))


def has_long_label(analysis: WithDecision) -> bool:
    """Returns whether the labels are too long for one row."""
    decision = analysis["decision"]
    return len(decision["label"]) > 12 or max(len(label) for label, _ in decision["alternatives"]) > 20


def short_name(name: str) -> str:
    """Shortens a model's name for the page's header: a path to its last part."""
    parts = name.replace("\\", "/").rstrip("/").split("/")
    return parts[-1] if len(parts) > 2 else name


def token_text(token: str) -> str:
    """Formats a token for a chip, with empty tokens and lone spaces made visible."""
    if not token.strip():
        return visible(token).replace(" ", "␣") or "⟨empty⟩"
    return visible(token)


def decision_position(analysis: ShownAnalysis) -> int:
    """Returns the position with the largest weight in the readout."""
    readout = analysis["decision"]["readout"]
    return max(range(len(readout)), key=lambda position: readout[position])


def marked_words(analysis: ShownAnalysis) -> dict[str, tuple[str, set[int]]]:
    """Returns the top words of the first attention map and of leave-one-out, by family."""
    marked = {}
    entries: dict[str, AttributionOfUnits | None] = {
        "attention": next((entry for entry in analysis["maps"] if entry["family"] == "attention"), None),
        "perturbation": next((entry for entry in analysis["maps"] if entry["method"] == LEAVE_ONE_OUT), None),
    }
    for family, entry in entries.items():
        if entry:
            first = order(entry["scores"])[:TOP]
            marked[family] = (entry["method"], {unit for unit in first if entry["scores"][unit] > 0})
    return marked


class Fall(TypedDict):
    """One map in the chart on the first screen.

    Attributes:
        entry: Its faithfulness.
        family: Its family.
        fall: Fall of the margin, in logits.
        at: Its place on the axis.
    """

    entry: FaithfulnessOfMap
    family: Family
    fall: float
    at: float


def falls(analysis: ShownAnalysis, axis: Axis) -> list[Fall]:
    """Returns one row for each map in the chart on the first screen."""
    families = {entry["method"]: entry["family"] for entry in analysis["maps"]}
    rows: list[Fall] = []
    for entry in analysis["faithfulness"]["maps"]:
        fall = entry["comprehensiveness"]["margin"]
        family = families.get(entry["method"], "gradient")
        rows.append({"entry": entry, "family": family, "fall": fall, "at": axis.at(fall)})
    return rows


def measures(analysis: ShownAnalysis) -> list[Measure]:
    """Returns the measures that can colour the grid of heads."""
    heads, entropy, patterns = analysis["heads"], analysis["attention"]["entropy"], analysis["attention"]["patterns"]
    fall = "How far the margin falls, in logits, "
    share = "Share of the head’s attention that goes to "
    spread = "How widely the head spreads its attention: entropy as a share of the largest possible."
    nats = "Entropy of the head’s attention, in nats: 0 when all of it is on one position."
    return [
        Measure("Switched off", f"{fall}when the head writes nothing (zero ablation).", heads["zero"], signed=True),
        Measure("Set to its mean", f"{fall}when the head writes its mean instead.", heads["mean"], signed=True),
        Measure("Gradient estimate", f"{fall}by a first-order estimate.", heads["gradient"], signed=True),
        Measure("Spread", spread, entropy["share"], share=True),
        Measure("Entropy, nats", nats, entropy["nats"]),
        Measure("To previous", f"{share}the position before.", patterns["previous"], share=True),
        Measure("To next", f"{share}the position after.", patterns["next"], share=True),
        Measure("To first", f"{share}the first position.", patterns["first"], share=True),
        Measure("To special", f"{share}special tokens.", patterns["separator"], share=True),
    ]


def cell_classes(chosen: Sequence[Measure], layer: int, head: int) -> str:
    """Returns the CSS classes of one head in every colouring."""
    names = [step_class(LETTERS[index], one.rows[layer][head], one.top) for index, one in enumerate(chosen)]
    return " ".join(name for name in names if name)


def word_classes(maps: Sequence[AttributionOfUnits], unit: int) -> str:
    """Returns the CSS classes of one word in the colouring of every map."""
    names = [
        step_class(LETTERS[index], entry["scores"][unit], largest(entry["scores"])) for index, entry in enumerate(maps)
    ]
    return " ".join(name for name in names if name)


def part_tokens(analysis: ShownAnalysis) -> list[dict[str, Any]]:
    """Returns each text's name, its first token and one past its last; special tokens go with the text before them."""
    units, parts, count = analysis["units"], analysis["parts"], len(analysis["tokens"])
    starts = [part["start"] for part in parts[1:]]
    firsts = [min((unit["tokens"][0] for unit in units if unit["start"] >= start), default=count) for start in starts]
    bounds = zip(parts, [0, *firsts], [*firsts, count], strict=False)
    return [{"name": part["name"], "first": first, "end": end} for part, first, end in bounds if first < end]


def for_script(analysis: ShownAnalysis, chosen: Sequence[Measure]) -> dict[str, object]:
    """Returns the part of an analysis that the script reads, with displayable texts."""
    maps = [{key: entry[key] for key in ("method", "signed", "scores", "ranks")} for entry in analysis["maps"]]
    image, nouns = analysis["image"], nouns_of(analysis["unit_kind"])
    parts: dict[str, object] = {
        "sinks": sorted({0, *analysis["separators"]}),
        "sinkMass": analysis["attention"]["sink_mass"],
        "position": decision_position(analysis),
        "causal": analysis["model"]["causal"],
        "units": [visible(unit["text"]) for unit in analysis["units"]],
        "words": analysis["words"],
        "maps": maps,
        "rollout": analysis["rollout"]["layers"],
        "totals": analysis["rollout"]["totals"],
        "layers": [name.capitalize() for name in analysis["model"]["layer_names"]],
        "measures": [{"name": one.name, "share": one.share, "rows": one.rows} for one in chosen],
        "weights": analysis["attention"]["weights"],
        "parts": [] if has_stacks(analysis) or pooled.is_pooled(analysis) else part_tokens(analysis),
        "tokens": [] if pooled.is_pooled(analysis) else [token_text(token) for token in analysis["tokens"]],
        **(pooled.for_script(analysis) if pooled.is_pooled(analysis) else {}),
        "picture": image is not None,
        "columns": 1 if image is None else image["columns"],
        "names": {"one": nouns.one, "many": nouns.many, "whole": nouns.whole},
    }
    return {name: _short(part) for name, part in parts.items()}


def _short(value: Any) -> Any:
    """Rounds numbers to six significant digits, to save space."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _short(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_short(part) for part in value]
    return value
