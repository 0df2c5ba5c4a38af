"""Conversion of a generated text, token by token, to the JSON of `analyses.generation.schema`."""

from analyses.decision.conversion import decided, judged
from analyses.decision.provenance import model_to_dict, run_to_dict
from analyses.decision.schema import ClaimDict
from analyses.export.to_json import listed, plain
from analyses.generation.schema import SCHEMA, StepDict, StepPartDict, StepsDict
from analyses.generation.steps import Step, Steps
from analyses.verdicts.claim import CLAIM, LIMITS_OF_A_TEXT, OBJECT
from interpret.subjects.inputs.chat import UNUSED
from interpret.subjects.task_facts import DecisionKind

_PARTS = {"message": ("message in its chat template", "answer"), "source": ("source", "target")}


def steps_to_dict(found: Steps, command: str) -> StepsDict:
    """Returns the steps in the documented schema; undefined numbers are `None`."""
    examples = found.continuation.examples
    heads, nouns = found.steps[0].heads.drop.shape[1], examples[0].nouns
    common: ClaimDict = {
        "object": OBJECT,
        "claim": nouns.say(CLAIM),
        "limits": [nouns.say(line) for line in LIMITS_OF_A_TEXT],
        "replacements": found.replacements,
    }
    return {
        "schema": SCHEMA,
        "model": model_to_dict(found.subject, layers=found.layers, heads=heads),
        "run": run_to_dict(found.subject, command, seed=found.seed, cost=found.cost),
        "text": examples[-1].text,
        "truncated": examples[0].truncated,
        "generated": found.continuation.generated,
        "parts": _parts(found),
        "unit_kind": examples[0].unit_kind,
        "units": [
            {"text": unit.text, "start": unit.start, "end": unit.end, "is_written": index >= found.continuation.prompt}
            for index, unit in enumerate(found.continuation.units)
        ],
        "eraser": found.eraser,
        "verdict": common if found.replacements else None,
        "steps": [_step(each, found.subject.decides) for each in found.steps],
        "checks": [check.to_dict() for check in found.checks],
        "caveats": _caveats(found),
    }


def _parts(found: Steps) -> list[StepPartDict]:
    first = found.continuation.examples[0]
    known = [_PARTS[part.name] for part in first.parts if part.name in _PARTS]
    given, following = known[0] if known else ("text", "continuation")
    return [{"name": given, "start": 0}, {"name": following, "start": len(first.text)}]


def _step(step: Step, kind: DecisionKind) -> StepDict:
    decision, judgement = step.decision, step.judgement
    others = [pair for pair in decision.alternatives if pair[0] != decision.label]
    return {
        "read": len(step.example.text),
        "units": len(step.example.units),
        "decision": {
            **decided(decision, kind),
            "runner_up": listed(others[0]) if others else None,
            "place": None,
        },
        "maps": [attribution.of_units() for attribution in step.maps],
        "heads": plain(step.heads.drop),
        "verdict": None if judgement is None else judged(judgement.verdict, judgement.error_rate, step.example.nouns),
    }


def _caveats(found: Steps) -> list[str]:
    said, subject, count = [], found.subject, len(found.steps)
    if found.continuation.generated:
        said.append("The model took the likeliest token each time; a text drawn at random would read otherwise.")
    others = sum(step.decision.predicted != step.decision.label for step in found.steps)
    if others:
        said.append(f"At {others} of {count} tokens the model itself prefers another one than stands there.")
    measured = [step.judgement.measurement for step in found.steps if step.judgement is not None]
    if rounded := sum(max(each.rank_unfelt, each.input_unfelt) > 0 for each in measured):
        said.append(
            f"At {rounded} of {count} tokens some words move the margin by no more than rounding of its scores may, "
            "which counts as nothing."
        )
    if found.replacements and count > 1:
        said.append(
            f"These are {count} answers, each about one token; the more there are, the likelier it is that some are "
            "wrong, and they don't add up to one answer about the text."
        )
    if subject.translates:
        said.append("Words of the source are ranked. Those of the target before a token are read too, and not ranked.")
    elif any(unit.tokens[-1] >= len(found.steps[0].example.ids) for unit in found.continuation.units):
        said.append("A word that is still being written counts with the tokens that it has so far.")
    if subject.is_causal and subject.sink == "drop" and not found.steps[0].example.parts:
        said.append(
            "The first position is left out of every ranking: causal models park attention there that says nothing "
            "about its word."
        )
    read = found.steps[0].example
    if subject.chat is not None and not (read.parts or read.has_marks):
        said.append(UNUSED)
    said += subject.remarks_on(read)
    return [*said, *(check.warning for check in found.checks if not check.passed)]
