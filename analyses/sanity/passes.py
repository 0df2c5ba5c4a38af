"""Number of times that sanity checks explain a text, before they run."""

from analyses.sanity.checked_text import FEW_DRAWS, FEW_NOISES
from analyses.sanity.sanity_result import CHECKS
from analyses.sanity.stages import stage_count


def maps_of_checks(layers: int, draws: int = FEW_DRAWS, noises: int = FEW_NOISES) -> int:
    """Number of times that `checked_text` has all methods explain a text.

    Args:
        layers: Layers of the model.
        draws: How often the weights are shuffled.
        noises: How many maps are averaged for the smooth variant.

    Example:
        >>> maps_of_checks(6)
        21
    """
    return 1 + draws * stage_count(layers) + 2 * noises + len(CHECKS)
