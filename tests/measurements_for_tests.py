"""Measurements made up for tests of the rules that judge them."""

from dataclasses import replace

import numpy as np

from analyses.verdicts.measurement import Measurement

GOOD = Measurement(
    words=12,
    margin=2.0,
    reach=2.0,
    spread=4.0,
    use=1.6,
    rank=0.9,
    rank_ways=(0.9, 0.95),
    rank_substituted=0.9,
    input_rank=0.8,
    input_ways=(0.9, 0.8),
    input_rank_halves=(0.8, 0.8),
    reliability=0.9,
    top=0.9,
    top_most=1.0,
    share=0.9,
    joint=1.0,
    single=(0.5, 0.5),
    conditional=(0.5, 0.5),
    shown=(0.5, 0.5),
    p_luck=0.001,
    in_context=(1.5, *(0.2,) * 11),
    alone=(1.2, *(0.1,) * 11),
    sink=0.1,
    uniform=1.0,
    rank_tau=0.5,
    input_tau=0.4,
    rank_shuffled=0.2,
    rank_of_values=0.3,
    opposed=0.1,
    position_rank=0.0,
    rarity_rank=0.1,
    head_ranks=(0.1, 0.5),
)
UNITS = {"use": GOOD.reach, "top": GOOD.top_most}  # of the components that are told in logits
FIELDS = {"use": "use", "rank": "rank", "input rank": "input_rank", "top": "top", "share": "share"}


def changed(**changes: object) -> Measurement:
    """`GOOD` with other values; a second look at a component says the same unless it is given too."""
    if "rank" in changes:
        changes.setdefault("rank_substituted", changes["rank"])
    if "input_rank" in changes:
        changes.setdefault("input_rank_halves", (changes["input_rank"], changes["input_rank"]))
    return replace(GOOD, **changes)  # type: ignore[arg-type]


def sample(count: int = 60, noise: float = 0.05, seed: int = 0, **changes: object) -> list[Measurement]:
    """Measurements around `GOOD` with some fields changed and a little noise in every component."""
    random, base = np.random.default_rng(seed), changed(**changes)
    found = []
    for _ in range(count):
        noisy = {field: getattr(base, field) + noise * random.standard_normal() for field in FIELDS.values()}
        second = base.rank_substituted - base.rank + noisy["rank"]
        halves = tuple(half - base.input_rank + noisy["input_rank"] for half in base.input_rank_halves)
        found.append(replace(base, **noisy, rank_substituted=second, input_rank_halves=halves))
    return found
