"""Made-up studies of any size, the same each time, in the form that `reports` reads."""

from typing import Any

import numpy as np
from ranking_sample import sample_ranking
from sample import HOSTILE, WORDS

FAILURE = "the words do nothing of the kind"
# Mean, low, high, floor, bar of each component where it holds; and factors that take it elsewhere.
HOLDING = {
    "use": (0.61, 0.55, 0.66, 0.10, 0.25),
    "rank": (0.74, 0.71, 0.77, 0.15, 0.30),
    "input rank": (0.52, 0.48, 0.56, 0.15, 0.30),
    "top": (0.33, 0.29, 0.37, 0.05, 0.15),
    "share": (0.91, 0.89, 0.93, 0.30, 0.60),
}
ERROR_RATE = {
    "models": 1400,
    "wrong": 6,
    "inconclusive": 98,
    "rate": 0.0043,
    "low": 0.0016,
    "high": 0.0093,
    "examples": 100,
    "words": [20, 40],
}
LIMITS = ["One model, one data set.", "It says which words weigh how much, not for what reason."]

# Settings of `sample_study` that tests look at in a browser.
STUDIES: dict[str, dict[str, Any]] = {
    "open": {"open_": ("use", "top"), "idle": (1, 3)},
    "supported": {"layers": 12, "heads": 12, "calibrated": True, "classic": True, "ranked": True},
    "refuted": {"fails": ("share",), "texts": 60, "layers": 4, "heads": 32},
    "older": {"older": True, "open_": ("use",)},
    "hostile": {"hostile": True, "open_": ("use",), "texts": len(HOSTILE) + 6, "calibrated": True, "ranked": True},
    "nothing": {"undefined": True, "texts": 2, "layers": 1, "heads": 1, "classic": True, "ranked": True},
}


def sample_study(
    *,
    texts: int = 120,
    layers: int = 6,
    heads: int = 12,
    fails: tuple[str, ...] = (),
    open_: tuple[str, ...] = (),
    idle: tuple[int, ...] = (),
    calibrated: bool = False,
    older: bool = False,
    hostile: bool = False,
    undefined: bool = False,
    classic: bool = False,
    ranked: bool = False,
    seed: int = 0,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A summary and its records.

    Args:
        texts: How many.
        layers: Of the model.
        heads: Of each layer.
        fails: Components that are below their floors.
        open_: Components that are between.
        idle: Heads that the decision ignores.
        calibrated: Whether an error rate is known.
        older: Whether it lacks what came later.
        hostile: Whether texts and names are made to break the page.
        undefined: Whether no component has a value.
        classic: Whether the published tests were run as well.
        ranked: Whether explanations were ranked.
        seed: Of everything random.
    """
    random = np.random.default_rng(seed)
    records = [_record(row, random, layers * heads, hostile, undefined) for row in range(1, texts + 1)]
    records.sort(key=lambda record: record["words"])  # as a study has them
    answer = "not supported" if fails else "inconclusive" if open_ or undefined else "supported"
    name = HOSTILE[0] if hostile else "somewhere/deep/tiny-bert"
    summary = {
        "schema": "interpret-attention/study/3",
        "study": {
            "model": {"name": name, "sha256": "ab" * 32, "sink": "drop", "layers": layers, "heads": heads},
            "data": {"rows": texts, "sha256": "cd" * 32},
            "options": {
                "replacements": 8,
                "resampler": "corpus unigram",
                **({"ranking_eraser": "delete"} if ranked else {}),
                **({"classic_eraser": "delete", "classic_adversary_steps": 50} if classic else {}),
            },
            "seed": seed,
            "versions": {"interpret-attention": "0.1.0", "torch": "2.5"},
        },
        "object": "the last layer's row",
        "claim": "these weights rank the input words",
        "scope": f"{texts} texts, the label that {name} prefers on each.",
        "verdict": {
            "answer": answer,
            "because": [FAILURE for _ in fails] if fails else [f"{each} is 0.20, between" for each in open_],
            "topics": list(fails or open_),
            "examples": texts,
            "needed": None,
            "spread": 2.0,
            "components": [_component(each, each in fails, each in open_, undefined, texts) for each in HOLDING],
            "heads": {"idle": list(idle), "share": 0.08 * len(idle), "floor": 0.3, "bar": 0.1},
            "sensitivity": [[0.5, "supported"], [1.0, answer], [1.5, answer]],
        },
        "error_rate": ERROR_RATE if calibrated else None,
        "baselines": {} if undefined else _baselines(),
        "heads": _heads(random, layers, heads, texts),
        "classic": _classic(texts, undefined) if classic else None,
        "ranking": sample_ranking(texts, undefined=undefined, hostile=HOSTILE[0] if hostile else "")
        if ranked
        else None,
        "extremes": {"most": [], "least": []} if undefined else _ends(records),
        "accuracy": {"count": texts, "correct": texts // 2, "low": 0.41, "high": 0.59},
        "notes": [
            {"kind": "empty", "count": 12, "which": list(range(1, 11)), "text": "12 rows without a text: left out."},
            {"kind": "limit", "count": 3, "which": [], "text": f"{HOSTILE[2] if hostile else 'some'} were drawn."},
        ],
        "limits": LIMITS,
    }
    if older:
        _age(summary, records)
    return summary, records


def _component(name: str, fails: bool, is_open: bool, undefined: bool, texts: int) -> dict[str, Any]:
    mean, low, high, floor, bar = HOLDING[name]
    size = floor / 4 / mean if fails else (floor + bar) / 2 / mean if is_open else 1.0
    numbers = [None] * 3 if undefined else [value * size for value in (mean, low, high)]
    side = "fails" if fails else "open" if is_open or undefined else "holds"
    return {
        **dict(zip(("mean", "low", "high"), numbers, strict=True)),
        "name": name,
        "floor": floor,
        "bar": bar,
        "failure": FAILURE if fails else f"what it means that {name} fails",
        "p_floor": 0.0002 if fails else 1.0,
        "undefined": texts if undefined else 0,
        "side": side,
        "doubt": "",
    }


def _record(row: int, random: np.random.Generator, heads: int, hostile: bool, undefined: bool) -> dict[str, Any]:
    words = int(random.integers(6, 20))
    text = HOSTILE[(row - 1) % len(HOSTILE)] if hostile else " ".join(random.choice(WORDS, words))
    values = np.clip(random.normal(0.5, 0.25, 7), -1, 1).tolist()
    names = ("use", "rank", "input_rank", "top", "share", "position_rank", "rarity_rank")
    numbers = {name: None if undefined else value for name, value in zip(names, values, strict=True)}
    return {
        "row": row,
        "text": text,
        "label": None if row % 7 == 0 else ("bad", "good")[row % 2],
        "predicted": HOSTILE[1] if hostile else ("bad", "good")[row % 3 % 2],
        "probability": float(random.uniform(0.5, 1)),
        "words": words,
        **numbers,
        "head_ranks": np.clip(random.normal(0.2, 0.3, heads), -1, 1).tolist(),
    }


def _classic(texts: int, undefined: bool) -> dict[str, Any]:
    """As `summarise` gives it; undefined as for texts of one word."""

    def entry(mean: float, *, known: bool = True, left_out: int = 0, method: str = "BCa") -> dict[str, Any]:
        numbers = (mean, mean - 0.034, mean + 0.051) if known else (None, None, None)
        count = texts - left_out if known else 0
        ends = dict(zip(("mean", "low", "high"), numbers, strict=True))
        return {**ends, "method": method if known else "none", "count": count, "undefined": texts - count}

    names = ("attention_gradient", "attention_leave_one_out", "gradient_leave_one_out")
    means = {
        name: entry(mean, known=not undefined, left_out=3) for name, mean in zip(names, (0.31, 0.12, 0.58), strict=True)
    }
    others = ("permutation", "max_attention", "conicity", "divergence", "uniform_margin_change")
    means |= {name: entry(mean) for name, mean in zip(others, (0.041, 0.37, 0.66, 0.52, -0.45), strict=True)}
    means["divergence_difference"] = entry(0.041, known=not undefined)
    orders = {"attention": 0.44, "gradient": 0.36, "attention x gradient": 0.35, "ascending attention": 0.93}
    pairs = (("attention", "random"), ("gradient", "attention"), ("attention", "ascending attention"))
    ranking = {"median_difference": -0.122, "rank_biserial": -0.71, "p_value": 0.0123, "adjusted": 0.0369}
    counts = {"both": 1, "top_only": 12, "other_only": 2, "neither": texts - 16, "undefined": 1}
    return {
        "texts": texts,
        "means": means,
        "flips": {
            **(dict.fromkeys(counts, 0) | {"undefined": texts} if undefined else counts),
            "p_value": 1.0 if undefined else 0.01294,
            "decided_by_top": entry(12 / 14, known=not undefined, method="exact"),
        },
        "top_matters_less": entry(0.34, known=not undefined, method="exact"),
        "removed": {
            name: entry(mean, known=not undefined, left_out=17) for name, mean in {**orders, "random": 0.81}.items()
        },
        "rankings": [
            {
                "first": first,
                "second": second,
                **(dict.fromkeys(ranking) if undefined else ranking),
                "difference": entry(-0.151, known=not undefined, left_out=6),
                "first_never": 0 if undefined else 4,
                "second_never": 0 if undefined else 9,
            }
            for first, second in pairs
        ],
        "free": entry(0.94, method="exact"),
        "uniform_flips": entry(0.07, method="exact"),
        "violations": {
            name: entry(0.21, method="exact") for name in ("attention", "attention x gradient", "attention x norm")
        },
        "identifiable": entry(0.88),
    }


def _baselines() -> dict[str, Any]:
    def entry(mean: float) -> dict[str, float | int]:
        return {"mean": mean, "low": mean - 0.04, "high": mean + 0.05, "undefined": 1}

    return {
        "position": {"signs": [-1, -1], "rank": entry(0.12), "lead": entry(0.4)},
        "rarity": {"signs": [1, -1], "rank": entry(0.51), "lead": entry(0.01)},
    }


def _heads(random: np.random.Generator, layers: int, heads: int, texts: int) -> dict[str, Any]:
    means = random.normal(0.2, 0.3, (2, layers, heads)).clip(-1, 1)
    p_discovery = random.uniform(0, 0.1, (layers, heads))
    found = p_discovery <= 0.05
    p_confirmation = [[float(random.uniform(0, 0.1)) if one else None for one in row] for row in found.tolist()]
    rows: list[list[float | None]] = means[1].tolist()
    rows[0][0] = None
    return {
        "texts": [texts // 2, texts - texts // 2],
        "discovery": means[0].tolist(),
        "confirmation": rows,
        "p_discovery": p_discovery.tolist(),
        "p_confirmation": p_confirmation,
        "found": found.tolist(),
        "confirmed": [
            [p is not None and p <= 0.05 and mean is not None for p, mean in zip(*pair, strict=True)]
            for pair in zip(p_confirmation, rows, strict=True)
        ],
    }


def _ends(records: list[dict[str, Any]]) -> dict[str, list[int]]:
    ordered = [record["row"] for record in sorted(records, key=lambda record: -record["input_rank"])]
    return {"most": ordered[:3], "least": ordered[:-4:-1]}


def _age(summary: dict[str, Any], records: list[dict[str, Any]]) -> None:
    """Takes away what came later."""
    for name in ("error_rate", "baselines", "heads", "classic", "extremes"):
        del summary[name]
    del summary["study"]["model"]["layers"], summary["study"]["model"]["heads"]
    del summary["verdict"]["heads"]["floor"], summary["verdict"]["heads"]["bar"]
    for each in summary["verdict"]["components"]:
        del each["failure"], each["doubt"]
    for record in records:
        for name in ("position_rank", "rarity_rank", "head_ranks"):
            del record[name]
