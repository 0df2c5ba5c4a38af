"""The truth of planted models: the closed form against the network under edits, and components against tiny loops."""

import math
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
import torch

from analyses.calibration.edited_rows import EditedRows, edited_rows
from analyses.calibration.replacement_shares import replacement_shares
from analyses.calibration.truth import Components, truth_of_study, truth_of_text
from analyses.statistics import gini_correlation
from analyses.verdicts.resampling import CorpusUnigram
from analyses.verdicts.vocabulary import VocabularyUnigram
from interpret.interventions.decision_row import DecisionRow, read_row
from interpret.native.planted import FAMILIES, Doses, PlantedModel, plant
from interpret.native.planted.formula import Row, row_of

MODELS = [
    plant("F1", seed=1, layers=1, heads=2),
    plant("F11", seed=2, layers=3, heads=2, norm="post"),
    plant("F13", seed=3, layers=2, heads=3),
    plant("X4", seed=4, layers=3, heads=1, norm="post"),
    plant("X9", seed=5, layers=2, heads=1, norm="post"),
    plant("X11", seed=6, layers=1, heads=2),
    plant("X16", seed=7, layers=3, heads=2, norm="post"),
    plant("F1", seed=8, doses=Doses(displaced=0.5)),
]
EVERY = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.family)


def in_network(model: PlantedModel, texts: list[str]) -> DecisionRow:
    """The row of texts of one length; its margins are the second logit minus the first."""
    subject = model.subject()
    ids = torch.stack([subject.encode(text).ids for text in texts])
    return read_row(
        subject, ids, torch.ones(len(ids), dtype=torch.int64), readout=(torch.arange(ids.shape[1]) == 0) * 1.0
    )


def opposite_texts(model: PlantedModel, length: int) -> list[str]:
    """Two texts in which words of evidence say different things."""
    texts = model.texts(60, seed=2, length=length)
    margins = np.diff(model.logits(texts))[:, 0]
    return [texts[int(margins.argmax())], texts[int(margins.argmin())]]


def by_formula(model: PlantedModel, texts: list[str]) -> Row:
    return row_of(model.recipe, model.recipe.ids([text.split() for text in texts]), model.norm)


def with_weights(model: PlantedModel, row: DecisionRow, weights: np.ndarray) -> float:
    """Margin of the first text if its row has other weights, one row for each kind of head."""
    heads = torch.from_numpy(weights[list(model.recipe.head_kinds)]).float()
    with torch.no_grad():
        return float(row.margins(row.write(heads[None, None, :, None]))[0, 0])


@EVERY
def test_rows_under_any_weights_give_the_logits_of_the_network(model: PlantedModel) -> None:
    texts = opposite_texts(model, 9)[:1]
    network, row = in_network(model, texts), by_formula(model, texts)
    rng = np.random.default_rng(0)
    for _ in range(4):
        weights = rng.dirichlet(np.ones(11) / 2, size=row.weights.shape[1])
        attended = np.einsum("kt,ekt->e", weights, row.values)
        assert float(row.difference(attended)[0]) == pytest.approx(with_weights(model, network, weights), abs=1e-4)


@EVERY
def test_outputs_of_another_text_give_the_logits_of_the_network(model: PlantedModel) -> None:
    texts = opposite_texts(model, 9)
    network, row = in_network(model, texts), by_formula(model, texts)
    with torch.no_grad():
        frozen = network.margins(network.mixed(network.written.flip(0), network.written)[:, None])[:, 0]
    assert np.allclose(row.difference(row.attended[::-1].copy()), frozen.numpy(), atol=1e-4)
    assert np.allclose(row.difference(row.attended), network.margin.numpy(), atol=1e-4)


@EVERY
def test_effects_in_context_are_shapley_values_of_replacement(model: PlantedModel) -> None:
    """All orders of three words, by the network's own answers to whole texts."""
    text, end = (each.split() for each in opposite_texts(model, 3))
    states = list(product([0, 1], repeat=3))  # 1 for words that are replaced
    network = in_network(model, [" ".join((text, end)[each][i] for i, each in enumerate(state)) for state in states])
    outputs = network.written[None].expand(8, *network.written.shape)
    with torch.no_grad():
        frozen = network.margins(network.mixed(outputs, network.written[:, None]))  # text, whose outputs
    effects, through, around = np.zeros(3), 0.0, 0.0
    for order in permutations(range(3)):
        before = states.index((0, 0, 0))
        for word in order:
            after = states.index(tuple(each or i == word for i, each in enumerate(states[before])))
            old, mixed, new = (float(frozen[pair]) for pair in ((before, before), (after, before), (after, after)))
            effects[word] += (old - new) / 6
            around, through, before = around + abs(mixed - old), through + abs(new - mixed), after
    ids = model.recipe.ids([text, end])
    found = replacement_shares(
        model.recipe, model.norm, ids[0], np.repeat(ids[1:], 3000, axis=0), np.random.default_rng(0)
    )
    size = np.abs(effects).max()
    assert np.allclose(found.effects, effects, atol=0.03 * size + 1e-4)
    assert found.effects.sum() == pytest.approx(float(frozen[0, 0] - frozen[7, 7]), abs=1e-4)
    assert found.share == pytest.approx(through / (through + around), abs=0.02)


def edits(model: PlantedModel, text: str) -> EditedRows:
    return edited_rows(by_formula(model, [text]), np.random.default_rng(0))


@EVERY
def test_rank_is_the_lesser_agreement_with_what_each_weight_does(model: PlantedModel) -> None:
    text = opposite_texts(model, 8)[0]
    network, row = in_network(model, [text]), by_formula(model, [text])
    kinds = list(model.recipe.head_kinds)
    shown, effects = row.weights[0, kinds, 1:-1].mean(axis=0), []
    for word in range(1, 9):
        weights = row.weights[0].copy()
        for kind in range(len(weights)):
            mass = weights[kind, 1:-1].sum()
            weights[kind, word] = 0
            weights[kind, 1:-1] *= mass / weights[kind, 1:-1].sum()
        effects.append(abs(with_weights(model, network, weights) - float(network.margin[0])))
    heard = [each if each > max(effects) / 20 else 0.0 for each in effects]
    wanted = min(
        gini_correlation(np.array(effects), shown, resolution=1e-5),
        gini_correlation(shown, np.array(heard), resolution=1e-5),
    )
    assert float(edits(model, text).rank[0]) == pytest.approx(wanted, abs=1e-3)


@EVERY
def test_top_lacks_what_the_best_order_spreads_more(model: PlantedModel) -> None:
    """The mean over random orders cancels in what the two differ by."""
    text = opposite_texts(model, 8)[0]
    network, row = in_network(model, [text]), by_formula(model, [text])

    def spread(words: list[int]) -> float:
        weights = row.weights[0].copy()
        for kind in range(len(weights)):
            freed = sum(row.weights[0, kind, word + 1] for word in words)
            for word in range(8):
                weights[kind, word + 1] = (0 if word in words else row.weights[0, kind, word + 1]) + freed / 8
        return abs(with_weights(model, network, weights) - float(network.margin[0]))

    shown = row.weights[0, list(model.recipe.head_kinds), 1:-1].mean(axis=0)
    moved = []
    for scores in (shown, np.array([spread([word]) for word in range(8)])):
        order = sorted(range(8), key=lambda word: -scores[word])
        moved.append(np.mean([spread(order[:budget]) for budget in (1, 2, 4)]))  # 1, 5, 10 % are one word
    found = edits(model, text)
    assert float((found.room - found.top)[0]) == pytest.approx(max(moved) - moved[0], abs=1e-4)


def test_the_first_words_are_held_against_random_ones() -> None:
    """One word of a text has all the attention, and 63 of 64 random orders of long texts don't begin with it."""
    model = plant("X1", seed=1, heads=1, layers=1)
    found = edits(model, model.texts(1, seed=1, length=60)[0])
    assert found.top[0] == found.room[0] > 0.3 * abs(found.margin[0])


@EVERY
def test_use_is_what_permuted_weights_do_in_all_heads_and_in_one(model: PlantedModel) -> None:
    text = opposite_texts(model, 4)[0]
    network, row = in_network(model, [text]), by_formula(model, [text])
    kinds = list(model.recipe.head_kinds)
    whole, single, rest = [], [], []
    for order in permutations(range(1, 5)):
        traded = row.weights[0].copy()
        traded[:, 1:5] = traded[:, list(order)]
        one, others = (torch.from_numpy(each[0, kinds]).float() for each in (row.weights, row.weights))
        one[0], others = torch.from_numpy(traded[kinds[0]]).float(), torch.from_numpy(traded[kinds]).float()
        others[0] = torch.from_numpy(row.weights[0, kinds[0]]).float()
        with torch.no_grad():
            margins = [float(network.margins(network.write(each[None, None, :, None]))[0, 0]) for each in (one, others)]
        whole.append(with_weights(model, network, traded) - float(network.margin[0]))
        single.append(margins[0] - float(network.margin[0]))
        rest.append(whole[-1] + float(network.margin[0]) - margins[1])
    found = edits(model, text)
    chance = 4 * float(np.std(np.abs(whole))) / 8 + 1e-4  # of a mean of 64 draws
    assert float(found.joint[0]) == pytest.approx(np.abs(whole).mean(), abs=chance)
    assert float(found.single[0, kinds[0]]) == pytest.approx(np.abs(single).mean(), abs=chance)
    assert float(found.conditional[0, kinds[0]]) == pytest.approx(np.abs(rest).mean(), abs=chance)
    assert min(np.abs(whole)) <= found.use[0] <= max(np.abs(whole)) + 1e-4
    shown = row.weights[0, kinds, 1:-1].sum(axis=1)
    assert np.allclose(found.shown[0, kinds], shown / shown.sum())


def of_study(model: PlantedModel, *, length: int = 20) -> Components:
    texts = model.texts(16, seed=1, length=length)
    return truth_of_study(model, texts, CorpusUnigram(map(model.subject().encode, texts)))


@pytest.mark.parametrize("family", ["F1", "F5", "X8", "X11"])
def test_attention_on_what_matters_explains(family: str) -> None:
    assert of_study(plant(family, seed=3)).answer == "explains"


@pytest.mark.parametrize("family", ["F2", "F3", "F4", "F6", "F7", "F8", "F16", "X5", "X6", "X10", "X12", "X14"])
def test_attention_elsewhere_or_without_use_does_not(family: str) -> None:
    assert of_study(plant(family, seed=3)).answer == "does not"


@pytest.mark.parametrize("family", ["F11", "X9", "X15", "X16"])
def test_what_is_right_by_half_never_explains(family: str) -> None:
    assert {of_study(plant(family, seed=seed)).answer for seed in range(3)} <= {"partial", "does not"}


def test_displaced_attention_runs_through_all_three() -> None:
    answers = [of_study(plant("F1", seed=1, doses=Doses(displaced=dose))).answer for dose in (0.0, 0.6, 1.0)]
    assert answers == ["explains", "partial", "does not"]


def test_idle_heads_are_those_whose_output_is_not_used() -> None:
    model = plant("F6", seed=3, heads=4)
    rows = [model.attention([text])[0][:, 1:-1] for text in model.texts(16, seed=1, length=20)]
    shares = [row.sum(axis=1) / row.sum() for row in rows]
    assert of_study(model).idle_share == pytest.approx(np.mean(shares, axis=0)[2:].sum(), abs=1e-6)


@pytest.mark.parametrize(("family", "answer"), [("F1", "explains"), ("F8", "does not"), ("F3", "does not")])
def test_one_text_is_judged_with_texts_like_it(family: str, answer: str) -> None:
    model = plant(family, seed=3)
    texts = model.texts(16, seed=1, length=20)
    corpus = CorpusUnigram(map(model.subject().encode, texts))
    assert truth_of_text(model, texts[0], corpus).answer == answer
    assert truth_of_text(model, texts[0], VocabularyUnigram(model.subject().tokenizer)).answer == answer


def test_where_words_do_not_move_the_decision_nothing_is_true() -> None:
    model = plant("F1", seed=3)
    neutral = [word for word, evidence in zip(model.recipe.words, model.recipe.evidence, strict=True) if not evidence]
    texts = [" ".join(neutral[start : start + 12]) for start in (5, 10, 15)]
    corpus = CorpusUnigram(map(model.subject().encode, texts))
    assert truth_of_study(model, texts, corpus).answer == truth_of_text(model, texts[0], corpus).answer == "undefined"


@pytest.mark.parametrize(("family", "answer"), [("F1", "explains"), ("F8", "does not")])
def test_a_text_whose_words_hardly_move_its_decision_has_no_truth(family: str, answer: str) -> None:
    """With a large bias all texts get the same answer; over many texts, their words still say by how much."""
    balanced = plant(family, seed=3)
    model = replace(balanced, recipe=replace(balanced.recipe, bias=50 * balanced.recipe.gain))
    texts = model.texts(16, seed=1, length=20)
    corpus = CorpusUnigram(map(model.subject().encode, texts))
    assert truth_of_text(balanced, texts[0], corpus).answer == answer
    assert truth_of_text(model, texts[0], corpus).answer == "undefined"
    assert truth_of_study(model, texts, corpus).use > 0


def test_a_component_without_a_value_on_many_texts_leaves_nothing_true() -> None:
    """A text without evidence has no position that does anything; such texts are as frequent as others."""
    model = plant("F1", seed=3)
    texts = model.texts(10, seed=1, length=20)
    neutral = [word for word, evidence in zip(model.recipe.words, model.recipe.evidence, strict=True) if not evidence]
    both = [*texts, *(" ".join(neutral[start : start + 20]) for start in range(5, 15))]
    found = truth_of_study(model, both, CorpusUnigram(map(model.subject().encode, both)))
    assert found.answer == "undefined" and math.isnan(found.rank) and found.share == pytest.approx(1)


def test_families_say_what_they_are_meant_for() -> None:
    assert {FAMILIES[key].truth for key in ("X8", "X11", "X13")} == {"explains"}
    assert {FAMILIES[key].truth for key in ("X9", "X14", "X15", "X16")} == {"partial"}
