"""Sanity checks: whether explanations change with the model's weights, and with nothing that doesn't matter."""

from collections.abc import Sequence

from analyses.sanity.checked_text import checked_text
from analyses.sanity.one_text import OneText
from analyses.sanity.over_texts import sanity_over_texts
from analyses.sanity.sanity_result import SanityChecks
from interpret.errors import InputError
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


def sanity_checks(
    subject: Subject,
    texts: Example | str | Sequence[Example | str],
    methods: Sequence[str] | str | None = None,
    *,
    draws: int = 5,
    noises: int = 10,
    seed: int = 0,
) -> SanityChecks:
    """Checks explanations against a model that knows nothing, and against changes that don't matter.

    A map that stays the same when all weights are shuffled can't say why this model decides as it does: the method is
    blind to it. Weights are shuffled from the top down, within each parameter. That a map changes is weak evidence:
    attention changes with any weights. The other checks say how alike the map is, by rank correlation, if another label
    is explained (of two labels the one's margin is the other's, negated, so only signed maps can change); and if the
    words' vectors are shifted by a constant that the model takes away again, or seed, precision, space between words or
    size of the batch change, none of which should matter.

    The weights are swapped while it runs and are the same afterwards, also after an error. Nothing is written into
    them, so a second copy is in memory meanwhile.

    Args:
        subject: The model.
        texts: One text or several, encoded or not.
        methods: Names of methods, or of a set of them; by default those that are fast.
        draws: How often the weights are shuffled.
        noises: How many maps are averaged for the smooth variant.
        seed: Seed of everything random.

    Raises:
        InputError: There are no texts, a method is unknown, or weights are quantized or offloaded.

    Source: Cascading randomisation of Adebayo et al. (2018), arXiv:1810.03292, section 3, who draw weights anew; we
    shuffle them, which any architecture has the scales for. Smooth and efficient variants of Hedström et al. (2023),
    arXiv:2401.06465. Input invariance of Kindermans et al. (2017), arXiv:1711.00867. Random label:
    Sixt, Granz and Landgraf (2020), arXiv:1912.09818.

    Example:
        >>> found = sanity_checks(interpret.load(), "Slow at first, then wonderful.", ["saliency"], draws=2, noises=2)
        >>> [row.method for row in found.rows]
        ['last-layer attention', 'saliency']
    """
    given = [texts] if isinstance(texts, Example | str) else list(texts)
    if not given or draws < 1 or noises < 1:
        raise InputError(
            f"sanity checks need at least 1 text, 1 draw and 1 noise, not {len(given)}, {draws} and {noises}"
        )
    names, each = "fast" if methods is None else methods, []
    for text in given:
        about, example, decision = subject.asked(text)
        each.append(OneText(about, example, decision.target, names, seed))
    return sanity_over_texts([checked_text(one, draws, noises) for one in each], seed=seed)
