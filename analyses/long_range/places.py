"""Words and marks of an input by name, as queries and keys that edges are cut between."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from interpret.subjects.inputs.example import Example
from interpret.subjects.inputs.mentions import find_mention, mention_names, named_unit


@dataclass(frozen=True)
class Place:
    """A word, or a token that belongs to none, such as [CLS] or what a translator has written.

    Attributes:
        name: Its text.
        tokens: Its positions.
    """

    name: str
    tokens: tuple[int, ...]


def places_of(example: Example) -> list[Place]:
    """Returns all words of an input and all tokens that belong to none, in the order of their positions.

    Those of the same name are numbered: "the", "the#2".
    """
    units = [Place(name, unit.tokens) for name, unit in zip(mention_names(example), example.units, strict=True)]
    taken = {token for unit in units for token in unit.tokens}
    rest, seen = [], Counter[str]()
    for token, text in enumerate(example.tokens):
        if token not in taken:
            name = text.strip() or text
            seen[name] += 1
            rest.append(Place(name if seen[name] == 1 else f"{name}#{seen[name]}", (token,)))
    return sorted([*units, *rest], key=lambda place: place.tokens)


def positions_named(example: Example, names: Sequence[str]) -> tuple[Bool[Tensor, " token"], tuple[str, ...]]:
    """Finds words, or other tokens, by name: True at their positions, and remarks on which mentions were taken.

    Args:
        example: The input.
        names: Names such as "Paris", "Paris#2" or "[CLS]"; none stands for every position.

    Raises:
        InputError: The input has none of that name.
    """
    chosen = torch.full((len(example.ids),), not names)
    remarks = []
    for name in names:
        others = [place for place in places_of(example) if place.name == name.strip()]
        if find_mention(example, name) is None and others:
            chosen[list(others[0].tokens)] = True
            continue
        mention = named_unit(example, name)
        chosen[list(mention.unit.tokens)] = True
        remarks += [mention.remark] * bool(mention.remark)
    return chosen, tuple(dict.fromkeys(remarks))
