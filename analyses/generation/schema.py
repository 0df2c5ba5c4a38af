"""JSON schema of a generated text, token by token, which `--json` writes and reports are made from.

`SCHEMA` names the version; a field is never renamed or given another meaning without a new one. L layers, H heads,
u units, s steps, k units that are there at a step, all lists counted from 0; a number that is undefined is null.

    schema            "interpret-attention/steps/1"
    model             as in "interpret-attention/analysis/2"
    run               command, seed, device, dtype, seconds, memory, planned, versions, as there
    text              the text and all that follows it but the last token; of a translation the source, a line break
                      and the target
    truncated         how many tokens of the text were cut off
    generated         whether the model wrote what follows
    parts             two of name, start (character): what was given, and what follows
    unit_kind         what units are: "word" or "token"
    units             [u] of text, start, end (characters), is_written (whether it belongs to what follows)
    eraser            how words are taken out in leave-one-out
    verdict           null without verdicts, or what all have in common: object, claim, limits, replacements
    steps             [s], one for each token:
      read            how many characters of the text stand before the token
      units           k; the step's units are the first k of all, the last perhaps with some of its tokens only
      decision        kind, target, label, probability, margin (logits), predicted, alternatives [[label, probability]],
                      runner_up [label, probability] (the likeliest other token), place (null)
      maps            [m] of method, family, signed, scores [k], notes
      heads           [L, H] estimated fall of the margin without the head, in logits (first order)
      verdict         null, or answer, because [sentences], spread (logits), components, heads, error_rate, as in
                      "interpret-attention/analysis/2"
    checks            name, value (null where it is no number), tolerance, passed, detail
    caveats           sentences
"""

from dataclasses import asdict
from typing import Any

from analyses.decision.judgement import Judgement
from analyses.decision.provenance import model_to_dict, run_to_dict
from analyses.decision.schema import component
from analyses.export.to_json import plain
from analyses.generation.steps import Step, Steps
from analyses.verdicts.claim import CLAIM, LIMITS_OF_A_TEXT, OBJECT
from interpret.subjects.chat import UNUSED
from interpret.subjects.nouns import WORDS
from interpret.subjects.task_facts import DecisionKind

SCHEMA = "interpret-attention/steps/1"
_PARTS = {"message": ("message in its chat template", "answer"), "source": ("source", "target")}


def steps_to_dict(found: Steps, command: str) -> dict[str, Any]:
    """Returns the steps in the documented schema; undefined numbers are `None`."""
    examples = found.continuation.examples
    heads = found.steps[0].heads.drop.shape[1]
    common = {
        "object": OBJECT,
        "claim": WORDS.say(CLAIM),
        "limits": [WORDS.say(line) for line in LIMITS_OF_A_TEXT],
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


def _parts(found: Steps) -> list[dict[str, Any]]:
    first = found.continuation.examples[0]
    known = [_PARTS[part.name] for part in first.parts if part.name in _PARTS]
    given, following = known[0] if known else ("text", "continuation")
    return [{"name": given, "start": 0}, {"name": following, "start": len(first.text)}]


def _step(step: Step, kind: DecisionKind) -> dict[str, Any]:
    decision = step.decision
    others = [pair for pair in decision.alternatives if pair[0] != decision.label]
    maps = [attribution.to_dict() for attribution in step.maps]
    return {
        "read": len(step.example.text),
        "units": len(step.example.units),
        "decision": {
            "kind": kind,
            "target": decision.target,
            "label": decision.label,
            "probability": decision.probability,
            "margin": decision.margin,
            "predicted": decision.predicted,
            "alternatives": [list(pair) for pair in decision.alternatives],
            "runner_up": list(others[0]) if others else None,
            "place": None,
        },
        "maps": [{key: value for key, value in each.items() if key != "tokens"} for each in maps],
        "heads": plain(step.heads.drop),
        "verdict": None if step.judgement is None else _verdict(step.judgement),
    }


def _verdict(judgement: Judgement) -> dict[str, Any]:
    verdict, rate = judgement.verdict, judgement.error_rate
    return {
        "answer": verdict.answer,
        "because": list(verdict.because),
        "topics": list(verdict.topics),
        "spread": verdict.spread,
        "components": [component(each, WORDS) for each in verdict.findings],
        "heads": {"idle": list(verdict.idle_heads), "share": verdict.idle_share},
        "error_rate": None if rate is None else {**asdict(rate), "words": list(rate.words)},
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
