"""Made-up steps of a text, the same each time, in the form that `reports.generation.page` reads."""

from typing import Any

import numpy as np
from sample import HOSTILE, WORDS, sample_analysis

ANSWERS = ("supported", "not supported", "inconclusive")
MAPS = (
    ("last-layer attention", "attention", False),
    ("attention rollout", "attention", False),
    ("input x gradient", "gradient", True),
    ("leave-one-out", "perturbation", True),
)
OF_A_STEP = ("answer", "because", "topics", "spread", "components", "heads", "error_rate")
# Settings of `sample_steps` that tests look at.
STEPS: dict[str, dict[str, Any]] = {
    "written": {},
    "given": {"given": True, "verdicts": False},
    "translation": {"translation": True, "prompt": 9},
    "hostile": {"hostile": True, "prompt": 12, "tokens": 7, "nulls": True},
    "one token": {"prompt": 1, "tokens": 1},
    "long": {"prompt": 60, "tokens": 40},
}


def sample_steps(
    *,
    prompt: int = 8,
    tokens: int = 6,
    given: bool = False,
    translation: bool = False,
    verdicts: bool = True,
    hostile: bool = False,
    nulls: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """Steps with every field of the schema filled in.

    Args:
        prompt: Words of the text.
        tokens: How many follow; each is a word.
        given: What follows was given, and the model prefers other tokens.
        translation: Words that follow are ranked by none.
        verdicts: Whether there are any.
        hostile: Words and names that try to break out of the page.
        nulls: Put null wherever the schema allows it.
        seed: Another seed, other numbers.
    """
    rng = np.random.default_rng(seed)
    source = HOSTILE if hostile else WORDS
    words = [source[index % len(source)] for index in range(prompt + tokens)]
    text, spans = "", []
    for index, word in enumerate(words):
        text += "\n" if translation and index == prompt else " " if text else ""
        spans.append((len(text), len(text) + len(word)))
        text += word
    ranked = prompt if translation else prompt + tokens - 1
    like = sample_analysis(hostile=hostile, causal=not hostile, nulls=nulls)
    seam = spans[prompt][0] if translation else spans[prompt - 1][1]
    return {
        "schema": "interpret-attention/steps/2",
        "model": {**like["model"], "task": "translation" if translation else "text-generation"},
        "run": {key: value for key, value in like["run"].items() if key not in ("effort", "adversary_steps")},
        "text": text[: spans[-1][0]].rstrip(" "),
        "truncated": 2 if nulls else 0,
        "generated": not given,
        "parts": [
            {"name": "source" if translation else "text", "start": 0},
            {"name": "target" if translation else "continuation", "start": seam},
        ],
        "unit_kind": "word",
        "units": [
            {"text": word, "start": start, "end": end, "is_written": index >= prompt}
            for index, (word, (start, end)) in enumerate(zip(words[:ranked], spans, strict=False))
        ],
        "eraser": "delete",
        "verdict": {key: like["verdict"][key] for key in ("object", "claim", "limits", "replacements")}
        if verdicts
        else None,
        "steps": [
            _step(rng, words, spans, prompt, place, like["model"], given, translation, verdicts, nulls, seam)
            for place in range(prompt, prompt + tokens)
        ],
        "checks": like["checks"],
        "caveats": like["caveats"],
    }


def _step(
    rng: Any,
    words: list[str],
    spans: list[tuple[int, int]],
    prompt: int,
    place: int,
    model: dict[str, Any],
    given: bool,
    translation: bool,
    verdicts: bool,
    nulls: bool,
    seam: int,
) -> dict[str, Any]:
    units, label = prompt if translation else place, f" {words[place]}"
    verdict = sample_analysis(layers=1, heads=1, units=5, orders=9, answer=ANSWERS[place % 3], nulls=nulls)["verdict"]
    alternatives = [[label, 0.62], [" table", 0.11], [" roof", 0.05]]
    drops = rng.normal(0.05, 0.3, (model["layers"], model["heads"])).tolist()
    return {
        "read": max(seam, spans[place - 1][1]) if place > prompt else seam,
        "units": units,
        "decision": {
            "kind": "target token" if translation else "next token",
            "target": place,
            "label": label,
            "probability": 0.05 if given else 0.62,
            "margin": -1.25 if given else 2.5,
            "predicted": " table" if given else label,
            "alternatives": alternatives,
            "runner_up": None if nulls else alternatives[1],
            "place": None,
        },
        "maps": [
            {
                "method": method,
                "family": family,
                "signed": signed,
                "scores": (rng.normal(0, 1, units) if signed else rng.dirichlet(np.ones(units))).tolist(),
                "notes": {},
            }
            for method, family, signed in MAPS
        ],
        "heads": [[None if nulls else value for value in row] for row in drops],
        "verdict": {key: verdict[key] for key in OF_A_STEP} if verdicts else None,
    }
