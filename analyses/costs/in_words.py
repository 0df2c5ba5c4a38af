"""Costs of explanations as people read them."""

from analyses.results.wording import number
from interpret.system.memory import shown_bytes, shown_seconds


def passes_in_words(passes: float, gradient_passes: float) -> str:
    """Says how many passes are run, such as "2 passes and 50 passes with a gradient"."""
    counts = ((passes, ""), (gradient_passes, " with a gradient"))
    said = [f"{count:,.0f} {'pass' if count == 1 else 'passes'}{what}" for count, what in counts if count]
    return " and ".join(said) or "no pass"


def cost_in_words(work: float | None, memory: float | None, seconds: float | None = None) -> str:
    """Says what they take, such as "2.5 x a pass, 226 kB, 0.013 s"; what is unknown is left out.

    Args:
        work: Work in multiples of one plain pass.
        memory: Memory in bytes.
        seconds: Time.
    """
    parts = (
        None if work is None else f"{number(work)} x a pass",
        None if memory is None else shown_bytes(memory),
        None if seconds is None else shown_seconds(seconds),
    )
    return ", ".join(part for part in parts if part)
