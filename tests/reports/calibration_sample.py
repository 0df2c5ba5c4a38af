"""Made-up calibrations, the same each time, in the form that `reports` reads."""

from typing import Any

import numpy as np
from sample import HOSTILE

SIZES = (50, 100, 200)
KINDS = {
    **{f"F{number}": ("explains", "does not")[number % 2] for number in range(1, 11)},
    **{"F11": "partial", "F12": "partial", "X1": "explains", "X4": "does not"},
}
METRICS = (
    "use", "rank", "rank_substituted", "input_rank", "top", "share", "rank_tau", "input_tau", "rank_shuffled",
    "rank_of_values", "opposed", "uniform", "position_rank", "rarity_rank", "sink",
)  # fmt: skip
LEVELS = {
    "bypass": [0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0],
    "decoy": [0.05, 0.2, 0.4, 0.6, 0.8, 0.95],
    "noise": [0.0, 0.5, 1.0, 2.0, 4.0, 8.0],
}

# Settings of `sample_calibration` that tests look at in a browser.
CALIBRATIONS: dict[str, dict[str, Any]] = {
    "whole": {},
    "quick": {"draws": 1, "sizes": (50,)},
    "nothing": {"draws": 0},
    "hostile": {"hostile": True, "reversal": 0.25, "uneven": True},
}


def sample_calibration(
    *,
    draws: int = 100,
    sizes: tuple[int, ...] = SIZES,
    hostile: bool = False,
    reversal: float = 0.0,
    uneven: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """The tables.

    Args:
        draws: Models of each family.
        sizes: Numbers of texts.
        hostile: Whether names and reasons are made to break the page.
        reversal: Largest rise of every dose.
        uneven: Whether one spread of p-values isn't even.
        seed: Of everything random.
    """
    random = np.random.default_rng(seed)
    nasty = iter(HOSTILE * 30)
    families = [_family(key, truth, draws, len(sizes), random) for key, truth in KINDS.items()]
    table = {
        "schema": "interpret-attention/calibration/2",
        "plan": {"sizes": list(sizes), "families": list(KINDS), "seed": 11, "draws": draws},
        "bars": {"use": [0.1, 0.25], "input rank": [0.15, 0.3], "idle": 0.2, "idle share": [0.3, 0.1]},
        "versions": {"interpret-attention": "0.1.0", "torch": "2.5"},
        "overall": [
            {"group": group, "of": "single" if source else "study", "examples": size, "source": source, **cell}
            for group, factor in (("protocol", 10), ("others", 1))
            for size, source in [*((size, None) for size in sizes), (1, "corpus"), (1, "vocabulary")]
            for cell in [_cell(draws * factor // 2, random)]
        ],
        "study": [
            {"examples": size, "words": words, **_cell(draws * 4, random)}
            for size in sizes
            for words in ([20, 40], [41, 60])
        ],
        "single": [
            {"source": source, "words": words, **_cell(draws * 4, random)}
            for source in ("corpus", "vocabulary")
            for words in ([20, 40], [41, 60])
        ],
        "families": families,
        "doses": [_dose(dose, levels, draws // 10, reversal) for dose, levels in LEVELS.items()],
        "uniformity": [
            _spread("F3", "p_luck", draws, 0.4),
            _spread("F7", "p_luck", draws, 0.0004 if uneven else 0.7),
        ],
        "diagnosticity": [_metric(name, draws, random) for name in METRICS],
    }
    if hostile:
        for family in families:
            family["name"], family["because"] = next(nasty), next(nasty)
        table["versions"] = {next(nasty): next(nasty) for _ in range(3)}
        for entry in table["diagnosticity"][:4]:
            entry["metric"] = next(nasty)
        table["doses"][0]["dose"] = next(nasty)
        table["uniformity"][0]["p_value"] = next(nasty)
        table["single"][0]["source"] = next(nasty)
    return table


def _answers(models: int, supported: float, refuted: float) -> dict[str, int]:
    yes, no = round(models * supported), round(models * refuted)
    return {"models": models, "supported": yes, "not_supported": no, "inconclusive": models - yes - no}


def _cell(models: int, random: np.random.Generator) -> dict[str, Any]:
    open_, wrong = random.uniform(0.02, 0.1, 2), random.uniform(0, 0.02, 2)
    explains = _answers(models, 1 - open_[0] - wrong[0], wrong[0])
    does_not = _answers(models, wrong[1], 1 - open_[1] - wrong[1])
    partial = _answers(models, wrong[1] / 2, 0.4)
    failed = explains["not_supported"] + partial["supported"] + does_not["supported"]
    rate = failed / (3 * models) if models else None
    error = {
        "models": 3 * models,
        "wrong": failed,
        "inconclusive": sum(each["inconclusive"] for each in (explains, partial, does_not)),
        "rate": rate,
        "low": None if rate is None else rate / 2,
        "high": None if rate is None else min(1.0, rate * 2 + 2 / models),
    }
    return {"explains": explains, "partial": partial, "does_not": does_not, "error": error}


def _family(key: str, truth: str, draws: int, sizes: int, random: np.random.Generator) -> dict[str, Any]:
    models = draws if key.startswith("F") else (draws + 1) // 2
    right = {"explains": (0.93, 0.01), "does not": (0.02, 0.9), "partial": (0.4, 0.2)}[truth]
    return {
        "family": key,
        "name": f"kind {key.lower()}",
        "because": f"It is built as {key} is, and that is why.",
        "draws": models,
        "truths": {
            **dict.fromkeys(("explains", "partial", "does_not", "undefined"), 0),
            truth.replace(" ", "_"): models,
        },
        "study": [_judged(truth, _answers(models, *right)) for _ in range(sizes)],
        "single": [
            _judged(truth, _answers(models, *(random.uniform(0.5, 0.9) * share for share in right))) for _ in range(2)
        ],
    }


def _judged(truth: str, answers: dict[str, int]) -> dict[str, int]:
    return {**answers, "wrong": answers["not_supported" if truth == "explains" else "supported"]}


def _dose(dose: str, levels: list[float], models: int, reversal: float) -> dict[str, Any]:
    shares = np.linspace(0, 1, len(levels))
    counts = [_answers(models, (1 - share) ** 2, share**2) for share in shares.tolist()]
    return {"dose": dose, "levels": levels, "counts": counts, "largest_reversal": reversal}


def _spread(family: str, name: str, count: int, p: float) -> dict[str, Any]:
    known = count > 0
    return {
        "family": family,
        "p_value": name,
        "count": count,
        "statistic": 0.087 if known else None,
        "p": p if known else None,
    }


def _metric(name: str, draws: int, random: np.random.Generator) -> dict[str, Any]:
    auc = float(random.uniform(0, 1)) if draws else None
    return {"metric": name, "auc": auc, "explains": draws * 5, "does_not": draws * 5 - 3 * bool(draws), "undefined": 3}
