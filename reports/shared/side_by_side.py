"""How the page of a study writes what stands side by side."""

from reports.shared.notation import minus


def decimals(value: float | None, *, places: int = 2) -> str:
    """A number to as many decimals as its neighbours, so that they can be compared; a dash where there is none.

    Examples: 0.0941 is "0.09", -0.001 is "0.00".
    """
    return "–" if value is None else minus(f"{round(value, places) + 0.0:.{places}f}")
