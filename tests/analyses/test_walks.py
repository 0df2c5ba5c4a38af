"""Walks from a text to texts like it, and effects in context: Shapley values of the game of replacements."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest
import torch
from subjects_for_tests import ToySubject, tiny_bert, tiny_llama
from torch import Tensor

from analyses.verdicts.effects_in_context import effects_in_context
from analyses.verdicts.resampling import CorpusUnigram, Resampler
from analyses.verdicts.walks import Walks
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import read_row
from interpret.subjects.decision import margin
from interpret.subjects.inputs.example import Example
from interpret.subjects.inputs.token_ids import TokenIds

TEXTS = ("the plot un_like_able and warm", "a film shines and the end was")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class OneOther(Resampler):
    """The same replacement whatever is drawn: the last word of the vocabulary, for each token."""

    def draw(self, example: Example, unit: int, uniform: Sequence[float]) -> Tensor:
        return torch.full((len(uniform), len(example.units[unit].tokens)), 11)


class Remembering(CorpusUnigram):
    """Keeps the random numbers of each word."""

    def __init__(self, examples: Sequence[Example]) -> None:
        super().__init__(examples)
        self.drawn: list[list[float]] = []

    def draw(self, example: Example, unit: int, uniform: Sequence[float]) -> Tensor:
        self.drawn.append(list(uniform))
        return super().draw(example, unit, uniform)


def test_each_step_replaces_one_word_until_none_is_left() -> None:
    subject = tiny_bert()
    examples = [subject.encode(text) for text in TEXTS]
    content = Content.of(examples)
    walks = Walks.draw(examples, content, OneOther(), walks=8, generator=generator())
    assert walks.ids.shape == (2, 8, 7, 9)
    for index, example in enumerate(examples):
        for texts, units in zip(walks.ids[index], walks.unit[index].tolist(), strict=True):
            expected = example.ids.clone()
            assert sorted(units[: len(example.units)]) == list(range(len(example.units)))
            for text, unit in zip(texts, units, strict=True):
                expected[list(example.units[unit].tokens) if unit < len(example.units) else []] = 11
                assert torch.equal(text, expected)
        for there, back in zip(walks.unit[index, ::2], walks.unit[index, 1::2], strict=True):
            words = len(example.units)
            assert there[:words].tolist() == back[:words].flip(0).tolist()
        assert len({tuple(order) for order in walks.unit[index].tolist()}) > 4


def test_every_walk_ends_in_a_text_of_its_own() -> None:
    subject = tiny_bert()
    example = subject.encode("the plot drags but the cast shines and is warm")
    walks = Walks.draw([example], Content.of([example]), CorpusUnigram([example]), walks=8, generator=generator())
    assert len({tuple(text) for text in walks.ids[0, :, -1].tolist()}) == 8
    odd = Walks.draw([example], Content.of([example]), CorpusUnigram([example]), walks=6, generator=generator())
    assert odd.unit.shape == (1, 6, 10)  # of three orders, one has no reverse


def test_replaced_tokens_stay_in_their_text() -> None:
    """Ids of pairs carry which text each token is of."""
    subject = tiny_bert()
    plain = subject.encode("the plot drags but the cast shines")
    example = replace(plain, ids=TokenIds.of(plain.ids, [0] * 9, [0] * 4 + [1] * 5, [1] * 9))
    walks = Walks.draw([example], Content.of([example]), OneOther(), walks=2, generator=generator())
    assert isinstance(walks.ids, TokenIds)
    assert walks.ids.flatten(0, 2).in_second.tolist() == [[False] * 4 + [True] * 5] * 14


def test_in_each_round_every_word_meets_the_same_numbers_in_an_order_of_its_own() -> None:
    subject = tiny_bert()
    example = subject.encode("the plot drags but the cast shines")
    resampler = Remembering([example])
    Walks.draw([example], Content.of([example]), resampler, walks=8, generator=generator())
    first, second = resampler.drawn[:7], resampler.drawn[7:]
    for drawn in (first, second):
        assert len({tuple(sorted(each)) for each in drawn}) == 1 and len({tuple(each) for each in drawn}) > 3
        assert [int(4 * each) for each in sorted(drawn[0])] == [0, 1, 2, 3]  # spread over the whole range
    assert sorted(first[0]) != sorted(second[0])


def found_in(subject: ToySubject, example: Example, resampler: Resampler, walks: int):
    row = read_row(
        subject, example.ids[None], torch.tensor([subject.decide(example).target]),
        readout=subject.decide(example).readout,
    )  # fmt: skip
    content = Content.of([example])
    return row, effects_in_context(row, [example], content, resampler, walks=walks, generator=generator(3))


@pytest.mark.parametrize("maker", [tiny_bert, tiny_llama])
def test_effects_in_context_are_shapley_values_by_enumeration_of_all_orders(maker: type) -> None:
    subject = maker()
    example = subject.encode("the plot un_like_able drags")
    target, words = subject.decide(example).target, len(example.units)
    values = {}
    for mask in range(2**words):
        ids = example.ids.clone()
        for unit in range(words):
            if mask >> unit & 1:
                ids[list(example.units[unit].tokens)] = 11
        with torch.no_grad():
            values[mask] = float(margin(subject.logits(ids[None]), target))
    expected = [0.0] * words
    for order in permutations(range(words)):
        mask = 0
        for unit in order:
            expected[unit] += (values[mask] - values[mask | 1 << unit]) / 24
            mask |= 1 << unit
    _, found = found_in(subject, example, OneOther(), 192)
    assert found.mean[0].tolist() == pytest.approx(expected, abs=0.1 * max(map(abs, expected)))
    assert float(found.mean.sum()) == pytest.approx(values[0] - values[2**words - 1], abs=1e-4)  # in every walk
    assert torch.allclose(found.falls.sum(-1), found.falls.sum(-1)[:, :1], atol=1e-4)


def test_words_that_say_the_same_do_little_alone_and_share_in_context() -> None:
    """Any of three is enough: without one nothing changes, but together they decide."""
    subject = tiny_bert()
    example = subject.encode("plot plot plot")
    with torch.no_grad():
        subject.model.classifier.weight.mul_(100)
    _, found = found_in(subject, example, OneOther(), 8)
    assert torch.allclose(found.rounds.mean(0), found.mean, atol=1e-6)
    total = float(found.mean.sum())
    assert total == pytest.approx(float(found.falls[0, 0].sum()), rel=1e-3)


def test_what_goes_through_and_around_adds_up_to_each_step() -> None:
    """Where the row is all there is, nothing goes around; with a frozen row, nothing goes through."""
    subject = tiny_bert()
    example = subject.encode("the plot drags but the cast shines")
    _, found = found_in(subject, example, CorpusUnigram([example]), 4)
    assert 0 < float(found.share[0]) < 1
    assert float(found.through[0] + found.around[0]) >= float(found.falls.abs().sum()) - 1e-4
