"""Alignment error rate of predicted word alignments against gold ones."""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from interpret.errors import InputError

Links = AbstractSet[tuple[int, int]]

_LINK = re.compile(r"(\d+)([-?p])(\d+)")


@dataclass(frozen=True)
class GoldAlignment:
    """Gold alignment of a translation's words by human annotators. Words are counted from 0.

    Attributes:
        sure: Pairs of a source word and a target word that must be linked.
        possible: Pairs that may be linked, the sure ones included.
    """

    sure: frozenset[tuple[int, int]]
    possible: frozenset[tuple[int, int]]

    @classmethod
    def parse(cls, text: str, *, source: int, target: int) -> "GoldAlignment":
        """Reads the Pharaoh format: `0-0 1-2` for sure links from source words to target words, counted from 0.

        Args:
            text: Links separated by spaces; `1?2` and `1p2` are possible ones.
            source: Number of space-separated words of the source.
            target: The same for the target.

        Raises:
            InputError: A part isn't a link, a word doesn't exist, or no link is sure.
        """
        sure, possible = set(), set()
        for link in text.split():
            found = _LINK.fullmatch(link)
            if found is None:
                raise InputError(
                    f"a gold alignment is links such as 0-0 (sure) or 1?2 (possible) with spaces between, not {link!r}"
                )
            first, second = int(found[1]), int(found[3])
            if first >= source or second >= target:
                raise InputError(
                    f"the gold alignment has the link {link}, but the source has {source} words and the target "
                    f"{target}, counted from 0 and taken from between spaces"
                )
            possible.add((first, second))
            if found[2] == "-":
                sure.add((first, second))
        if not sure:
            raise InputError("the gold alignment has no sure link, such as 0-0, so no error rate can be told")
        return cls(frozenset(sure), frozenset(possible))

    def error_rate(self, predicted: Links) -> float:
        """Computes the alignment error rate of predicted links, in [0, 1]."""
        return alignment_error_rate(predicted, self.sure, self.possible)


def alignment_error_rate(predicted: Links, sure: Links, possible: Links) -> float:
    """Computes `1 - (|A & S| + |A & P|) / (|A| + |S|)`: 0 if all sure links and no impossible ones are predicted.

    Args:
        predicted: `A`, pairs of a source word and a target word.
        sure: `S`, the pairs that must be linked.
        possible: `P`, the pairs that may be linked; the sure ones count as possible, whether or not they are in it.

    Returns:
        A share in [0, 1].

    Raises:
        ValueError: There are neither predicted nor sure links.

    Source: Och and Ney (2003), A Systematic Comparison of Various Statistical Alignment Models, Computational
    Linguistics 29(1), section 4.

    Example:
        >>> predicted = {(0, 0), (1, 2)}
        >>> round(alignment_error_rate(predicted, sure={(0, 0)}, possible={(0, 0), (1, 1)}), 2)
        0.33
    """
    if not predicted and not sure:
        raise ValueError("an error rate needs predicted or sure links, but there are neither")
    right = len(predicted & sure) + len(predicted & (possible | sure))
    return 1 - right / (len(predicted) + len(sure))
