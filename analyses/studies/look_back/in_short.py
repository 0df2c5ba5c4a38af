"""How far back the decisions of a study look, in sentences; for the command line and the report."""

from analyses.studies.evidence.in_short import bounds
from analyses.studies.look_back.schema import LookBackOverTextsDict


def look_back_in_short(found: LookBackOverTextsDict) -> list[str]:
    """Says how far back decisions look on average, how many look further than some distances, and what is unknown."""
    untold = [f"It can’t be told on {_texts(count)}: {reason}." for reason, count in found["untold"].items()]
    if not found["texts"]:
        return untold
    first, median, third = (f"{each:g}" for each in found["quartiles"])
    said = [
        f"Decisions look back {bounds(found['distance'], digits=1)} tokens on average, {bounds(found['share'])} of the "
        f"longest link. Half of {_texts(found['texts'])} look {first} to {third} tokens back, the middle one {median}."
    ]
    steps = [distance for distance in (2**power for power in range(20)) if distance < len(found["further"])]
    if steps:
        counts = ", ".join(f"{found['further'][each]} further than {each}" for each in steps)
        said.append(f"Of {_texts(found['texts'])}, {counts}.")
    if found["to_the_end"]:
        said.append(
            f"{found['to_the_end']} of them look as far as the text goes, and might look further in a longer one."
        )
    return [*said, *untold]


def _texts(count: int) -> str:
    return f"{count:,} text{'' if count == 1 else 's'}"
