"""Formats of numbers, and of untrusted text, on pages."""

import math
from collections.abc import Callable, Iterable

from analyses.results.visible_text import visible as visible
from analyses.results.wording import listed as listed


def minus(text: str) -> str:
    """Replaces hyphens in a formatted number by minus signs."""
    return text.replace("-", "−")


def number(value: float | None) -> str:
    """Formats a number with two or three significant digits; a dash for `None`.

    Examples: 5.6038 is "5.60", -0.0179 is "−0.018", 0.0000042 is "4.2e−6".
    """
    if not value:
        return "–" if value is None else "0"
    size = abs(value)
    if size >= 100:
        written = f"{value:.0f}"
    elif size >= 9.995:
        written = f"{value:.1f}"
    elif size >= 0.0995:
        written = f"{value:.2f}"
    elif size >= 0.001:
        written = f"{value:.2g}"
    else:
        mantissa, exponent = f"{value:.1e}".split("e")
        written = f"{mantissa}e{int(exponent)}"
    return minus(written)


def column(values: Iterable[float | None]) -> Callable[[float | None], str]:
    """Returns a formatter for a column of numbers, with the decimals that give the largest three digits."""
    top = max((abs(value) for value in values if value is not None), default=0.0)
    decimals = max(0, 2 - math.floor(math.log10(top))) if top else 2
    if decimals > 6:
        return number

    def written(value: float | None) -> str:
        return "–" if value is None else minus(f"{round(value, decimals) + 0.0:.{decimals}f}")

    return written


def percent(share: float | None) -> str:
    """Formats a share as a percentage; 0 % and 100 % only when exact."""
    if share is None:
        return "–"
    if 0 < share < 0.0005:
        return "< 0.1%"
    if 0.9995 <= share < 1:
        return "> 99.9%"
    return minus(f"{100 * share:.1f}%")


def p_value(p: float | None) -> str:
    """Formats a p-value to three decimals."""
    if p is None:
        return "–"
    return f"{p:.3f}" if p >= 0.0005 else "< 0.001"


def sentence(text: str) -> str:
    """Adds a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
