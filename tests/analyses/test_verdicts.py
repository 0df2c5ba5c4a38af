"""The components of the verdict, each against one whole edited pass after another."""

import pytest
import torch
from subjects_for_tests import SENTENCE, ToySubject, tiny_bert, tiny_llama
from torch import Tensor
from whole_passes_for_tests import spread_evenly

import interpret
from analyses.verdicts import row_edits
from analyses.verdicts.idle_heads import head_use
from analyses.verdicts.rank_in_row import position_effects
from analyses.verdicts.resampling import CorpusUnigram
from analyses.verdicts.row_edits import blanked, erased, level, one_by_one, spread_out
from analyses.verdicts.shuffled_values import shuffled_effects
from analyses.verdicts.top_words import top_of_row
from analyses.verdicts.use import use
from analyses.verdicts.value_norms import value_effects
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import read_row
from interpret.subjects.decision import margin
from interpret.subjects.inputs.example import Example

OTHER = "a film shines and the end was not dull very clever but slow"
MAKERS = {"bert": tiny_bert, "llama": tiny_llama}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class Setting:
    """Two texts of 15 tokens; the second has more words, for none of its words is split."""

    def __init__(self, subject: ToySubject) -> None:
        self.subject = subject
        length = len(subject.encode(SENTENCE).ids)
        self.examples = [subject.encode(text) for text in (SENTENCE, cut(subject, f"{OTHER} warm and warm", length))]
        self.content = Content.of(self.examples)
        decisions = [subject.decide(example) for example in self.examples]
        self.targets = torch.tensor([decision.target for decision in decisions])
        self.row = read_row(
            subject, torch.stack([example.ids for example in self.examples]), self.targets,
            readout=decisions[0].readout,
        )  # fmt: skip

    def margin(self, index: int, weights: Tensor) -> float:
        """A whole pass in which the decision's row of the last layer is `[head, key]`."""

        def put(_: int, own: Tensor) -> Tensor:
            edited = own.clone()
            edited[0, :, self.row.positions[0]] = weights
            return edited

        with torch.no_grad(), interpret.editing(self.subject.model, interpret.Edit("weights", put, self.row.layer)):
            logits = self.subject.logits(self.examples[index].ids[None])
        return float(margin(logits, int(self.targets[index])))

    def clean(self, index: int) -> float:
        with torch.no_grad():
            return float(margin(self.subject.logits(self.examples[index].ids[None]), int(self.targets[index])))

    def weights(self, index: int) -> Tensor:
        return self.row.weights[index, :, 0]


def cut(subject: ToySubject, text: str, length: int) -> str:
    words = text.split()
    while len(subject.encode(" ".join(words)).ids) > length:
        words.pop()
    return " ".join(words)


@pytest.fixture(params=MAKERS)
def setting(request: pytest.FixtureRequest) -> Setting:
    return Setting(MAKERS[request.param]())


def without(weights: Tensor, example: Example, units: list[int]) -> Tensor:
    """`[head, key]` without some words, in plain loops."""
    words = {token for unit in example.units for token in unit.tokens}
    gone = {token for unit in units for token in example.units[unit].tokens}
    found = weights.clone()
    for head in range(len(weights)):
        mass = sum(float(weights[head, token]) for token in words)
        left = sum(float(weights[head, token]) for token in words - gone)
        for token in words:
            found[head, token] = 0.0 if token in gone else weights[head, token] * mass / left
    return found


def test_orders_permute_words_only() -> None:
    examples = [tiny_bert().encode(text) for text in ("the plot drags but", "un_like_able plot")]
    content = Content.of(examples)
    orders = content.orders(50, generator())
    assert sorted({tuple(sorted(order)) for order in orders.flatten(0, 1).tolist()}) == [tuple(range(6))]
    assert (orders[:, :, [0, 5]] == torch.tensor([0, 5])).all()
    assert len({tuple(order) for order in orders[0].tolist()}) > 15  # of 24


def test_shares_are_of_words_and_sum_to_one(setting: Setting) -> None:
    shares = setting.content.shares(setting.row.read_by())
    torch.testing.assert_close(shares.sum(1), torch.ones(2))
    assert (shares[~setting.content.exists] == 0).all()
    row = setting.row.read_by()[0]
    unit = setting.examples[0].units[7]
    on_words = sum(float(row[token]) for each in setting.examples[0].units for token in each.tokens)
    assert float(shares[0, 7]) == pytest.approx(sum(float(row[token]) for token in unit.tokens) / on_words)


def test_use_is_what_whole_passes_with_permuted_weights_give(setting: Setting) -> None:
    orders = setting.content.orders(3, generator())
    moved = use(setting.row, orders)
    for index in (0, 1):
        for variant in range(3):
            weights = setting.weights(index)[:, orders[index, variant]]
            expected = abs(setting.margin(index, weights) - setting.clean(index))
            assert float(moved[index, variant]) == pytest.approx(expected, abs=2e-5)
    assert moved.max() > 1e-2


def test_position_effects_are_what_whole_passes_without_each_word_give(setting: Setting) -> None:
    effects = position_effects(setting.row, setting.content)
    for index, example in enumerate(setting.examples):
        for unit in range(len(example.units)):
            expected = abs(
                setting.margin(index, without(setting.weights(index), example, [unit])) - setting.clean(index)
            )
            assert float(effects.renormalised[index, unit]) == pytest.approx(expected, abs=2e-5)
    assert effects.renormalised.max() > 1e-2
    assert (effects.renormalised[~setting.content.exists] < 1e-5).all()


def test_a_substituted_word_says_what_words_say_on_average(setting: Setting) -> None:
    values = blanked(setting.row, setting.content, one_by_one(setting.content))
    words = [token for unit in setting.examples[0].units for token in unit.tokens]
    mean = setting.row.values[0][:, words].mean(1)
    first = setting.examples[0].units[0].tokens[0]
    torch.testing.assert_close(values[0, 0, :, first], mean)
    untouched = [token for token in range(values.shape[3]) if token != first]
    torch.testing.assert_close(values[0, 0][:, untouched], setting.row.values[0][:, untouched])


def test_what_is_erased_is_shared_among_the_other_words_even_where_they_have_next_to_nothing(setting: Setting) -> None:
    weights = torch.zeros_like(setting.row.weights)
    weights[..., 0], weights[..., 2] = 0.25, 0.75
    left = erased(setting.row, setting.content, one_by_one(setting.content), weights=weights)
    torch.testing.assert_close(left.sum(-1), torch.ones(left.shape[:-1]))
    (unit,) = [number for number, each in enumerate(setting.examples[0].units) if 2 in each.tokens]
    others = [token for each in setting.examples[0].units for token in each.tokens if token != 2]
    torch.testing.assert_close(left[0, unit, 0, 0, others], torch.full((len(others),), 0.75 / len(others)))
    assert float(left[0, unit, 0, 0, 0]) == 0.25


def test_what_top_words_have_is_spread_evenly_over_all_words(setting: Setting) -> None:
    removed = torch.zeros(2, 1, setting.content.exists.shape[1], dtype=torch.bool)
    removed[:, 0, [1, 3]] = True
    found = spread_out(setting.row, setting.content, removed)
    for index, example in enumerate(setting.examples):
        torch.testing.assert_close(found[index, 0, :, 0], spread_evenly(setting.weights(index), example, [1, 3]))
    torch.testing.assert_close(found.sum(-1), torch.ones(found.shape[:-1]))
    everything = spread_out(setting.row, setting.content, setting.content.exists[:, None])
    torch.testing.assert_close(everything[:, 0], level(setting.row, setting.content))


def test_top_words_are_the_mean_over_budgets_of_whole_passes(setting: Setting) -> None:
    shares = setting.content.shares(setting.row.read_by())
    top = top_of_row(setting.row, setting.content, shares, orders=5, generator=generator())

    def moved(index: int, units: list[int]) -> float:
        weights = spread_evenly(setting.weights(index), setting.examples[index], units)
        return abs(setting.margin(index, weights) - setting.clean(index))

    for index, example in enumerate(setting.examples):
        units = len(example.units)
        budgets = sorted({-(-units // 100), -(-units // 20), -(-units // 10), -(-units // 5), -(-units // 2)})
        alone = [moved(index, [unit]) for unit in range(units)]
        ranked, best = (
            sum(moved(index, order[:count]) for count in budgets) / len(budgets)
            for order in (sorted(range(units), key=lambda unit: -float(by[unit])) for by in (shares[index], alone))
        )
        assert float(top.ranked[index]) == pytest.approx(ranked, abs=2e-5)
        assert float(top.best[index]) == pytest.approx(max(ranked, best), abs=2e-5)
    assert top.gain == pytest.approx((top.ranked - top.random.mean(1)).tolist(), abs=1e-6)
    assert top.most == pytest.approx((top.best - top.random.mean(1)).tolist(), abs=1e-6)
    assert top.random.std(dim=1).min() > 1e-4


def test_head_use_is_what_whole_passes_with_some_heads_permuted_give(setting: Setting) -> None:
    orders = setting.content.orders(2, generator())
    found = head_use(setting.row, setting.content, orders)
    for head in (0, 3):
        single, conditional = [], []
        for variant in range(2):
            own = setting.weights(1)
            traded = own[:, orders[1, variant]]
            only, all_but = own.clone(), traded.clone()
            only[head], all_but[head] = traded[head], own[head]
            single.append(abs(setting.margin(1, only) - setting.clean(1)))
            conditional.append(abs(setting.margin(1, all_but) - setting.margin(1, traded)))
        assert float(found.single[1, head]) == pytest.approx(sum(single) / 2, abs=2e-5)
        assert float(found.conditional[1, head]) == pytest.approx(sum(conditional) / 2, abs=2e-5)
    torch.testing.assert_close(found.shown.sum(1), torch.ones(2))


def test_texts_of_different_lengths_are_refused() -> None:
    subject = tiny_bert()
    with pytest.raises(ValueError, match=r"texts must have the same number of tokens, not \[4, 5\]"):
        Content.of([subject.encode("the plot"), subject.encode("the plot drags")])


def test_replacements_have_as_many_tokens_and_come_as_often_as_the_corpus_has_them() -> None:
    subject = tiny_bert()
    corpus = CorpusUnigram([subject.encode("plot plot plot film un_like_able")])
    example = subject.encode("cast un_like_able the_end")
    drawn = corpus.draw(example, 0, torch.linspace(0, 0.999, 1000).tolist())
    plot, film = (subject.encode(word).ids[1] for word in ("plot", "film"))
    assert set(drawn[:, 0].tolist()) == {int(plot), int(film)}
    assert float((drawn == plot).double().mean()) == pytest.approx(0.75, abs=2e-3)
    three = subject.encode("un_like_able").ids[1:4]
    assert corpus.draw(example, 1, [0.3]).tolist() == [three.tolist()]
    assert corpus.draw(example, 2, [0.1, 0.9]).shape == (2, 2)  # no word of two tokens: two words of one
    assert corpus.frequency(example) == [0.0, 1.0, 0.0]


def test_every_word_of_a_text_is_given_the_same_random_numbers() -> None:
    subject = tiny_bert()
    example = subject.encode("plot film cast")
    replaced = CorpusUnigram([example]).replaced(example, 4, 5, generator())
    own = [replaced[unit, :, 1 + unit].tolist() for unit in range(3)]
    assert own[0] == own[1] == own[2] and len(set(own[0])) > 1
    assert (replaced[3] == example.ids).all()  # there is no fourth word


def test_the_same_seed_gives_the_same_numbers(setting: Setting) -> None:
    first, second = (use(setting.row, setting.content.orders(4, generator(seed))) for seed in (3, 3))
    assert torch.equal(first, second)


def test_edits_made_a_few_at_a_time_do_the_same(setting, monkeypatch):
    """As with a long text: an edit at a time."""
    row, content = setting.row, setting.content
    orders = content.orders(2, generator())
    at_once = position_effects(row, content), shuffled_effects(row, content, orders), value_effects(row, content)
    monkeypatch.setattr(row_edits, "AT_ONCE", 1)
    apart = position_effects(row, content), shuffled_effects(row, content, orders), value_effects(row, content)
    assert torch.allclose(apart[0].renormalised, at_once[0].renormalised, atol=1e-5)
    assert torch.allclose(apart[0].substituted, at_once[0].substituted, atol=1e-5)
    assert torch.allclose(apart[1], at_once[1], atol=1e-5) and torch.allclose(apart[2], at_once[2], atol=1e-5)
