"""Random planted models of a calibration, with random sizes and text lengths."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from interpret.native.planted import FAMILIES, Doses, PlantedModel, plant

# Large models are drawn less often because they take most of the time.
LAYERS = {1: 0.3, 2: 0.35, 3: 0.2, 4: 0.15}
HEADS = {1: 0.35, 2: 0.35, 4: 0.2, 8: 0.1}
LENGTHS = {(5, 9): 0.15, (10, 19): 0.25, (20, 40): 0.4, (41, 60): 0.2}  # words of a text
DOSES: dict[str, tuple[float, ...]] = {
    "bypass": (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0),
    "decoy": (0.05, 0.2, 0.4, 0.6, 0.8, 0.95),
    "noise": (0.0, 0.5, 1.0, 2.0, 4.0, 8.0),
    "displaced": (0.0, 0.3, 0.45, 0.6, 0.7, 0.8, 1.0),
}
PROTOCOL = tuple(key for key in FAMILIES if key.startswith("F"))
OTHERS_EVERY, DOSES_EVERY = 2, 10  # rounds


@dataclass(frozen=True)
class Job:
    """One planted model to be judged.

    Attributes:
        family: Key of its family.
        number: Index of the draw within the family, from 0.
        dose: Name of the parameter that is set by hand; empty for none.
        level: Value of that parameter.
    """

    family: str
    number: int
    dose: str = ""
    level: float = 0.0


@dataclass(frozen=True, eq=False)
class Drawn:
    """Planted model, and the number of words in its texts."""

    model: PlantedModel
    length: int
    seed: int


def plan(families: Sequence[str], draws: int) -> tuple[Job, ...]:
    """Lists all jobs, round by round; a plan with fewer draws is a prefix of one with more.

    Every round has a model of each family of the protocol, every second one of each other family, and every tenth
    one of each level of each dose.

    Args:
        families: Keys of `FAMILIES`.
        draws: Rounds.
    """
    jobs: list[Job] = []
    for number in range(draws):
        jobs += [Job(family, number) for family in families if family in PROTOCOL or number % OTHERS_EVERY == 0]
        if number % DOSES_EVERY == 0:
            jobs += [Job("F1", number, dose, level) for dose, levels in DOSES.items() for level in levels]
    return tuple(jobs)


def draw(job: Job, seed: int) -> Drawn:
    """Builds the model of a job, deterministic in job and seed; all levels of a dose share sizes and words."""
    rng = random.Random(f"{seed} {job.family} {job.number} {job.dose}")
    family = FAMILIES[job.family]
    layers = _chosen(rng, LAYERS, at_least=max(family.fewest_layers, 2 if job.dose else 1))
    heads = _chosen(rng, HEADS, at_least=family.fewest_heads)
    norm: Literal["pre", "post"] = rng.choice(["pre", "post"])
    length = rng.randint(*rng.choices(list(LENGTHS), list(LENGTHS.values()))[0])
    planted_seed = rng.randrange(2**31)
    doses = Doses(**{job.dose: job.level}) if job.dose else Doses()  # type: ignore[arg-type]
    model = plant(job.family, seed=planted_seed, layers=layers, heads=heads, norm=norm, doses=doses)
    return Drawn(model, length, planted_seed)


def _chosen(rng: random.Random, shares: dict[int, float], *, at_least: int) -> int:
    able = {size: share for size, share in shares.items() if size >= at_least}
    return rng.choices(list(able), list(able.values()))[0]
