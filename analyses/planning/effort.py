"""How much work an analysis puts into its random numbers and integrals."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How many draws and steps are taken where more of them only make a number finer.

    Attributes:
        random_orders: Random orders that explanations are held against; the smallest p-value is 1 / (that + 1).
        integration_steps: Points of the integral in integrated gradients.
        adversary_steps: Of the search for other attention that keeps the answer.
    """

    random_orders: int
    integration_steps: int
    adversary_steps: int


EFFORTS = {"quick": Effort(100, 20, 50), "standard": Effort(200, 50, 100), "thorough": Effort(1000, 200, 500)}
