"""Recursive attribution of written text: what of the prompt an answer comes from, through the tokens in between."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.value_aware.span_importance import span_importance
from analyses.results.pictures import BarChart, Chart, HeatMap
from analyses.results.result import PlottedResult
from analyses.results.wording import number, quoted, ranked, sizes
from interpret.decomposition.decompose import Decomposition, decompose
from interpret.errors import InputError
from interpret.modes.evaluating import evaluating
from interpret.subjects.inputs.continuation import Continuation
from interpret.subjects.inputs.source_and_target import with_next
from interpret.subjects.subject import Subject

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False, repr=False)
class RecursiveAttribution(PlottedResult):
    """Shares that the words of a text have in an answer that was written after it, hop by hop.

    Hop 0 attributes the answer directly. Each further hop attributes the written tokens on which the one before it
    found shares, each weighted by its share.

    Attributes:
        words: Words of the text.
        written: Tokens that follow the text.
        answer: First token of the answer among these, and one past its last.
        hops: Share of each word that a hop finds.
        passed: Share of each written token that a hop finds, and passes on to the next hop.
        elsewhere: Share that a hop finds on tokens of the text that are in no word, such as `<s>`, or in one that isn't
            ranked, such as the first word where heads rest on it.

    Example:
        >>> subject = interpret.load("path/to/gpt2")
        >>> found = recursive_attribution(subject, "The cat sat on", " the mat and the cat", answer="cat")
        >>> len(found.words), len(found.written) == found.passed.shape[1]
        (3, True)
        >>> round(float(found.hops.sum() + found.elsewhere.sum()) + found.left, 4)
        1.0
    """

    words: tuple[str, ...]
    written: tuple[str, ...]
    answer: tuple[int, int]
    hops: Float[Tensor, "hop word"]
    passed: Float[Tensor, "hop written"]
    elsewhere: Float[Tensor, " hop"]

    @property
    def scores(self) -> Float[Tensor, " word"]:
        """Share of each word, all hops together."""
        return self.hops.sum(dim=0)

    @property
    def left(self) -> float:
        """Share that is left on written tokens after the last hop."""
        return float(self.passed[-1].sum())

    def summary(self) -> list[str]:
        """Returns the words with the largest shares, by all hops and directly, and what isn't on words."""
        answer = "".join(self.written[slice(*self.answer)])
        counts = sizes({"word": len(self.words), "written token": len(self.written), "hop": len(self.hops) - 1})
        return [
            f"RecursiveAttribution of {quoted(answer)}: {counts}",
            f"with all hops: {ranked(self.words, self.scores.tolist())}",
            f"directly: {ranked(self.words, self.hops[0].tolist())}",
            f"left on written tokens: {number(self.left)}, {number(float(self.passed[0].sum()))} before any hop; "
            f"on tokens in no word: {number(float(self.elsewhere.sum()))}",
        ]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each hop and place: hop, part ("text" or "written"), place in it, word, and share."""
        import pandas

        parts = (("text", self.words, self.hops), ("written", self.written, self.passed))
        rows = [
            (hop, part, place, word, float(shares[hop, place]))
            for hop in range(len(self.hops))
            for part, words, shares in parts
            for place, word in enumerate(words)
        ]
        return pandas.DataFrame(rows, columns=["hop", "part", "place", "word", "share"])

    def pictures(self) -> Mapping[str, Callable[[], Chart]]:
        """Returns the shares of words as bars, and those of each hop as a map."""
        hops = tuple(map(str, range(len(self.hops))))
        return {
            "scores": lambda: BarChart(self.scores.tolist(), self.words, "word", "share of the answer"),
            "hops": lambda: HeatMap(self.hops.tolist(), hops, self.words, "hop", "word", "share of the answer"),
        }


def recursive_attribution(
    subject: Subject,
    text: str | Continuation,
    second: str | None = None,
    *,
    answer: str | slice | None = None,
    hops: int = 1,
    most: int | None = None,
    as_published: bool = False,
) -> RecursiveAttribution:
    """Attributes an answer to the words of the text before it, through the tokens that were written in between.

    An answer often copies what the model wrote just before, such as a step of its reasoning. Direct attribution stops
    there. Here, shares that fall on written tokens are passed on to what these tokens were written from, hop by hop.
    The answer's tokens are attributed together, from one pass of the model.

    Args:
        subject: A language model or a translator, from `interpret.load`.
        text: The text, or the source of a translation; or a continuation from `subject.writer.continuation`.
        second: What follows the text, reasoning and answer; by default generated by the model.
        answer: The answer as it stands in what follows, where its last mention is meant; or a slice of its tokens,
            counted from 0; by default all that follows.
        hops: How often shares on written tokens are passed on. None are left after as many hops as there are tokens.
        most: Most tokens that the model generates.
        as_published: Whether to compute the numbers of the authors' code; see below.

    Raises:
        InputError: The model writes no text, a text, the answer or a number can't be used.
        CaptureError: The model's layers can't be taken apart into what each position adds.

    Source: Pan et al. (2026), arXiv:2602.01914 (FlashTrace): span-wise aggregation and recursive attribution. We depart
    from their code in two points, which `as_published` takes back. A token was decided in the row before it, which we
    attribute; they attribute the row that reads the token, which prepares the next one. And each hop's importance is
    scaled to a sum of 1, so that no share is lost or made; theirs has the sum of that hop's layers, whatever it is.
    Their tool also leaves out commas, full stops and blanks, which we keep.

    Example:
        >>> subject = interpret.load("path/to/gpt2")
        >>> found = recursive_attribution(subject, "The cat sat on", " the mat and the cat", answer="cat", hops=9)
        >>> round(found.left, 4)
        0.0
    """
    if hops < 0:
        raise InputError(f"hops must be 0 or more, not {hops}; 0 attributes the answer directly")
    with evaluating(subject.model):
        if not isinstance(text, Continuation):
            text = subject.writer.continuation(text, second, most=most)
        prompt, last = text.examples[0], text.examples[-1]
        tokens = _answer_tokens(text.tokens, answer)
        assert last.expected is not None  # what follows it is known
        found = decompose(subject, replace(last, ids=with_next(last.ids, last.expected)))
    first, before = len(prompt.ids), 0 if as_published else 1
    parts = list(_importance_by_hop(found, first, tokens, hops=hops, before=before))
    importance = torch.stack([part if as_published else part / part.sum() for part, _ in parts])
    shares = importance * torch.tensor([carried for _, carried in parts])[:, None]
    given = shares[:, :first]
    words = prompt.pool(given)
    return RecursiveAttribution(
        prompt.words, text.tokens, (tokens.start, tokens.stop), words, shares[:, first:], given.sum(1) - words.sum(1)
    )


def _importance_by_hop(
    found: Decomposition, first: int, answer: range, *, hops: int, before: int
) -> Iterator[tuple[Float[Tensor, " token"], float]]:
    """Yields the importance of positions for the answer, then for written tokens, and the share that each hop carries.

    Args:
        found: The decomposed pass of text and answer.
        first: Position of the first written token.
        answer: Tokens of the answer, counted from that one.
        hops: Most hops.
        before: Rows between a token and the row that stands for it.
    """
    weights, carried = torch.zeros(found.length), 1.0
    weights[first - before + answer.start : first - before + answer.stop] = 1 / len(answer)
    for _ in range(hops + 1):
        importance = span_importance(found, weights)
        yield importance, carried
        written = importance[first:]
        if not written.any():
            return
        carried *= float(written.sum() / importance.sum())
        weights = torch.zeros(found.length)
        weights[first - before : found.length - before] = written / written.sum()


def _answer_tokens(tokens: Sequence[str], answer: str | slice | None) -> range:
    """Tokens of the answer among those that follow the text.

    Raises:
        InputError: What follows has no such text or tokens.
    """
    found = range(len(tokens))
    if isinstance(answer, str):
        texts, wanted = ["".join(token.split()) for token in tokens], "".join(answer.split())  # labels may lack spaces
        start = "".join(texts).rfind(wanted) if wanted else -1
        ends = list(accumulate(map(len, texts)))
        found = range(bisect_right(ends, start), bisect_left(ends, start + len(wanted)) + 1) if start >= 0 else range(0)
    elif answer is not None:
        found = found[answer]
    if not found or found.step != 1:
        raise InputError(
            f"the answer {answer!r} must stand in what follows the text, {''.join(tokens)!r}; give words as they stand "
            f"there, or a slice of its {len(tokens)} tokens"
        )
    return found
