"""A result of a user's own."""

from dataclasses import dataclass
from typing import Literal

import pandas

from analyses import Result


@dataclass(frozen=True, repr=False)
class Balance(Result):
    """Which side is heavier."""

    side: Literal["left", "right"]
    weights: tuple[float, float]

    def summary(self) -> list[str]:
        return [f"Balance: {self.side}"]

    def to_frame(self) -> pandas.DataFrame:
        return pandas.DataFrame({"weight": self.weights})
