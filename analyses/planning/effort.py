"""Effort levels of an analysis: numbers of random orders, integration steps and search steps."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """Numbers of draws and steps that only affect the precision of results.

    Attributes:
        random_orders: Random orders in the faithfulness test; the smallest p-value is 1 / (random_orders + 1).
        integration_steps: Points of the integral in integrated gradients.
        adversary_steps: Steps of the search for adversarial attention.
    """

    random_orders: int
    integration_steps: int
    adversary_steps: int


EFFORTS = {"quick": Effort(100, 20, 50), "standard": Effort(200, 50, 100), "thorough": Effort(1000, 200, 500)}
