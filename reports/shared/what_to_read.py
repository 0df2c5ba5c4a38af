"""The sentence on the first screen that says what to read instead of attention."""

import re

from analyses.verdicts.thresholds import Answer


def instead_lead(answer: Answer) -> str:
    """Returns the words before what to read, which depend on whether attention can be read."""
    return "What to read:" if answer == "supported" else "What to read instead:"


def in_type(said: str) -> str:
    """Writes a sentence as pages do, with a minus before negative numbers and curved apostrophes."""
    return re.sub(r"-(?=\d)", "−", said).replace("'", "’")
