"""Format of numbers that are compared side by side."""

from reports.shared.notation import minus


def decimals(value: float | None, *, places: int = 2) -> str:
    """Formats a number with a fixed number of decimals, to be compared with its neighbours; a dash for `None`.

    Examples: 0.0941 is "0.09", -0.001 is "0.00".
    """
    return "–" if value is None else minus(f"{round(value, places) + 0.0:.{places}f}")
