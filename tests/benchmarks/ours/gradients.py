"""Integrated gradients."""

from collections.abc import Callable

from analyses.explanations.gradient_based.integrated_gradients import integrated_gradients
from benchmarks.ours.models import Settings, example_of, load


def integrated(settings: Settings) -> Callable[[], list[float]]:
    """One score a token."""
    subject = load(settings)
    example = example_of(subject, settings["tokens"])
    decision = subject.decide(example)
    return lambda: integrated_gradients(subject, example, decision, steps=settings["steps"]).tokens.tolist()
