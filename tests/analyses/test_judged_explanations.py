"""Judged explanations: against loops in plain Python, against scipy and captum, and where the answer is known."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from images_for_tests import save_red_patch, sees_red
from scipy.stats import pearsonr, spearmanr
from subjects_for_tests import SENTENCE, LinearSubject, tiny_bert

from analyses.explanations.attribution import Attribution
from analyses.explanations.erased_scores import ErasedScores, run_together
from analyses.explanations.faithfulness import erasure_budgets, faithfulness
from analyses.explanations.input_edits.leave_one_out import leave_one_out
from analyses.explanations.methods import explain, method_of_name
from analyses.explanations.shared import Shared
from analyses.ranking.additivity import infidelity, linear_datamodeling_score, predicted_falls, sensitivity_n
from analyses.ranking.best_order import OrderSearch, best_order
from analyses.ranking.erased_orders import erasure_of
from analyses.ranking.fitted_order import fitted_effects
from analyses.ranking.judge import judge_by, judge_explanations, sets_of_judging, sets_of_maps
from analyses.ranking.max_sensitivity import max_sensitivity
from analyses.ranking.passes import judging_passes
from analyses.ranking.road import road
from analyses.verdicts.measure import measure
from analyses.verdicts.measurement import Draws
from analyses.verdicts.resampling import CorpusUnigram
from interpret.errors import InputError
from interpret.subjects.decision import margin

WORDS = len(SENTENCE.split())
FROM_SCORES = ("sensitivity-n", "LDS", "infidelity")


def case(subject):
    example = subject.encode(SENTENCE)
    return subject, example, subject.decide(example)


def map_of(example, scores, name="map", *, signed=True):
    return Attribution.from_scores(name, example, scores, signed=signed)


def random_maps(example, count, *, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return [map_of(example, torch.rand(len(example.units), generator=generator), f"map {i}") for i in range(count)]


def margin_without(subject, example, target, gone):
    """Margin of one input from which the tokens of some units are masked, one at a time."""
    ids = example.ids.tolist()
    for unit in gone:
        for token in example.units[unit].tokens:
            ids[token] = subject.mask_id
    with torch.no_grad():
        return float(margin(subject.logits(torch.tensor([ids])), target)[0])


def sets_by_hand(units, draws, seed):
    """Sets erased in random orders, size by size: the first words, then all but these."""
    generator = torch.Generator().manual_seed(seed)
    orders = [torch.randperm(units, generator=generator).tolist() for _ in range(draws)]
    budgets = erasure_budgets(units)
    return [[order[:count] for order in orders] for count in budgets] + [
        [order[count:] for order in orders] for count in budgets
    ]


def test_measures_are_those_of_loops_in_plain_python():
    subject, example, decision = case(tiny_bert())
    maps = random_maps(example, 2)
    found = judge_explanations(subject, example, decision, maps, seed=3)
    sets = sets_by_hand(WORDS, 19, 3)
    falls = [
        [decision.margin - margin_without(subject, example, decision.target, gone) for gone in size] for size in sets
    ]
    for row, each in enumerate(maps):
        scores = each.scores.tolist()
        sums = [[sum(scores[unit] for unit in gone) for gone in size] for size in sets]
        several = [i for i, size in enumerate(sets) if 1 < len(size[0]) < WORDS - 1]
        pearsons = [pearsonr(sums[i], falls[i]).statistic for i in several]
        spearmans = [spearmanr(sums[i], falls[i]).statistic for i in several]
        pairs = [(sums[i][draw], falls[i][draw]) for i in range(len(sets)) for draw in range(19)]
        scale = sum(a * b for a, b in pairs) / sum(a * a for a, _ in pairs)
        lost = sum((scale * a - b) ** 2 for a, b in pairs) / sum(b * b for _, b in pairs)
        expected = [sum(pearsons) / len(several), sum(spearmans) / len(several), lost]
        assert [float(found.values[name][row]) for name in FROM_SCORES] == pytest.approx(expected, abs=1e-4)

        order = sorted(range(WORDS), key=lambda unit: -scores[unit])
        counts = erasure_budgets(WORDS)
        without = [margin_without(subject, example, decision.target, order[:count]) for count in counts]
        only = [margin_without(subject, example, decision.target, order[count:]) for count in counts]
        half = len(falls) // 2
        for name, margins, random, sign in (
            ("comprehensiveness", without, falls[:half], 1),
            ("sufficiency", only, falls[half:], -1),
        ):
            fall = decision.margin - sum(margins) / len(margins)
            chance = np.mean(random)
            expected = (fall - chance) / (found.best[name] - chance)
            assert float(found.values[name][row]) == pytest.approx(expected, abs=1e-4)
            assert sign * found.best[name] >= sign * max(sign * np.mean(random, axis=0)) - 1e-5
    assert found.passes < judging_passes(WORDS, 2, knows_without=False)


def test_a_linear_model_is_explained_by_leave_one_out_and_by_nothing_better():
    subject, example, decision = case(LinearSubject())
    maps = [leave_one_out(subject, example, decision, eraser="mask"), *random_maps(example, 3)]
    found = judge_explanations(subject, example, decision, maps)
    first = {name: float(values[0]) for name, values in found.values.items()}
    known = {"comprehensiveness": 1, "sufficiency": 1, "sensitivity-n": 1, "LDS": 1, "infidelity": 0}
    assert first == pytest.approx(known, abs=1e-5)
    for name in ("comprehensiveness", "sufficiency"):
        assert float(found.values[name].max()) == pytest.approx(1, abs=1e-6)
    assert {found.against_chance(name)[0] for name in found.values} == {"better than chance"}


def test_the_best_order_of_a_linear_model_is_found():
    subject, example, decision = case(LinearSubject())
    falls = [decision.margin - margin_without(subject, example, decision.target, [unit]) for unit in range(WORDS)]
    best, all_falls = sorted(falls, reverse=True), sum(falls)
    budgets = erasure_budgets(WORDS)
    found = judge_explanations(subject, example, decision, random_maps(example, 1))
    assert found.best["comprehensiveness"] == pytest.approx(np.mean([sum(best[:b]) for b in budgets]), abs=1e-4)
    assert found.best["sufficiency"] == pytest.approx(np.mean([all_falls - sum(best[:b]) for b in budgets]), abs=1e-4)


@pytest.mark.parametrize("keeps", [False, True])
def test_a_wide_search_finds_the_best_of_all_orders(keeps):
    subject = tiny_bert()
    example = subject.encode("the plot drags but the cast")
    decision, budgets = subject.decide(example), (1, 2, 3)
    scores = ErasedScores(subject, example, decision, "mask")
    orders = torch.tensor(list(itertools.permutations(range(6))))

    def achieved(orders):
        erasure = erasure_of(scores, orders, budgets)
        return -erasure.sufficiency.margin if keeps else erasure.comprehensiveness.margin

    alone = decision.margin - scores(torch.eye(6, dtype=torch.bool)).margin
    wide = best_order(scores, budgets, alone, keeps=keeps, search=OrderSearch(width=30, candidates=6))
    greedy = best_order(scores, budgets, alone, keeps=keeps, search=OrderSearch())
    assert sorted(greedy.tolist()) == sorted(wide.tolist()) == list(range(6))
    best = float(achieved(orders).max())
    assert float(achieved(wide[None])) == pytest.approx(best, abs=1e-5)
    assert float(achieved(orders).mean()) < float(achieved(greedy[None])) <= best + 1e-5


def test_effects_are_fitted_to_all_sets_and_shrunk_towards_those_of_single_words():
    generator = np.random.default_rng(0)
    removed, falls, alone = generator.random((30, 6)) < 0.4, generator.normal(size=30), generator.normal(size=6)
    # As least squares of (effects, intercept), with a row for each word that asks for its effect alone.
    rows = np.block([[removed, np.ones((30, 1))], [np.eye(6), np.zeros((6, 1))]])
    expected = np.linalg.lstsq(rows.astype(float), np.concatenate([falls, alone]), rcond=None)[0][:6]
    given = [torch.tensor(each) for each in (removed, falls.astype(np.float32), alone.astype(np.float32))]
    np.testing.assert_allclose(fitted_effects(*given).numpy(), expected, atol=1e-5)
    added = (given[0].float() @ given[2]).clone()
    torch.testing.assert_close(fitted_effects(given[0], added, given[2]), given[2])


def test_a_fit_finds_words_that_say_the_same_which_hide_each_other():
    removed = torch.rand(150, 10, generator=torch.Generator().manual_seed(0)) < 0.3
    falls = 3.0 * (removed[:, 2] & removed[:, 7])
    found = fitted_effects(removed, falls, torch.zeros(10))
    assert set(found.topk(2).indices.tolist()) == {2, 7}


@pytest.mark.parametrize("eraser", ["mask", "delete"])
def test_words_of_several_texts_are_erased_in_shared_passes(eraser, monkeypatch):
    subject = tiny_bert()
    texts = (SENTENCE, "the film was clever but very slow", "a warm cast and a dull plot")
    examples = [subject.encode(text) for text in texts]
    decisions = [subject.decide(each, f"label {target}") for each, target in zip(examples, (0, 1, 1), strict=True)]
    generator = torch.Generator().manual_seed(0)
    removed = [torch.rand(20, len(each.units), generator=generator) < 0.5 for each in examples]
    alone = [ErasedScores(subject, *each, eraser) for each in zip(examples, decisions, strict=True)]
    together = [ErasedScores(subject, *each, eraser) for each in zip(examples, decisions, strict=True)]
    together[0](removed[0][:5])
    passes, forward = [], type(subject).logits
    monkeypatch.setattr(type(subject), "logits", lambda of, ids: passes.append(len(ids)) or forward(of, ids))
    run_together(together, removed)
    asked = [len({tuple(row) for row in each.tolist()}) for each in removed]
    known = len({tuple(row) for row in removed[0][:5].tolist()})
    assert sum(passes) == sum(asked) - known and [each.passes for each in together] == asked
    count = len(passes)
    expected = [scores(each) for scores, each in zip(alone, removed, strict=True)]
    assert count < len(passes) - count
    passes.clear()
    for scores, each, wanted in zip(together, removed, expected, strict=True):
        found = scores(each)
        torch.testing.assert_close(found.margin, wanted.margin, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(found.probability, wanted.probability, atol=1e-5, rtol=1e-5)
    assert not passes


def test_what_is_erased_ahead_is_what_judging_needs():
    subject, example, decision = case(tiny_bert())
    maps = random_maps(example, 3)
    scores = ErasedScores(subject, example, decision, "mask")
    run_together([scores], [torch.cat([sets_of_judging(WORDS, seed=3), sets_of_maps(maps)])])
    ahead = scores.passes
    found, whole = judge_by(scores, maps, seed=3), judge_explanations(subject, example, decision, maps, seed=3)
    assert ahead <= found.passes == whole.passes <= ahead + 4 * len(erasure_budgets(WORDS))  # the fitted orders
    for name, values in whole.values.items():
        torch.testing.assert_close(found.values[name], values, atol=1e-4, rtol=1e-4)


def test_a_search_of_a_long_text_tries_few_sets():
    subject = LinearSubject()
    example = subject.encode(" ".join(SENTENCE.split() * 20))
    decision = subject.decide(example)
    without = subject.erase(example, torch.eye(220, dtype=torch.bool), target=decision.target, eraser="mask")
    found = judge_explanations(subject, example, decision, random_maps(example, 1), without=without)
    assert found.passes <= judging_passes(220, 1) < 320
    falls = sorted((decision.margin - without.margin).tolist(), reverse=True)
    best = np.mean([sum(falls[:budget]) for budget in erasure_budgets(220)])
    assert found.best["comprehensiveness"] == pytest.approx(best, abs=1e-3)


def test_infidelity_is_that_of_captum():
    from captum.metrics import infidelity as captum_infidelity

    subject, example, decision = case(tiny_bert())
    generator = torch.Generator().manual_seed(0)
    removed = torch.rand(1, 40, WORDS, generator=generator) < 0.4
    shown = torch.stack([each.scores for each in random_maps(example, 3)])
    shown[2] -= 0.5
    falls = decision.margin - subject.erase(example, removed[0], target=decision.target, eraser="mask").margin

    def margins(present):
        return subject.erase(example, present < 0.5, target=decision.target, eraser="mask").margin

    def perturbed(present):
        return removed[0].float(), present - removed[0].float()

    whole = torch.ones(1, WORDS)
    expected = [
        float(captum_infidelity(margins, perturbed, whole, each[None], n_perturb_samples=40, normalize=True))
        for each in shown
    ]
    found = infidelity(predicted_falls(shown, removed), falls[None]) * falls.double().square().mean()
    assert found.tolist() == pytest.approx(expected, rel=1e-4)


def test_random_scores_get_nothing_on_sets_of_one_size_and_a_fifth_on_sets_of_all_sizes():
    """A word adds 1 on average and varies so that its mean is .23 of its root mean square; scores are 0 to 1."""
    generator = torch.Generator().manual_seed(1)
    effects = 1 + 4.23 * torch.randn(200, generator=generator)
    scores = torch.rand(100, 200, generator=generator)
    mixed = torch.rand(1, 600, 200, generator=generator) < 0.5
    fixed = torch.rand(1, 600, 200, generator=generator).argsort(dim=-1) < 100
    found = [
        linear_datamodeling_score(predicted_falls(scores, sets), sets.float() @ effects) for sets in (mixed, fixed)
    ]
    shares = [float(each.mean() / each.square().mean().sqrt()) for each in (scores, effects)]
    assert float(found[0].mean()) == pytest.approx(math.prod(shares), abs=0.06)
    assert math.prod(shares) == pytest.approx(0.2, abs=0.03)
    assert float(found[1].mean()) == pytest.approx(0, abs=0.03)


def test_random_scores_get_zero_and_the_reverse_order_is_worse_than_chance():
    subject, example, decision = case(LinearSubject())
    right = leave_one_out(subject, example, decision, eraser="mask")
    maps = [right, map_of(example, -right.scores, "reversed"), *random_maps(example, 60)]
    found = judge_explanations(subject, example, decision, maps, draws=99)
    for name in ("comprehensiveness", "sufficiency", "sensitivity-n", "LDS"):
        assert found.chance[name] == pytest.approx(0, abs=0.05)
        assert float(found.values[name][2:].mean()) == pytest.approx(0, abs=0.12)
        answers = found.against_chance(name)
        assert answers[:2] == ("better than chance", "worse than chance")
        assert answers.count("no different from chance") > 50
        assert float(found.p_worse(name)[1]) == pytest.approx(1 / (1 + len(found.random[name])))
    assert float(found.values["LDS"][1]) == pytest.approx(-1, abs=1e-6)


def test_a_flat_map_ranks_nothing():
    subject, example, decision = case(LinearSubject())
    maps = [map_of(example, [0.25] * WORDS, "flat", signed=False), *random_maps(example, 1)]
    found = judge_explanations(subject, example, decision, maps, soft=1)
    for name in ("comprehensiveness", "sufficiency", "sensitivity-n", "LDS", "soft sufficiency"):
        assert math.isnan(found.values[name][0]) and math.isfinite(found.values[name][1])
        assert found.against_chance(name)[0] == "undefined"
    assert found.to_dict()["measures"][0]["values"][0] is None


def test_a_model_that_ignores_its_words_gives_no_value():
    subject, example, _ = case(LinearSubject())
    with torch.no_grad():
        subject.model.classifier.weight.zero_()
    found = judge_explanations(subject, example, subject.decide(example), random_maps(example, 2))
    assert all(values.isnan().all() for values in found.values.values())
    assert set(found.against_chance("LDS")) == {"undefined"}


def test_a_map_is_judged_alike_whatever_stands_beside_it():
    subject, example, decision = case(tiny_bert())
    maps = random_maps(example, 3)
    all_three = judge_explanations(subject, example, decision, maps)
    turned = judge_explanations(subject, example, decision, maps[::-1])
    alone = judge_explanations(subject, example, decision, maps[:1])
    for name, values in all_three.values.items():
        torch.testing.assert_close(values, turned.values[name].flip(0), equal_nan=True, atol=1e-5, rtol=1e-4)
        if name in FROM_SCORES:
            torch.testing.assert_close(values[:1], alone.values[name], atol=1e-5, rtol=1e-4)
    assert alone.passes < all_three.passes == turned.passes


def test_scaled_and_shifted_scores_are_the_same_explanation():
    subject, example, decision = case(tiny_bert())
    scores = random_maps(example, 1)[0].scores
    maps = [map_of(example, scores), map_of(example, 8 * scores, "scaled"), map_of(example, 3 + scores, "shifted")]
    found = judge_explanations(subject, example, decision, maps)
    for name in ("comprehensiveness", "sufficiency", "sensitivity-n", "LDS"):
        torch.testing.assert_close(found.values[name], found.values[name][:1].expand(3), atol=1e-4, rtol=1e-4)
    assert float(found.values["infidelity"][0]) == pytest.approx(float(found.values["infidelity"][1]), abs=1e-5)


def test_the_model_runs_each_set_of_words_once():
    subject, example, decision = case(tiny_bert())
    asked, run = [], subject.logits
    subject.logits = lambda ids: asked.extend(map(tuple, ids.tolist())) or run(ids)
    found = judge_explanations(subject, example, decision, random_maps(example, 4))
    assert len(asked) == len(set(asked)) == found.passes


def test_input_rank_is_that_of_the_verdict_from_its_own_effects():
    subject, example, decision = case(tiny_bert())
    few, told = Draws(permutations=2, replacements=4, orders=5), []
    source = CorpusUnigram([example])
    measured = measure(subject, [example], [decision], source, draws=few, told=told.append)[0]
    untold = measure(subject, [example], [decision], source, draws=few)[0]
    assert [getattr(measured, name) for name in ("input_rank", "in_context", "top", "use", "spread")] == [
        getattr(untold, name) for name in ("input_rank", "in_context", "top", "use", "spread")
    ]
    shown = [explain(subject, example, name) for name in ("last-layer attention", "input x gradient")]
    found = judge_explanations(subject, example, decision, shown, effects=told[0][0])
    assert float(found.values["input rank"][0]) == pytest.approx(measured.input_ways[0], abs=1e-6)
    assert told[0][0].tolist() == pytest.approx([abs(each) for each in measured.in_context], abs=1e-4)
    turned = [replace(shown[1], scores=-shown[1].scores)]
    other = judge_explanations(subject, example, decision, turned, effects=told[0][0])
    assert float(other.values["input rank"][0]) == pytest.approx(float(found.values["input rank"][1]))


def test_soft_measures_are_those_of_masks_drawn_by_hand():
    subject, example, decision = case(LinearSubject())
    shown = random_maps(example, 1)[0]
    found = judge_explanations(subject, example, decision, [shown], soft=4, seed=7)
    generator = torch.Generator().manual_seed(7)
    for _ in range(19):
        torch.randperm(WORDS, generator=generator)
    torch.rand(199, WORDS, generator=generator)
    vectors = subject.embed(example.ids[None])[0].detach()
    uniform = torch.rand(4, *vectors.shape, generator=generator).tolist()
    low, high = float(shown.scores.min()), float(shown.scores.max())

    def fall(is_gone):
        left = vectors.clone()
        for unit, each in enumerate(example.units):
            for token, element in itertools.product(each.tokens, range(vectors.shape[1])):
                if is_gone(unit, token, element):
                    left[token, element] = 0
        with torch.no_grad():
            probability = subject.logits_from(left[None], example.ids[None])[0].softmax(-1)[decision.target]
        return max(0.0, decision.probability - float(probability))

    share = [(float(score) - low) / (high - low) for score in shown.scores]
    room = fall(lambda unit, token, element: True)
    without = [fall(lambda unit, token, element, draw=draw: draw[token][element] < share[unit]) for draw in uniform]
    only = [fall(lambda unit, token, element, draw=draw: draw[token][element] >= share[unit]) for draw in uniform]
    assert float(found.values["soft comprehensiveness"][0]) == pytest.approx(np.mean(without) / room, abs=1e-5)
    sufficiency = (1 - np.mean(only) - (1 - room)) / (1 - (1 - room))
    assert float(found.values["soft sufficiency"][0]) == pytest.approx(sufficiency, abs=1e-5)
    assert len(found.random["soft sufficiency"]) == 19


def test_soft_measures_are_undefined_where_the_probability_cannot_fall():
    subject, example, decision = case(LinearSubject())
    other = subject.decide(example, f"label {1 - decision.target}")
    with torch.no_grad():
        blank = subject.logits_from(torch.zeros_like(subject.embed(example.ids[None])), example.ids[None])
    assert float(blank.softmax(-1)[0, other.target]) > other.probability
    found = judge_explanations(subject, example, other, random_maps(example, 1), soft=1)
    assert math.isnan(found.values["soft comprehensiveness"][0]) and math.isnan(found.chance["soft sufficiency"])


def test_road_erases_patches_that_cannot_be_seen(tmp_path):
    subject = sees_red()
    example = subject.encode(str(save_red_patch(tmp_path / "red.png", 2, 1)))
    decision = subject.decide(example)
    first = leave_one_out(subject, example, decision, eraser="noisy linear")
    maps = [first, map_of(example, -first.scores, "the red patch last")]
    found = road(subject, example, decision, maps)
    assert found.erasure.eraser == "noisy linear"
    assert float(found.values["comprehensiveness"][0]) == pytest.approx(1, abs=0.05)
    assert float(found.values["comprehensiveness"][1]) < 0
    by_name = judge_explanations(subject, example, decision, maps, eraser="noisy linear")
    assert by_name.to_dict() == found.to_dict()


@pytest.mark.parametrize("name", ["saliency", "leave-one-out", "last-layer attention"])
def test_max_sensitivity_is_that_of_captum_on_a_model_with_moved_vectors(name):
    from captum.metrics import sensitivity_max

    subject, example, decision = case(tiny_bert())
    table, before = subject.model.get_input_embeddings(), subject.model.get_input_embeddings().weight.detach().clone()
    rows = sorted(set(example.ids.tolist()))
    generator = torch.Generator().manual_seed(4)
    noises = [2 * torch.rand(len(rows), before.shape[1], generator=generator) - 1 for _ in range(4)][1:]
    size = 0.1 * float(before[rows].square().mean().sqrt())

    def explained(vectors):
        scores = []
        for each in vectors[0] if isinstance(vectors, tuple) else vectors:
            with torch.no_grad():
                table.weight[rows] = each
            method = method_of_name(name)
            scores.append(method(subject, example, decision, Shared(subject, example, decision)).scores)
        with torch.no_grad():
            table.weight.copy_(before)
        return (torch.stack(scores),)  # captum reads the rows of a tensor as explanations of several inputs

    def moved(given):
        return given + size * torch.stack(noises)

    expected = float(sensitivity_max(explained, before[rows][None], moved, n_perturb_samples=3))
    found = max_sensitivity(subject, example, decision, name, radius=0.1, draws=3, seed=4)
    assert 0 < found == pytest.approx(expected, rel=1e-3)
    assert max_sensitivity(subject, example, decision, name, radius=0.0, draws=1) == 0


def test_the_table_and_the_document_say_the_same():
    subject, example, decision = case(tiny_bert())
    found = judge_explanations(subject, example, decision, random_maps(example, 2))
    frame, document = found.to_frame(), found.to_dict()
    assert len(frame) == 2 * len(found.measures) and document["budgets"] == [1, 2, 3, 6]
    for each in document["measures"]:
        rows = frame[frame["measure"] == each["name"]]
        assert rows["value"].tolist() == each["values"]
        assert rows["p_worse"].tolist() == each["p_worse"]
        assert rows["against_chance"].tolist() == each["against_chance"]
    assert document["measures"][0]["best"] == found.best["comprehensiveness"]
    assert found.summary()[0] == "2 explanations judged by 5 measures (mask)"


def test_what_cannot_be_judged_is_refused():
    subject, example, decision = case(tiny_bert())
    maps = random_maps(example, 1)
    for options, said in (
        ({"draws": 18}, f"at least 19 random orders and one word are needed, not 18 and {WORDS}"),
        ({"effects": torch.ones(3)}, f"effects must have a number for each of {WORDS} words, not 3"),
        ({"soft": -1}, "soft must be 0 or a number of random masks, not -1"),
    ):
        with pytest.raises(InputError) as error:
            judge_explanations(subject, example, decision, maps, **options)
        assert str(error.value) == said
    with pytest.raises(InputError) as error:
        OrderSearch(width=0)
    assert str(error.value) == "a search needs a width and candidates of at least 1, not 0 and 4"
    found = judge_explanations(subject, example, decision, maps)
    with pytest.raises(InputError) as error:
        found.p_better("AUC")
    assert str(error.value) == (
        "measure must be one of comprehensiveness, sufficiency, sensitivity-n, LDS, infidelity, not 'AUC'"
    )
    with pytest.raises(InputError) as error:
        road(subject, example, decision, maps)
    assert str(error.value) == "toy can remove words by mask or delete, not by 'noisy linear'"


def test_what_cannot_be_moved_is_refused(tmp_path):
    subject = sees_red()
    with pytest.raises(InputError) as error:
        max_sensitivity(subject, str(save_red_patch(tmp_path / "red.png", 2, 1)), None, "saliency")
    assert str(error.value) == (
        f"{subject.name} looks up no token vectors that could be moved a little; give a model that reads text"
    )
    subject, example, decision = case(LinearSubject())
    with torch.no_grad():
        subject.model.classifier.weight.zero_()
    with pytest.raises(InputError) as error:
        max_sensitivity(subject, example, decision, "saliency")
    assert str(error.value) == "saliency gives only scores of 0 on this text, of which no share can change"


def test_correlations_leave_out_what_is_constant():
    scores = torch.tensor([[1.0, 2.0, 4.0, 8.0]])
    removed = torch.tensor(
        [
            [[True, True, False, False], [False, False, True, True], [True, False, True, False]],
            [[True, False, False, False]] * 3,
        ]
    )
    falls = torch.tensor([[1.0, 2.0, 3.0], [0.5, 0.5, 0.5]])
    predicted = predicted_falls(scores, removed)
    assert predicted[0, 0].tolist() == [3, 12, 5]
    assert float(sensitivity_n(predicted, falls)) == pytest.approx(pearsonr([3, 12, 5], [1, 2, 3]).statistic)
    assert float(linear_datamodeling_score(predicted, falls)) == pytest.approx(0.5)
    assert sensitivity_n(predicted[:, 1:], falls[1:]).isnan().all()


@pytest.mark.parametrize("tested", [judge_explanations, faithfulness])
def test_scores_without_the_words_of_another_text_are_refused(tested):
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    decision, units = subject.decide(example), len(example.units)
    without = subject.erase(example, torch.eye(units, dtype=torch.bool)[1:], target=decision.target, eraser="mask")
    message = f"^without must have a margin for each of {units} words, not {units - 1}$"
    with pytest.raises(InputError, match=message):
        tested(subject, example, decision, random_maps(example, 1), without=without)
