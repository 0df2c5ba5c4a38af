"""Made-up analyses of any size, the same each time, in the form that `reports` reads."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from measurements_for_tests import GOOD, changed

from analyses.attention.encoded_maps import pack_tiles
from analyses.attention.pooled_maps import Tiles
from analyses.decision.conversion import component
from analyses.decision.schema import BesideDict
from analyses.export.encoding import pack_weights
from analyses.verdicts.claim import CLAIM, LIMITS_OF_A_TEXT, OBJECT
from analyses.verdicts.error_rates import ErrorRate
from analyses.verdicts.one_text import one_text_verdict
from interpret.subjects.nouns import WORDS as NOUNS

_SENTENCE = """
    The harbour lay quiet until a single trawler came home with gulls behind it and not one gripping tale to tell ;
    its crew , tired and cheerful , sold the catch , swept the deck and never once looked back at the long grey sea .
"""
WORDS = _SENTENCE.split()

HOSTILE = (
    "</script><script>window.stolen=1</script>",
    "<!--",
    '"><img src=x onerror=window.stolen=1>',
    "'quoted'",
    "{{7*7}}",
    "$x_{1}$",
    "\u202eevil\u202c",
    "שלום",
    "zero\u200bwidth",
    "</style><style>*{display:none}</style>",
    "&lt;b&gt;",
    "line\u2028break",
    "a\u0301\u0302\u0303\u0304\u0305\u0306\u0307",
    "\ud800",
    "nul\x00",
    "\ufeff",
    "javascript:alert(1)",
    "${stolen}",
    "averyveryveryveryveryveryveryveryveryveryveryverylongwordwithoutanyspace",
)

# Settings of `sample_analysis` that tests look at in a browser.
PAGES: dict[str, dict[str, Any]] = {
    "classifier": {},
    "causal": {"causal": True, "layers": 30, "heads": 9, "units": 5},
    "long": {"layers": 12, "heads": 12, "units": 126, "flat_weights": True, "answer": "supported"},
    "hostile": {"hostile": True, "units": len(HOSTILE), "nulls": True, "answer": "inconclusive", "aligned": True},
    "many heads": {"layers": 4, "heads": 32, "units": 9, "causal": True, "other_target": True},
    "two texts": {"answers": True},
    "pooled": {"causal": True, "layers": 4, "heads": 6, "units": 1100, "pooled": True},
    "one word": {"layers": 1, "heads": 1, "units": 1, "orders": 1},
}

METHODS = (
    ("last-layer attention", "attention", False),
    ("attention rollout", "attention", False),
    ("Chefer relevance", "gradient", False),
    ("saliency", "gradient", False),
    ("input x gradient", "gradient", True),
    ("integrated gradients", "gradient", True),
    ("leave-one-out", "perturbation", True),
)


def sample_analysis(
    *,
    layers: int = 6,
    heads: int = 12,
    units: int = 18,
    causal: bool = False,
    hostile: bool = False,
    answer: str = "not supported",
    nulls: bool = False,
    other_target: bool = False,
    answers: bool = False,
    aligned: bool = False,
    flat_weights: bool = False,
    pooled: bool = False,
    orders: int = 300,
    seed: int = 0,
) -> dict[str, Any]:
    """An analysis with every field of the schema filled in.

    Args:
        layers: Layers.
        heads: Heads of each layer.
        units: Words; two tokens are added for a classifier, one for a causal model.
        causal: A next-token decision.
        hostile: Words and names that try to break out of the page.
        answer: The verdict.
        nulls: Put null wherever the schema allows it.
        other_target: The user asked about a label that the model doesn't prefer.
        answers: A question and its context, with an answer in it.
        aligned: Every word aligned with every other, as in a translation, and links made by people.
        flat_weights: Attention weights that can't be compressed.
        pooled: Attention in tiles, as of a long text.
        orders: Random orders.
        seed: Another seed, other numbers.
    """
    rng = np.random.default_rng(seed)
    words = [(HOSTILE if hostile else WORDS)[index % len(HOSTILE if hostile else WORDS)] for index in range(units)]
    text, spans = _joined(words, causal)
    tokens = [text[: spans[0][0]].strip() or "It", *[f" {word}" for word in words]] if causal else []
    tokens = tokens or ["[CLS]", *words, "[SEP]"]
    separators = [] if causal else [0, units + 1]
    labels = _labels(causal, hostile)
    decision = _decision(rng, labels, len(tokens), causal, other_target)
    attention = (
        _tiles(rng, layers, heads, len(tokens))
        if pooled
        else pack_weights(_attention(rng, layers, heads, len(tokens), causal, flat_weights))
    )
    faithfulness = _faithfulness(rng, decision["margin"], units, orders)
    if answers:
        decision["place"] = [spans[units // 2][0], spans[units // 2 + 1][1]]
        text = text[: spans[4][1]] + "\n" + text[spans[4][1] + 1 :]
    return {
        "schema": "interpret-attention/analysis/3",
        "model": {
            "name": "<b>model</b>" if hostile else "tiny-causal" if causal else "tiny-sentiment",
            "task": "text-generation" if causal else "text-classification",
            "architecture": "LlamaForCausalLM" if causal else "BertForSequenceClassification",
            "parameters": 22713986,
            "layers": layers,
            "layer_names": [f"layer {layer + 1}" for layer in range(layers)],
            "layer_kinds": ["layer"] * layers,
            "heads": heads,
            "sha256": "0123456789abcdef" * 4,
            "kernel": "sdpa",
            "causal": causal,
            "sink_policy": "drop",
            "units_policy": "word",
        },
        "run": {
            "command": f"interpret analyze '{text}' --model tiny --seed {seed}",
            "seed": seed,
            "effort": "standard",
            "adversary_steps": 100,
            "device": "cpu",
            "dtype": "float32",
            "seconds": 6.25,
            "memory": 1_200_000_000,
            "planned": {"passes": 1234.5, "seconds": 5.0, "memory": 1_100_000_000, "limit": 8_000_000_000},
            "versions": {
                "interpret-attention": "0.1.0",
                "torch": "2.13.0",
                "transformers": "5.23.0",
                "captum": "0.9.0",
                "python": "3.11.2",
            },
        },
        "text": text,
        "truncated": 3 if nulls else 0,
        "tokens": tokens,
        "separators": separators,
        "unit_kind": "word",
        "units": [
            {"text": word, "tokens": [index + 1], "start": start, "end": end}
            for index, (word, (start, end)) in enumerate(zip(words, spans, strict=True))
        ],
        "image": None,
        "parts": [
            {"name": "question", "start": 0, "columns": None},
            {"name": "context", "start": spans[5][0], "columns": None},
        ]
        if answers
        else [],
        "decision": decision,
        "attention": _attention_summary(rng, attention, layers, heads, nulls),
        "maps": _maps(rng, units, len(tokens)),
        "rollout": {"residual": 0.5, "layers": _rollout(rng, layers, units)},
        "heads": {kind: _rounded(rng.normal(0.05, 0.3, (layers, heads))) for kind in ("zero", "mean", "gradient")},
        "faithfulness": faithfulness,
        "agreement": _agreement(rng, nulls),
        "left_out": {"AtMan": HOSTILE[0]},
        "instead": "No explanation of this text can be told from random orders of its words, so none is evidence.",
        "classic": _classic(units, heads, nulls),
        "verdict": _verdict(answer, nulls),
        "alignment": _alignment(words) if aligned else None,
        "checks": [
            {"name": "rows sum to 1", "detail": "", "value": 3.6e-07, "tolerance": 1e-05, "passed": True},
            {"name": "no weight on hidden positions", "detail": "", "value": 0.0, "tolerance": 0.0, "passed": True},
            {
                "name": "logits are those of the model left alone",
                "detail": "",
                "value": 2e-3,
                "tolerance": 1e-5,
                "passed": not nulls,
            },
        ],
        "caveats": ["Masked inputs are unlike those the model was trained on."] if not hostile else ["</p><script>1"],
    }


def _joined(words: list[str], causal: bool) -> tuple[str, list[tuple[int, int]]]:
    text, spans = "It" if causal else "", []
    for word in words:
        text += " " if text and word not in (",", ".", ";") else ""
        spans.append((len(text), len(text) + len(word)))
        text += word
    return text, spans


def _labels(causal: bool, hostile: bool) -> list[str]:
    if hostile:
        return ["</script><script>window.stolen=1</script>", "\u202eno", "<i>", "'", '"']
    return [" mat", " floor", " bed", " table", " roof"] if causal else ["positive", "negative"]


def _decision(rng: Any, labels: list[str], tokens: int, causal: bool, other_target: bool) -> dict[str, Any]:
    shares = [0.314, 0.201, 0.12, 0.04, 0.00031] if len(labels) == 5 else [0.9963, 0.0037]
    readout = np.zeros(tokens)
    readout[-1 if causal else 0] = 1.0
    target = 1 if other_target else 0
    return {
        "kind": "next token" if causal else "label",
        "target": target,
        "label": labels[target],
        "probability": shares[target],
        "margin": -0.4457 if other_target else 5.6038,
        "predicted": labels[0],
        "alternatives": [[label, share] for label, share in zip(labels, shares, strict=True)],
        "readout": readout.tolist(),
        "place": None,
    }


def _attention(rng: Any, layers: int, heads: int, tokens: int, causal: bool, flat: bool) -> Any:
    if flat:
        return rng.uniform(size=(layers, heads, tokens, tokens))
    scores = rng.normal(0, 2.0, (layers, heads, tokens, tokens))
    scores[..., 0] += 1.5
    if causal:
        scores = np.where(np.tri(tokens, dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def _tiles(rng: Any, layers: int, heads: int, tokens: int) -> dict[str, Any]:
    """Tiles of a causal model's attention, none of which can be compressed, with much of it on the first position."""
    size = math.ceil(tokens / 64)
    count = math.ceil(tokens / size)
    seen = np.tri(count) * rng.uniform(size=(2, layers, heads, count, count)) ** 3
    seen[0] /= seen[0].sum(-1, keepdims=True)
    rows = np.minimum(size, tokens - size * np.arange(count))
    row = rng.dirichlet(np.full(tokens, 0.02), (layers, heads)).astype(np.float32)
    sums, largest = torch.from_numpy(seen[0] * rows[:, None]), torch.from_numpy(seen[1])
    return pack_tiles(
        Tiles(tokens, size, sums, largest, torch.from_numpy(rows).repeat(layers, 1), torch.from_numpy(row))
    )


def _attention_summary(rng: Any, weights: Any, layers: int, heads: int, nulls: bool) -> dict[str, Any]:
    nats = _rounded(rng.uniform(0.2, 2.5, (layers, heads)))
    share = [[value / 2.8 for value in row] for row in nats]
    if nulls:
        share[0][0] = None
    patterns = rng.dirichlet(np.ones(5), (layers, heads))
    names = ("previous", "next", "first", "separator")
    return {
        "weights": weights,
        "entropy": {"nats": nats, "share": share},
        "patterns": {name: _rounded(patterns[..., index]) for index, name in enumerate(names)},
        "sink_mass": 0.4173,
    }


def _maps(rng: Any, units: int, tokens: int) -> list[dict[str, Any]]:
    maps = []
    for method, family, signed in METHODS:
        scores = rng.normal(0, 1, units) ** 3 * 0.3 if signed else rng.exponential(1, units) / units
        inside = np.zeros(tokens)
        inside[1 : units + 1] = scores
        notes = {"convergence delta": 0.00021} if method == "integrated gradients" else {}
        maps.append(
            {
                "method": method,
                "family": family,
                "signed": signed,
                "scores": _rounded(scores),
                "tokens": _rounded(inside),
                "notes": notes,
            }
        )
    return maps


def _rollout(rng: Any, layers: int, units: int) -> list[list[float]]:
    spread = rng.dirichlet(np.ones(units), layers) * np.linspace(0.05, 0.6, layers)[:, None]
    return _rounded(spread)


def _faithfulness(rng: Any, margin: float, units: int, orders: int) -> dict[str, Any]:
    removed = list(range(0, units + 1, max(1, units // 200)))
    falls = rng.gamma(1.2, 0.9, orders) - 0.4
    budgets = [k for k in (1, 2, 3, 5) if k <= units] or [1]
    down = np.linspace(0, 1, len(removed))
    maps = []
    for (method, _, _), fall in zip(METHODS, (0.71, 0.55, 2.4, 1.9, 0.21, 4.22, 6.53), strict=True):
        p = float((1 + (falls >= fall).sum()) / (orders + 1))
        curve = margin - (fall * 1.6) * down**0.5 + rng.normal(0, 0.15, len(removed)) * (down > 0)
        maps.append(
            {
                "method": method,
                "comprehensiveness": {"margin": fall, "probability": fall / 12, "p_value": p},
                "sufficiency": {
                    "margin": 5.5 - fall / 2,
                    "probability": 0.42 - fall / 40,
                    "p_value": min(1.0, p * 1.3),
                },
                "above_chance": fall - 0.4,
                "curve": {
                    "removed": removed,
                    "margin": _rounded(curve),
                    "probability": _rounded(1 / (1 + np.exp(-curve))),
                },
            }
        )
    middle = margin - 3.0 * down
    return {
        "eraser": "mask",
        "budgets": budgets,
        "random_orders": orders,
        "random": {
            "comprehensiveness": {"margin": _rounded(falls), "probability": _rounded(falls / 12)},
            "sufficiency": {"margin": _rounded(5.5 - falls), "probability": _rounded(0.4 - falls / 40)},
            "curve": {
                "removed": removed,
                "low": _rounded(middle - 4 * down**0.5),
                "middle": _rounded(middle),
                "high": _rounded(middle + 1.2 * down**0.5),
            },
        },
        "maps": maps,
    }


def _agreement(rng: Any, nulls: bool) -> dict[str, Any]:
    half = np.tril(rng.uniform(-0.4, 0.9, (len(METHODS), len(METHODS))), -1)
    tau = _rounded(half + half.T + np.eye(len(METHODS)))
    if nulls:
        tau[0][1] = tau[1][0] = None
    return {"methods": [method for method, _, _ in METHODS], "tau": tau, "ties": [0.0, 0.01, 0.0, 0.0, 0.0, 0.0, 0.2]}


def _alignment(words: list[str]) -> dict[str, Any]:
    """As `Alignment.to_dict` gives it; numbers of its own, so that other parts of a page stay as they were."""
    shares = np.random.default_rng(5).dirichlet(np.full(len(words), 0.3), (2, len(words)))
    kinds = [(by, aligned) for by in ("weights", "norms") for aligned in ("output", "input")]
    return {
        "source": words,
        "target": words[::-1],
        "layers": ["cross 1", "cross 2"],
        "weights": _rounded(shares),
        "gold": {"sure": [[0, 0]], "possible": [[0, 0], [1, 0]]},
        "error_rates": [
            {"layer": layer, "by": by, "aligned": aligned, "error_rate": 0.125 * number}
            for layer in ("cross 1", "cross 2")
            for number, (by, aligned) in enumerate(kinds)
        ],
    }


def _classic(units: int, heads: int, nulls: bool) -> dict[str, Any]:
    """As `ClassicTests.to_dict` gives it; with nulls, those of a text of one word."""
    short = nulls or units < 2
    orders = ("attention", "gradient", "attention x gradient", "ascending attention")
    shares = (0.25, 0.125, 0.1875, None)
    rankings = ("attention", "attention x gradient", "attention x norm")
    return {
        "words": units,
        "tokens": units,
        "eraser": "mask",
        "attention_gradient": None if short else 0.62,
        "attention_leave_one_out": None if short else -0.31,
        "gradient_leave_one_out": None if short else 0.113,
        "permutation": 0.0345,
        "max_attention": 0.412,
        "conicity": 0.873,
        "divergence": 0.0 if short else 0.537,
        "feasible": 0 if short else 4,
        "restarts": 5,
        "top_flips": None if short else True,
        "other_flips": None if short else False,
        "divergence_difference": None if short else -0.0213,
        "weight_difference": None if short else 0.35,
        "removed": dict(zip(orders, (None,) * 4 if short else shares, strict=True)),
        "random": [] if short else [0.5, None, 0.75, 0.4375, None],
        "uniform_margin_change": -0.81,
        "uniform_probability_change": -0.027,
        "uniform_flips": True,
        "violated": dict(zip(rankings, (False, True, False), strict=True)),
        "identifiability": [None if nulls else 1.0] + [0.75 + 0.2 * head / heads for head in range(1, heads)],
        "is_identifiable": [True] + [False] * (heads - 1),
    }


def _verdict(answer: str, nulls: bool) -> dict[str, Any]:
    """By the rule itself, on measurements made up for the purpose."""
    found = one_text_verdict(
        {
            "supported": changed(),
            "not supported": changed(input_rank=0.02, share=0.11),
            "inconclusive": changed(rank=math.nan, top=0.5, share=0.4, words=4),
        }[answer],
    )
    rate = ErrorRate(
        models=850, wrong=6, inconclusive=140, rate=6 / 850, low=0.0026, high=0.0153, examples=1, words=(20, 40)
    )
    return {
        "answer": found.answer,
        "because": list(found.because),
        "topics": list(found.topics),
        "object": OBJECT,
        "claim": NOUNS.say(CLAIM),
        "scope": "This text, this model and this label only. Words are replaced by others drawn from the vocabulary.",
        "limits": [NOUNS.say(line) for line in LIMITS_OF_A_TEXT],
        "spread": found.spread,
        "replacements": "the vocabulary",
        "components": [component(each, NOUNS) for each in found.findings],
        "heads": {"idle": [0, 2], "share": 0.17} if nulls else {"idle": [], "share": 0.0},
        "error_rate": None if nulls else {**asdict(rate), "words": list(rate.words)},
        "beside": {
            **{name: None if nulls else 0.25 for name in BesideDict.__annotations__},
            **{name: [None if nulls else 0.25] * 2 for name in ("rank_ways", "input_ways")},
        },
        "effects": {"in_context": list(GOOD.in_context), "alone": list(GOOD.alone)},
    }


def _rounded(values: Any) -> Any:
    return np.round(np.asarray(values, dtype=float), 5).tolist()
