"""Sentences of the page of a study, for non-specialists."""

from collections.abc import Sequence

from analyses.studies.schema import StudyComponentDict, StudyDict
from analyses.verdicts.verdict import FEWEST_EXAMPLES
from reports.analysis.components import PARTS, SIDES, ComponentInWords, method_tested, parts_of
from reports.shared.notation import listed, percent, sentence
from reports.shared.side_by_side import decimals
from reports.study.terms import ANSWERS, ANSWERS_OF_METHODS, BASELINES, GLOSSARY, QUESTION, QUESTION_OF_METHODS

__all__ = ["GLOSSARY", "PARTS", "SIDES"]


def tested(summary: StudyDict) -> str:
    """Returns what a study tests, in a word: attention, or the name of a method."""
    return method_tested(summary) or "attention"


def question(summary: StudyDict) -> str:
    """Returns the question that a study asks, about attention or the method that it tests."""
    method = method_tested(summary)
    return QUESTION_OF_METHODS.format(method) if method else QUESTION


def plain_answer(summary: StudyDict) -> str:
    """Returns what the answer means to a reader."""
    return (ANSWERS_OF_METHODS if method_tested(summary) else ANSWERS)[summary["verdict"]["answer"]]


def reasons(summary: StudyDict) -> list[tuple[str, str]]:
    """Returns the reasons of the answer: pairs of "against", "open", "in favour" or "", and a sentence."""
    components, parts = summary["verdict"]["components"], parts_of(summary)
    told = zip(summary["verdict"]["topics"], summary["verdict"]["because"], strict=True)
    others = [line for topic, line in told if topic not in parts]
    label = SIDES["fails"] if summary["verdict"]["answer"] == "not supported" else ""
    said = [(label, sentence(line)) for line in others]
    for side in ("fails", "open"):
        said += [(SIDES[side], _reason(each, parts[each["name"]])) for each in components if each["side"] == side]
    holding = [parts[each["name"]].holds for each in components if each["side"] == "holds"]
    if holding:
        said.append((SIDES["holds"], sentence(listed(holding))))
    return said


def _reason(component: StudyComponentDict, part: ComponentInWords) -> str:
    if component["side"] == "open" and component["doubt"]:
        return f"{part.question} {sentence(component['doubt'])}"
    if component["mean"] is None:
        return f"{part.question} No text has a value."
    limits = f"below {part.bar(component['floor'])} would count against, above {part.bar(component['bar'])} in favour"
    said = part.meaning.format(part.written(component["mean"]))
    if component["side"] == "fails":
        return f"{part.fails} {said}"
    if component["high"] is not None and component["high"] < component["floor"]:
        limits = f"below {part.bar(component['floor'])}, but of so many parts not surely enough to count against"
    undefined = f" It has no value on {component['undefined']} texts." if component["undefined"] else ""
    return f"{part.question} {said[:-1]} ({limits}).{undefined}"


def needed(summary: StudyDict) -> str:
    """Describes the number of texts that would settle an open answer."""
    verdict = summary["verdict"]
    if verdict["answer"] != "inconclusive":
        return ""
    if verdict["needed"]:
        return f"About {verdict['needed']:,} texts would settle it, if they are like these."
    if any(
        each["side"] == "open" and each["mean"] is not None and each["floor"] <= each["mean"] <= each["bar"]
        for each in verdict["components"]
    ):
        return (
            "More texts alone would not settle it: a mean lies between the two thresholds itself, not only its bounds."
        )
    return ""


def idle(summary: StudyDict) -> str:
    """Describes the idle heads."""
    heads = summary["verdict"]["heads"]
    limits = ""
    if heads["floor"] is not None:
        limits = f" From {heads['floor']:.0%} on that counts against; in favour, it takes less than {heads['bar']:.0%}."
    if not heads["idle"]:
        return "No head of the displayed layer was found that the decision ignores."
    names = listed([str(head + 1) for head in heads["idle"]])
    one = len(heads["idle"]) == 1
    return (
        f"The decision ignores head{'' if one else 's'} {names} of the displayed layer. "
        f"{'It makes' if one else 'They make'} up {percent(heads['share'])} of the attention that is displayed.{limits}"
    )


def sensitivity(summary: StudyDict) -> str:
    """Describes whether the answer depends on the thresholds."""
    if summary["verdict"]["examples"] < FEWEST_EXAMPLES:
        return f"No threshold gives an answer from fewer than {FEWEST_EXAMPLES} texts."
    answers = {answer for _, answer in summary["verdict"]["sensitivity"]}
    if len(answers) == 1:
        return "The answer is the same for all of these, so it does not hang on where exactly the thresholds are."
    return "The answer is not the same for all of these, so it hangs on where the thresholds are."


def rivalry(summary: StudyDict) -> list[str]:
    """Compares what is tested with each trivial baseline, in a sentence each."""
    said, ranking = [], tested(summary)
    ranking = ranking[:1].upper() + ranking[1:]
    for name, entry in summary["baselines"].items():
        lead, title = entry["lead"], BASELINES[name][0]
        if lead["mean"] is None or lead["low"] is None or lead["high"] is None:
            said.append(f"{ranking} can’t be compared with {title}: too few texts have both values.")
            continue
        bounds = f"(95% bounds {decimals(lead['low'])} to {decimals(lead['high'])})"
        size = decimals(abs(lead["mean"]))
        if lead["low"] > 0:
            said.append(f"{ranking} ranks the words better than {title} does, by {size} {bounds}.")
        elif lead["high"] < 0:
            said.append(f"{ranking} ranks the words worse than {title} does, by {size} {bounds}.")
        else:
            said.append(f"{ranking} ranks the words neither clearly better nor worse than {title} does {bounds}.")
    return said


def direction(name: str, signs: Sequence[int]) -> str:
    """Describes the direction in which a baseline ranks the words."""
    first, second = (BASELINES[name][1].get(sign) for sign in signs)
    if first is None or second is None:
        return "no direction could be learned"
    return first if first == second else f"{first} in one half of the texts, {second} in the other"


def accuracy(summary: StudyDict) -> str:
    """Describes the model's accuracy."""
    found = summary["accuracy"]
    if found is None:
        return "The texts have no labels, so it is not known how often the model is right."
    share, bounds = percent(found["correct"] / found["count"]), f"{percent(found['low'])} to {percent(found['high'])}"
    return (
        f"The model is right on {found['correct']:,} of {found['count']:,} labelled texts, {share} "
        f"(95% interval {bounds})."
    )
