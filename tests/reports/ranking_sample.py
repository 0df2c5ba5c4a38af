"""A made-up ranking of explanations, in the form that a study's summary has it."""

from collections.abc import Callable
from typing import Any

MEANS = {
    "leave-one-out": 0.71, "ALTI-Logit": 0.69, "integrated gradients": 0.55, "last-layer attention": 0.48,
    "saliency": 0.1, "baseline: longer first": 0.04, "random orders": 0.0, "decoy": -0.41,
}  # fmt: skip
INSTEAD = (
    "Read leave-one-out or ALTI-Logit: these texts can't tell them apart, and both find the words that these decisions "
    "depend on better than last-layer attention does, by 0.23 [0.18, 0.29] and 0.21 [-0.15, 0.27], where random orders "
    "are at 0 and the best order found at 1."
)


def sample_ranking(texts: int, *, undefined: bool, hostile: str = "") -> dict[str, Any]:
    """A ranking of eight explanations.

    Args:
        texts: Number of texts.
        undefined: Whether no explanation has a value.
        hostile: A name that is made to break the page, for the last of them; empty for an ordinary one.
    """

    def entry(mean: float, width: float = 0.06) -> dict[str, Any]:
        numbers = (None, None, None) if undefined else (mean, mean - width, mean + width)
        counted = {"method": "none" if undefined else "BCa", "count": 0 if undefined else texts - 1}
        return {**dict(zip(("mean", "low", "high"), numbers, strict=True)), **counted, "undefined": 1}

    def difference(mean: float) -> dict[str, Any]:
        p_value = None if undefined else 0.0004
        return {"interval": entry(mean), "p_value": p_value, "adjusted": None if undefined else 0.0028}

    names = [hostile if hostile and name == "decoy" else name for name in MEANS]
    methods = [
        {
            "name": name,
            "about": "What its scores show.",
            "is_floor": name.startswith(("baseline", "random")),
            "means": {measure: entry(mean) for measure in ("faithfulness", "infidelity")},
            "above_chance": difference(mean),
            "behind_best": None if rank == 0 else difference(0.71 - mean),
            "over_attention": None if name == "last-layer attention" else difference(mean - 0.48),
            "worse": {**entry(0.01 if mean > 0 else 0.4), "method": "none" if undefined else "exact"},
            "passes": 21 if rank == 0 else 0,
            "gradient_passes": 1 if name == "saliency" else 0,
            "work": 21.0 if rank == 0 else 0.1 + rank,
            "memory": 1_300_000 * (rank + 1),
        }
        for rank, (name, mean) in enumerate(zip(names, MEANS.values(), strict=True))
    ]
    about = {"faithfulness": "Mean of two: 0 is chance.", "infidelity": "Share that isn't explained: 0 is best."}
    return {
        "primary": "faithfulness",
        "texts": texts,
        "instead": f"{texts} texts are too few to name an explanation; it takes 50." if undefined else INSTEAD,
        "measures": [
            {"name": name, "about": said, "larger_is_better": name != "infidelity", "normalised": name != "infidelity"}
            for name, said in about.items()
        ],
        "methods": methods,
        "left_out": {"Chefer relevance": "the model's attention was watched from outside"},
        "agreement": [[1.0 if row == column else 0.2 for column in range(8)] for row in range(8)],
        "groups": [names[:2], *([name] for name in names[2:])],
        "judging_passes": 187.2,
        "cost_text": {"row": 17, "words": 21, "tokens": 24, "flops": 512_000_000, "memory": 1_300_000},
        "sanity": _sanity(names, entry, undefined),
    }


def _sanity(names: list[str], entry: Callable[[float], dict[str, Any]], undefined: bool) -> dict[str, Any]:
    """Checks of all but random orders: floors are blind, the decoy as well, and saliency changes with spacing."""
    changes = {"shift": "vectors shifted, and shifted back by the model", "spacing": "more space between the words"}
    methods = {}
    for place, name in enumerate(name for name in names if name != "random orders"):
        is_blind, by = place >= 5, ["spacing"] if name == "saliency" else []
        methods[name] = {
            "finding": "open" if undefined else "blind" if is_blind else "changes",
            "said": f"{name} {'is blind to' if is_blind else 'changes with'} the model's weights",
            "shuffled": entry(0.93 if is_blind else -0.04),
            "smooth": entry(0.95 if is_blind else 0.02),
            "entropy_rise": entry(0.07),
            "cascade": [None if undefined else 0.99, None if undefined else -0.04],
            "checks": {"shift": None if undefined else 1.0, "spacing": 0.31 if by else None},
            "changed_by": [] if undefined else by,
        }
    return {
        "rows": [7, 3, 12],
        "stages": ["head", "embeddings"],
        "changes": changes,
        "methods": methods,
        "left_out": {"spacing": "one text has no spaces"},
    }
