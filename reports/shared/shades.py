"""Steps of colour for values, as class names, because the page's policy allows no inline styles."""

from collections.abc import Sequence

STEPS = 10
LETTERS = "abcdefgijklmnopqrtuvwxyz"  # prefixes of switchable colourings; "s" and "h" are fixed ones
_LEVELS = (*range(-STEPS, 0), *range(1, STEPS + 1))


def largest(values: Sequence[float | None]) -> float:
    """Returns the largest magnitude among values, which gets the darkest step."""
    return max((abs(value) for value in values if value is not None), default=0.0)


def step(value: float | None, top: float) -> int:
    """Returns the value's share of `top` in tenths, from -10 to 10; 0 has no colour."""
    if value is None or top == 0:
        return 0
    return round(STEPS * max(-1.0, min(1.0, value / top)))


def step_class(letter: str, value: float | None, top: float) -> str:
    """Returns a value's class name in one of several colourings of an element: "b7", "b-3", or ""."""
    level = step(value, top)
    return f"{letter}{level}" if level else ""


def step_rules() -> str:
    """Returns style rules of the fixed colourings: "s7" and "s-7" in two colours, "h7" in one."""
    return "\n".join(
        _rule([f".{letter}{level}"], level, letter == "s")
        for letter, levels in (("s", _LEVELS), ("h", _LEVELS[STEPS:]))
        for level in levels
    )


def switch_rules(scope: str, signed: Sequence[bool]) -> str:
    """Returns style rules that let radio buttons choose a colouring, without scripts.

    Colouring number i applies where the radio button with id `scope-i` is checked inside `#scope`.

    Args:
        scope: Id of the element with the radio buttons and the coloured elements; never the user's text.
        signed: Whether each colouring has two colours.
    """
    rules = []
    for level in _LEVELS:
        for two_colours in (True, False) if level > 0 else (True,):
            chosen = [
                f"#{scope}:has(#{scope}-{index}:checked) .{LETTERS[index]}{level}"
                for index, has_two in enumerate(signed)
                if has_two == two_colours
            ]
            if chosen:
                rules.append(_rule(chosen, level, two_colours))
    return "\n".join(rules)


def _rule(selectors: Sequence[str], level: int, two_colours: bool) -> str:
    tint = "heat" if not two_colours else "support" if level > 0 else "oppose"
    mark = ";text-decoration-line:underline" if level < 0 else ""
    return f"{','.join(selectors)}{{--tint:var(--{tint});--amount:{abs(level) * 100 // STEPS}%{mark}}}"
