"""Sentences and glossary of the page of an analysis, for readers who don't know transformers.

The constants have places for nouns, which `Nouns.say` fills in.
"""

from collections.abc import Mapping

from typing_extensions import ReadOnly, TypedDict

from analyses.decision.schema import DecidedDict
from interpret.subjects.nouns import Nouns, nouns_of
from reports.analysis.excerpt import ShownAnalysis
from reports.shared.charts import Chance
from reports.shared.notation import listed, number, p_value, percent

QUESTION = "Does attention show which {many} this decision depends on?"

ATTENTION = "Attention is where the model looks as it reads. An attention map shows it {one} by {one}."

ANSWERS = {
    "supported": "Yes, for this {whole} and as far as this test goes: {many} with larger weights move the decision "
    "more, and they do so through this attention.",
    "not supported": "No. For this {whole}, do not read the last layer’s weights as the reasons for the decision.",
    "inconclusive": "This {whole} can’t settle it. Until more is known, do not read the weights as reasons.",
}

FAMILIES = {
    "attention": "attention",
    "gradient": "gradients",
    "perturbation": "{one} removal",
    "baseline": "baselines that know nothing of the model",
}

GLOSSARY = {
    "attention": (
        "attention",
        "A transformer works on {a_whole} in positions, one for each {piece}. To update a position it mixes in "
        "what stands at other positions. The attention weights are the shares of that mix; for each position they add "
        "up to 100%. A large weight says where the model looked. It does not say that what it saw there mattered.",
    ),
    "layer": (
        "layer",
        "A transformer is a stack of layers. Each one reads what the one below it wrote and writes its own version "
        "of every position.",
    ),
    "head": (
        "head",
        "Each layer looks at the {whole} several times side by side. Each of these looks is a head and has attention "
        "weights of its own.",
    ),
    "map": (
        "map",
        "A map gives every {one} a number: how much it counted, according to one method. Attention maps show where the "
        "model looked. Gradient maps show how the score reacts when a {one} changes a little. Leave-one-out takes each "
        "{one} out and looks what happens. They often disagree.",
    ),
    "margin": (
        "logit margin",
        "The model gives every possible answer a raw score, a logit. The margin is the score of the answer in question "
        "less the best other score. Above 0 this answer wins; the larger, the more firmly. Unlike a probability, a "
        "margin does not get stuck near 100%.",
    ),
    "p-value": (
        "p-value",
        "How often chance does as well: the share of random orders of the {many} that move the decision at least as "
        "far as the map's order does. 0.03 means 3 in 100. A small one is hard to put down to luck; a large one is no "
        "evidence that the map is wrong. Each is that of one map by itself: of several, one may be lucky.",
    ),
    "comprehensiveness": (
        "comprehensiveness",
        "How far the margin falls, on average, when the {many} that a map ranks first are taken out. Large: those "
        "{many} mattered.",
    ),
    "sufficiency": (
        "sufficiency",
        "How far the margin falls, on average, when only the {many} that a map ranks first are left. Small: those "
        "{many} were enough.",
    ),
    "entropy": (
        "entropy",
        "How widely a head spreads its attention. 0: all on one position. 100% of the maximum: evenly over every "
        "position it may look at. In nats, the unit that comes with natural logarithms.",
    ),
    "separator": (
        "special token",
        "Models add {added}. Much attention often rests on these "
        "and on the first position, and says nothing about the {many}.",
    ),
    "rollout": (
        "attention rollout",
        "Multiplies attention layer by layer, to estimate which {many} a position's content came from. It ignores what "
        "is read and how it is changed on the way; it only follows the shares.",
    ),
    "cross-attention": (
        "cross-attention",
        "A translator has two stacks: one reads the source, the other writes the translation word by word. "
        "Cross-attention is where the second looks at what the first has made of the source.",
    ),
    "alignment error rate": (
        "alignment error rate",
        "How far the links between words are from those that people made. 0%: every sure link is found, and no link "
        "is there that people call impossible. 100%: none is right.",
    ),
    "tau": (
        "Kendall's tau",
        "Compares two orders of the same {many}. 1: the same order. 0: no relation. −1: reversed. {Many} with equal "
        "values are ties; a map with many ties cannot rank much.",
    ),
    "ablation": (
        "ablation",
        "Switching a part off to see what it does. A head's output is set to zero, or to its mean over the positions, "
        "and the model runs again. The gradient estimate guesses the same without running again.",
    ),
}


_REMOVALS = {
    "mask": "replaced by the model’s blank, the mask token",
    "delete": "left out of the {whole}",
    "mean": "painted over in the mean colour of the whole picture",
    "blur": "blurred until nothing as small as itself can be seen",
    "noisy linear": "filled in from the pixels around it, with a little noise",
}


class WithDecision(TypedDict):
    """An analysis, or one token of several.

    Attributes:
        decision: Its decision.
    """

    decision: ReadOnly[DecidedDict]


def is_causal(analysis: WithDecision) -> bool:
    """Returns whether the decision is a next token."""
    return analysis["decision"]["kind"] in ("next token", "target token")


def question(analysis: WithDecision) -> str:
    """Returns the label in quotes, with the one that it is held against, if there is one."""
    against = analysis["decision"].get("against")
    return f"‘{analysis['decision']['label']}’" + (f" rather than ‘{against}’" if against is not None else "")


def is_asked(analysis: WithDecision) -> bool:
    """Returns whether the user chose what is explained: a label that isn't the model's, or one of two."""
    decision = analysis["decision"]
    return decision["label"] != decision["predicted"] or "against" in decision


def decision_lead(analysis: WithDecision) -> str:
    """Returns the words before the label."""
    asked = is_asked(analysis)
    if is_causal(analysis):
        return "You asked about the next token" if asked else "The model’s next token is"
    if analysis["decision"]["kind"] == "label of a word":
        return "You asked about the boxed word as" if asked else "The model labels the boxed word"
    if _is_answer(analysis["decision"]):
        return "You asked about the answer" if asked else "The model’s answer is"
    return "You asked about" if asked else "The model decides"


def _is_answer(decision: Mapping[str, object]) -> bool:
    """Returns whether the decision is a span; older files say only where it stands."""
    return decision["kind"] == "span" or decision.get("place") is not None


def sureness(analysis: WithDecision) -> list[str]:
    """Describes the model's probability and margin, in sentences."""
    decision = analysis["decision"]
    if "against" in decision:
        return _sureness_of_two(decision)
    share, margin = percent(decision["probability"]), number(abs(decision["margin"]))
    labels = "this answer" if analysis["decision"]["kind"] == "span" else "this label"
    thing = "this token" if is_causal(analysis) else labels
    said = [f"It puts {share} on {thing}: its own estimate, not how often it is right."]
    if decision["label"] != decision["predicted"]:
        said[0] = f"The model prefers ‘{decision['predicted']}’. It puts {share} on the one you asked about."
        said.append(f"The margin is {number(decision['margin'])} logits: it trails the model’s choice by that much.")
    elif decision["margin"] > 0:
        said.append(f"The margin is {margin} logits: its score leads the next best by that much.")
    else:
        said.append("The margin is 0: another answer has the same score.")
    return said


def _sureness_of_two(decision: DecidedDict) -> list[str]:
    """Describes probability and margin where a label is held against one other."""
    share, margin = percent(decision["probability"]), number(abs(decision["margin"]))
    ahead = "leads" if decision["margin"] > 0 else "trails" if decision["margin"] < 0 else "equals"
    by = f" by {margin} logits" if decision["margin"] else ""
    return [
        f"Asked is why this one rather than ‘{decision['against']}’: of these two, the model puts {share} on it, "
        "whatever it puts on others.",
        f"Its score {ahead} that of ‘{decision['against']}’{by}; this difference is the margin.",
    ]


def _nouns(analysis: ShownAnalysis) -> Nouns:
    return nouns_of(analysis["unit_kind"])


def removal(analysis: ShownAnalysis) -> str:
    """Explains how words are taken out."""
    return f"“Taken out” means: {_nouns(analysis).say(_REMOVALS[analysis['faithfulness']['eraser']])}."


def top_words(analysis: ShownAnalysis) -> str:
    """Names the numbers of words taken out, such as "top 1, 2, 3 and 5 words"."""
    budgets, nouns = analysis["faithfulness"]["budgets"], _nouns(analysis)
    return f"top {listed([str(budget) for budget in budgets])} {nouns.many if budgets[-1] > 1 else nouns.one}"


def comparison(analysis: ShownAnalysis, chance: Chance) -> list[str]:
    """Compares the comprehensiveness of attention maps with chance and with other maps, in sentences."""
    families = {entry["method"]: entry["family"] for entry in analysis["maps"]}
    falls = {
        entry["method"]: (entry["comprehensiveness"]["margin"], entry["comprehensiveness"]["p_value"])
        for entry in analysis["faithfulness"]["maps"]
    }
    attention = [method for method in falls if families[method] == "attention"]
    nouns, said = _nouns(analysis), []
    if attention:
        parts = [f"by {number(falls[m][0])} for {m} (p = {p_value(falls[m][1])})" for m in attention]
        margin = number(analysis["decision"]["margin"])
        said.append(
            f"Without the {nouns.many} that attention ranks first, the margin of {margin} falls {listed(parts)}."
        )
    said.append(
        f"Without randomly chosen {nouns.many} it falls by {number(chance.middle)} in the middle case; nine times in "
        f"ten, the change is between {number(chance.low)} and {number(chance.high)}."
    )
    for family, name in (("gradient", "gradient map"), ("perturbation", "removal map"), ("baseline", "trivial order")):
        others = sorted((m for m in falls if families[m] == family), key=lambda method: -falls[method][0])
        if others:
            which = f"The {'best ' if len(others) > 1 else ''}{name}, {others[0]},"
            fall, p = falls[others[0]]
            said.append(f"{which} finds {nouns.many} without which it falls by {number(fall)} (p = {p_value(p)}).")
    return said
