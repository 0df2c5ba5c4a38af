"""Every number of a measurement against whole passes, loops over words and pairs, and the same random draws."""

from collections.abc import Sequence
from dataclasses import replace
from math import isnan, nan

import numpy as np
import pytest
import torch
from measurements_for_tests import GOOD
from subjects_for_tests import OneLayerSubject, tiny_bert, tiny_llama
from torch import Tensor
from whole_passes_for_tests import (
    WholePasses,
    pairwise_agreement,
    pairwise_tau,
    spread_evenly,
    tokens_of,
    trade_back,
    without,
)

from analyses.verdicts.measure import measure, measure_text
from analyses.verdicts.measurement import Draws, Measurement
from analyses.verdicts.resampling import CorpusUnigram, Resampler
from analyses.verdicts.words_of_row import Content
from interpret.subjects.inputs.example import Example

DRAWS = Draws(permutations=3, replacements=4, like=2, alone=3, orders=3, null_orders=9)
SEED = 5
TEXTS = {"text": "the plot un_like_able and warm but drags", "other": "a film shines and the end was not dull"}
SETTINGS = {
    "bert": lambda: WholePasses(tiny_bert(labels=3), layer=2, **TEXTS),
    "llama": lambda: WholePasses(tiny_llama(), layer=1, **TEXTS),
    "a head of a lower causal layer": lambda: WholePasses(tiny_llama(seed=2), layer=0, head=1, **TEXTS),
}
SLACK = 3e-5  # logits


class Oracle:
    """One text after another, with the draws that `measure` makes, in its order."""

    def __init__(self, passes: WholePasses, resampler: Resampler) -> None:
        self.passes, self.examples = passes, passes.examples
        source, content = torch.Generator().manual_seed(SEED), Content.of(passes.examples)
        texts, units = content.exists.shape
        self.like = [resampler.shuffled(each, DRAWS.like, source) for each in self.examples]
        self.walks = [walks_of(each, resampler, source) for each in self.examples]
        self.replaced = [resampler.replaced(each, units, DRAWS.alone, source) for each in self.examples]
        walks = DRAWS.replacements
        self.trades = [
            torch.rand(DRAWS.null_orders, walks, len(each.units), generator=source) for each in self.examples
        ]
        self.orders = content.orders(DRAWS.permutations, source)
        self.random = torch.rand(texts, DRAWS.orders, units, generator=source)
        self.of_values = content.orders(3, source)
        self.resampler = resampler

    def measured(self, index: int) -> dict[str, object]:
        return {
            **self._display(index), **self._weights(index), **self._positions(index), **self._inputs(index),
            **self._top(index),
        }  # fmt: skip

    def shares(self, index: int, row: Tensor | None = None) -> list[float]:
        """Of each word in what lies on words."""
        row, example = self.passes.shown(index) if row is None else row, self.examples[index]
        mass = [sum(float(row[token]) for token in unit.tokens) for unit in example.units]
        return [each / sum(mass) for each in mass]

    def rounding(self, index: int) -> float:
        """A hundred thousandth of the larger of the two scores that make the margin."""
        scores = self.passes.logits(index).tolist()
        target = scores.pop(self.passes.decisions[index].target)
        return 1e-5 * max(abs(target), abs(max(scores)))

    def felt(self, index: int, effects: list[float]) -> list[float]:
        """Moves that rounding could make are none."""
        return [each if each > self.rounding(index) else 0.0 for each in effects]

    def unfelt(self, index: int, effects: list[float]) -> int:
        return sum(0 < each <= self.rounding(index) for each in effects)

    def erased(self, index: int, weights: Tensor, order: list[int] | None = None) -> list[float]:
        """How far each word's absence moves the margin from what it is with those weights, values shuffled if said."""
        example = self.examples[index]
        left = [weights, *(without(weights, example, [unit]) for unit in range(len(example.units)))]
        back = left if order is None else [trade_back(each, order) for each in left]
        before, *after = self.passes.margins(index, back)
        return [abs(each - before) for each in after]

    def moved(self, index: int, weights: list[Tensor]) -> list[float]:
        """How far each of other weights moves the margin."""
        clean = self.passes.margin(index)
        return [abs(each - clean) for each in self.passes.margins(index, weights)]

    def _display(self, index: int) -> dict[str, object]:
        passes, example = self.passes, self.examples[index]
        moved = [each - passes.margin(index) for each in passes.margins(index, ids=list(self.like[index]))]
        on_words = [float(passes.weights(index)[head, tokens_of(example)].sum()) for head in passes.heads()]
        return {
            "words": len(example.units),
            "margin": passes.margin(index),
            "reach": np.mean(np.abs(moved)),
            "spread": np.mean(np.square(moved)) / 2,
            "sink": 1 - float(passes.shown(index)[tokens_of(example)].sum()),
            "shown": [each / sum(on_words) for each in on_words],
        }

    def _weights(self, index: int) -> dict[str, object]:
        passes, own = self.passes, self.passes.weights(index)
        traded = [own[:, order] for order in self.orders[index]]
        joint, together = self.moved(index, traded), passes.margins(index, traded)
        single, conditional = [], []
        for head in passes.heads():
            chosen = (torch.arange(4) == head)[:, None]
            single.append(np.mean(self.moved(index, [each.where(chosen, own) for each in traded])))
            all_but = passes.margins(index, [own.where(chosen, each) for each in traded])
            conditional.append(np.mean(np.abs(np.subtract(all_but, together))))
        return {
            "use": sorted(joint)[1],  # of three
            "joint": np.mean(joint),
            "uniform": passes.moved(index, spread_evenly(own, self.examples[index])),
            "single": single,
            "conditional": conditional,
        }

    def _positions(self, index: int) -> dict[str, object]:
        example, own, shares = self.examples[index], self.passes.weights(index), self.shares(index)
        effects = self.felt(index, self.erased(index, own))
        blank = self.moved(index, [spread_evenly(own, example, [unit]) for unit in range(len(example.units))])
        of_values = self.felt(index, self.erased(index, spread_evenly(own, example)))
        shuffled = [self.felt(index, self.erased(index, own, order)) for order in self.of_values[index].tolist()]
        return {
            "rank": min(both_ways(effects, shares)),
            "rank_ways": both_ways(effects, shares),
            "rank_substituted": min(both_ways(self.felt(index, blank), shares)),
            "rank_tau": pairwise_tau(effects, shares),
            "rank_shuffled": np.mean([pairwise_agreement(each, shares) for each in shuffled]),
            "rank_of_values": pairwise_agreement(effects, of_values),
            "rank_unfelt": self.unfelt(index, self.erased(index, own)),
        }

    def _inputs(self, index: int) -> dict[str, object]:
        example, shares = self.examples[index], self.shares(index)
        steps = [self._walked(index, *walk) for walk in self.walks[index]]
        falls, paid, through, around = (np.array(each) for each in zip(*steps, strict=True))
        effects, *rounds = (self.felt(index, abs(part.mean(0)).tolist()) for part in (falls, *np.split(falls, 2)))
        correlation = max(0.0, np.corrcoef(*(part.mean(0) for part in np.split(falls, 2)))[0, 1])
        single = self.passes.margins(index, ids=list(self.replaced[index][: len(example.units)].flatten(0, 1)))
        alone = self.passes.margin(index) - np.array(single).reshape(len(example.units), DRAWS.alone).mean(1)
        rarity = [-each for each in self.resampler.frequency(example)]
        return {
            "input_rank": min(both_ways(effects, shares)),
            "input_ways": both_ways(effects, shares),
            "input_rank_halves": [min(both_ways(each, shares)) for each in rounds],
            "reliability": 2 * correlation / (1 + correlation),
            "input_tau": pairwise_tau(effects, shares),
            "in_context": falls.mean(0).tolist(),
            "alone": alone.tolist(),
            "share": abs(through).sum() / (abs(through).sum() + abs(around).sum()),
            "opposed": sum(shares[unit] for unit, felt in enumerate(effects) if felt > 0 and falls[:, unit].mean() < 0),
            "position_rank": pairwise_agreement(effects, list(range(len(effects)))),
            "rarity_rank": pairwise_agreement(effects, rarity),
            "head_ranks": [pairwise_agreement(effects, self.shares(index, row)) for row in self._every_row(index)],
            "p_luck": p_value(abs(falls), paid, self.trades[index]),
            "rounding": self.rounding(index),
            "input_unfelt": self.unfelt(index, abs(falls.mean(0)).tolist()),
        }

    def unchanged(self, index: int) -> int:
        """Words that are always replaced by themselves: whole passes together differ by rounding, walks don't."""
        ends = [texts[-1] for texts, _ in self.walks[index]]
        own = self.examples[index]
        return sum(all((end == own.ids)[list(unit.tokens)].all() for end in ends) for unit in own.units)

    def _walked(self, index: int, texts: list[Tensor], order: list[int]) -> list[list[float]]:
        """Of each word: the fall at its step, the attention paid to it, and what went through and around the row."""
        passes = self.passes
        margins = passes.margins(index, ids=texts)
        shares = [self._shown_of(index, ids) for ids in texts]
        written = [passes.written(index, ids=ids) for ids in texts]
        frozen = passes.margins(index, ids=texts[1:], written=written[:-1])
        found = [[0.0] * len(order) for _ in range(4)]
        for step, unit in enumerate(order):
            found[0][unit] = margins[step] - margins[step + 1]
            found[1][unit] = (shares[step][unit] + shares[step + 1][unit]) / 2
            found[2][unit] = margins[step + 1] - frozen[step]
            found[3][unit] = frozen[step] - margins[step]
        return found

    def _shown_of(self, index: int, ids: Tensor) -> list[float]:
        weights = self.passes.weights(index, ids)
        return self.shares(index, weights.mean(0) if self.passes.head is None else weights[self.passes.head])

    def _every_row(self, index: int) -> list[Tensor]:
        """Of each head of each layer, as the model itself gives them out."""
        model = self.passes.subject.model
        eager = model.__class__._from_config(model.config, attn_implementation="eager").eval()
        eager.load_state_dict(model.state_dict())
        with torch.no_grad():
            layers = eager(input_ids=self.examples[index].ids[None], output_attentions=True).attentions
        return [row for weights in layers for row in weights[0, :, self.passes.position]]

    def _top(self, index: int) -> dict[str, object]:
        own, example = self.passes.weights(index), self.examples[index]
        alone = self.moved(index, [spread_evenly(own, example, [unit]) for unit in range(len(example.units))])
        ranked, best, *random = (
            self._without_first(index, order) for order in [self.shares(index), alone, *self.random[index]]
        )
        return {"top": ranked - np.mean(random), "top_most": max(ranked, best) - np.mean(random)}

    def first_words(self, index: int, order: list[float] | Tensor) -> list[list[int]]:
        """The first words of an order, for each budget that isn't there yet."""
        units = len(self.examples[index].units)
        first = sorted(range(units), key=lambda unit: -float(order[unit]))
        return [first[:count] for count in sorted({-(-units * share // 100) for share in (1, 5, 10, 20, 50)})]

    def _without_first(self, index: int, order: list[float] | Tensor) -> float:
        own, example = self.passes.weights(index), self.examples[index]
        return float(
            np.mean(self.moved(index, [spread_evenly(own, example, gone) for gone in self.first_words(index, order)]))
        )


def walks_of(example: Example, resampler: Resampler, source: torch.Generator) -> list[tuple[list[Tensor], list[int]]]:
    """Each walk's texts, from the whole one on, and the order of its words."""
    count, words, walks = DRAWS.replacements // 2, len(example.units), []
    for _ in range(2):
        # What is drawn are the steps at which words are replaced; their order is the inverse of that.
        forth = torch.rand((count + 1) // 2, words, generator=source).argsort(dim=-1).argsort(dim=-1).tolist()
        orders = [order for each in forth for order in (each, each[::-1])][:count]
        drawn = ((torch.arange(count) + torch.rand(count, generator=source)) / count).tolist()
        ends = [example.ids.clone() for _ in range(count)]
        for place, unit in enumerate(example.units):
            mine = [drawn[other] for other in torch.randperm(count, generator=source).tolist()]
            for text, new in zip(ends, resampler.draw(example, place, mine), strict=True):
                text[list(unit.tokens)] = new
        for end, order in zip(ends, orders, strict=True):
            texts = [example.ids]
            for unit in order:
                text, tokens = texts[-1].clone(), list(example.units[unit].tokens)
                text[tokens] = end[tokens]
                texts.append(text)
            walks.append((texts, order))
    return walks


def both_ways(effects: list[float], shares: list[float]) -> tuple[float, float]:
    """Effects by attention, and attention by effects, of which small ones count as none."""
    large = [each if each > 0.05 * max(effects) else 0.0 for each in effects]
    return pairwise_agreement(effects, shares), pairwise_agreement(shares, large)


def p_value(moves: np.ndarray, paid: np.ndarray, keys: Tensor) -> float:
    def agreement(given: np.ndarray) -> float:
        return float(np.mean([pairwise_agreement(*pair) for pair in zip(moves.tolist(), given.tolist(), strict=True)]))

    own = agreement(paid)
    traded = [agreement(np.take_along_axis(paid, np.argsort(each.numpy(), axis=-1), axis=-1)) for each in keys]
    return (1 + sum(each >= own - 1e-6 for each in traded)) / (1 + len(traded))


def measured(passes: WholePasses, resampler: Resampler, draws: Draws = DRAWS) -> list[Measurement]:
    return measure(
        passes.subject, passes.examples, passes.decisions, resampler,
        draws=draws, seed=SEED, layer=passes.layer, head=passes.head,
    )  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_every_field_is_what_whole_passes_and_plain_loops_give(name: str) -> None:
    passes = SETTINGS[name]()
    resampler = CorpusUnigram(passes.examples)
    found, oracle = measured(passes, resampler), Oracle(passes, resampler)
    for index, each in enumerate(found):
        expected = oracle.measured(index)
        assert expected.keys() == GOOD.__dict__.keys()
        for field, value in expected.items():
            # A Gini correlation of effects that are known to 1e-5 is known to about that over their spread.
            slack = 2e-3 if "rank" in field or "ways" in field or field == "reliability" else SLACK
            slack = oracle.unchanged(index) if field == "input_unfelt" else slack
            got = getattr(each, field)
            assert np.ravel(got).tolist() == pytest.approx(np.ravel(value).tolist(), abs=slack), field
    assert min(each.use for each in found) > 10 * SLACK and found[0].words != found[1].words
    assert all(abs(each.rank_of_values - each.rank) > 0.01 for each in found)


@pytest.mark.parametrize("name", ["bert", "a head of a lower causal layer"])
def test_what_a_row_does_in_one_text_is_a_mean_over_it_and_texts_like_it(name: str) -> None:
    passes = SETTINGS[name]()
    resampler, subject, decision = CorpusUnigram(passes.examples), passes.subject, passes.decisions[0]
    place = {"layer": passes.layer, "head": passes.head}
    draws = replace(DRAWS, permutations=1, orders=1)  # of one word, all orders are the same
    example = passes.examples[0]
    found = measure_text(subject, example, decision, resampler, draws=draws, seed=SEED, **place)
    (alone,) = measure(subject, [example], [decision], resampler, draws=draws, seed=SEED, **place)
    for field in ("words", "margin", "spread", "input_rank", "in_context", "share", "p_luck", "uniform", "rank_tau"):
        assert getattr(found, field) == pytest.approx(getattr(alone, field), nan_ok=True)
    like = [replace(example, ids=ids) for ids in resampler.shuffled(example, DRAWS.like, seeded())]
    others = measure(subject, like, [decision] * len(like), resampler, draws=draws, **place)
    for field in ("rank", "rank_substituted", "rank_ways", "shown"):  # nothing of them is drawn
        mean = np.mean([getattr(each, field) for each in (alone, *others)], axis=0)
        assert np.ravel(getattr(found, field)).tolist() == pytest.approx(np.ravel(mean).tolist(), abs=1e-4)
    margins = passes.margins(0, ids=[each.ids for each in like])
    apart = np.mean([abs(margins[0] - margins[1])] * 2 + [alone.reach])
    assert found.reach == pytest.approx(apart, abs=SLACK) and found.reach != pytest.approx(alone.reach, abs=1e-3)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(SEED)


def test_texts_together_are_measured_as_each_by_itself_where_nothing_is_drawn() -> None:
    passes = SETTINGS["bert"]()
    resampler = CorpusUnigram(passes.examples)
    together = measured(passes, resampler)
    for index, example in enumerate(passes.examples):
        (alone,) = measure(passes.subject, [example], [passes.decisions[index]], resampler, draws=DRAWS, seed=SEED)
        for field in ("words", "margin", "sink", "uniform", "rank", "rank_substituted", "rank_tau", "rank_of_values"):
            assert getattr(alone, field) == pytest.approx(getattr(together[index], field), abs=1e-4)
        assert alone.shown == pytest.approx(together[index].shown, abs=1e-5)


def test_the_same_seed_gives_the_same_numbers_and_another_others() -> None:
    passes = SETTINGS["bert"]()
    resampler = CorpusUnigram(passes.examples)
    first, second = (measured(passes, resampler)[0] for _ in range(2))
    assert first.__dict__ == second.__dict__
    (other, _) = measure(passes.subject, passes.examples, passes.decisions, resampler, draws=DRAWS, seed=SEED + 1)
    assert other.use != first.use and other.input_rank != first.input_rank and other.rank == first.rank


def test_rarity_is_undefined_where_the_source_does_not_know_it() -> None:
    class Unknowing(CorpusUnigram):
        def frequency(self, example: Example) -> list[float]:
            return [nan] * len(example.units)

    passes = SETTINGS["bert"]()
    found = measured(passes, Unknowing(passes.examples))
    assert all(isnan(each.rarity_rank) for each in found)
    assert not any(isnan(each.input_rank) or isnan(each.position_rank) for each in found)


def test_moves_that_rounding_makes_are_no_effects() -> None:
    """Words that all say the same: there is nothing to rank, and what is left of the numbers is rounding."""
    subject = OneLayerSubject()
    example = subject.encode("plot plot plot plot plot plot")
    (found,) = measure(subject, [example], [subject.decide(example)], CorpusUnigram([example]), draws=DRAWS)
    undefined = ("rank", "rank_substituted", "rank_tau", "rank_shuffled", "rank_of_values")
    assert all(isnan(getattr(found, field)) for field in undefined)
    assert found.use < 1e-5 and found.uniform < 1e-5 and found.spread < 1e-9
    assert isnan(found.input_rank) and found.opposed == 0
    assert all(isnan(each) for each in (*found.input_rank_halves, *found.head_ranks))


def test_words_that_nothing_else_can_replace_speak_neither_for_nor_against() -> None:
    """Their effect is what rounding makes of the same text, of whatever sign."""

    class Same(Resampler):
        def draw(self, example: Example, unit: int, uniform: Sequence[float]) -> Tensor:
            return example.ids[list(example.units[unit].tokens)].expand(len(uniform), -1)

    for seed in range(4):
        passes = WholePasses(tiny_bert(labels=3, seed=seed), layer=2, **TEXTS)
        for each in measured(passes, Same()):
            assert each.opposed == 0 and isnan(each.input_rank)
            assert each.spread < 1e-9


def test_decisions_that_are_read_at_the_same_places_share_the_mean_of_their_readouts() -> None:
    passes = SETTINGS["bert"]()
    one, other = torch.zeros(2, len(passes.examples[0].ids))
    one[[0, 3]], other[[0, 3]] = torch.tensor([0.6, 0.4]), torch.tensor([0.2, 0.8])
    resampler, found = CorpusUnigram(passes.examples), []
    for readouts in ((one, other), ((one + other) / 2,) * 2):
        passes.decisions = [replace(each, readout=way) for each, way in zip(passes.decisions, readouts, strict=True)]
        found.append(measured(passes, resampler))
    for index in (0, 1):
        assert found[0][index].sink == pytest.approx(found[1][index].sink, abs=1e-6)
        assert found[0][index].head_ranks == pytest.approx(found[1][index].head_ranks, abs=1e-3)
        assert found[0][index].shown == pytest.approx(found[1][index].shown, abs=1e-6)


def test_decisions_that_are_read_at_different_places_are_refused() -> None:
    subject = tiny_bert()
    example = subject.encode("the plot drags but")
    first = subject.decide(example)
    other = replace(first, readout=torch.eye(6)[2])
    with pytest.raises(ValueError, match=r"^the decisions of one batch must be read from the same positions$"):
        measure(subject, [example] * 2, [first, other], CorpusUnigram([example]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 3}, "layer must be from 0 to 2, not 3"),
        ({"layer": -4}, "layer must be from 0 to 2, not -4"),
        ({"layer": 1, "head": 4}, "head must be from 0 to 3, not 4"),
    ],
)
def test_layers_and_heads_that_are_not_there_are_refused(options: dict[str, int], message: str) -> None:
    subject = tiny_bert()
    example = subject.encode("the plot drags but")
    with pytest.raises(IndexError, match=f"^{message}$"):
        measure(subject, [example], [subject.decide(example)], CorpusUnigram([example]), **options)


def test_texts_of_different_lengths_are_refused() -> None:
    subject = tiny_bert()
    examples = [subject.encode(text) for text in ("the plot", "the plot drags")]
    with pytest.raises(ValueError, match=r"^texts must have the same number of tokens, not \[4, 5\]$"):
        measure(subject, examples, [subject.decide(each) for each in examples], CorpusUnigram(examples))
