"""Models whose attention is known to explain them, or not to; verdicts are calibrated on them.

Start with `families.py`, which lists them; then `recipe.py`, `formula.py` and `blueprint.py`.
"""

from interpret.native.planted.doses import Doses
from interpret.native.planted.families import FAMILIES, Family, Truth
from interpret.native.planted.model import PlantedModel, plant

__all__ = ["FAMILIES", "Doses", "Family", "PlantedModel", "Truth", "plant"]
