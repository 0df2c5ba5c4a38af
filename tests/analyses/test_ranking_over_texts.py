"""Explanations ranked over many texts, held against scipy and against made-up scores whose order is known."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import bootstrap, wilcoxon

from analyses.ranking.clusters import groups_alike, mean_agreement
from analyses.ranking.differences import differences
from analyses.ranking.over_texts import RankedExplanations, rank_over_texts
from analyses.ranking.scored_texts import ScoredTexts
from interpret.errors import InputError

METHODS = ("last-layer attention", "rollout", "saliency", "ALTI", "decoy", "word position")
TEXTS = 120


def scored(means: tuple[float, ...], *, texts: int = TEXTS, spread: float = 0.2, seed: int = 0) -> ScoredTexts:
    """Scores around these means; texts differ more than methods do, as hard and easy texts do."""
    random = np.random.default_rng(seed)
    values = np.array(means) + random.normal(0, 0.4, (texts, 1)) + random.normal(0, spread, (texts, len(means)))
    tau = np.tile(np.eye(len(means)), (texts, 1, 1))
    tau[:, 1, 3] = tau[:, 3, 1] = 0.7
    both = np.stack([values, values * 2], axis=2)
    return ScoredTexts(METHODS, ("faithfulness", "LDS"), both, (values < -0.5).astype(float), tau)


def ranked(means: tuple[float, ...], **settings: int | float) -> RankedExplanations:
    return rank_over_texts(scored(means, **settings), "faithfulness", floors=frozenset({"word position"}))


def test_the_order_means_and_differences_are_those_of_numpy_and_scipy() -> None:
    given = scored((0.3, 0.6, 0.1, 0.5, -0.2, 0.0))
    found = rank_over_texts(given, "faithfulness", floors=frozenset({"word position"}))
    main = given.values[:, :, 0]
    assert [each.name for each in found.methods] == [METHODS[i] for i in np.argsort(-main.mean(axis=0))]
    alti = next(each for each in found.methods if each.name == "ALTI")
    assert alti.means["LDS"].mean == pytest.approx(2 * main[:, 3].mean())
    assert alti.over_attention is not None and alti.behind_best is not None
    lead = main[:, 3] - main[:, 0]
    wanted = bootstrap((lead,), np.mean, n_resamples=4999, rng=np.random.default_rng(1)).confidence_interval
    assert alti.over_attention.interval.mean == pytest.approx(lead.mean())
    assert alti.over_attention.interval.low == pytest.approx(wanted.low, abs=0.01)
    assert alti.over_attention.interval.high == pytest.approx(wanted.high, abs=0.01)
    assert alti.behind_best.interval.mean == pytest.approx((main[:, 1] - main[:, 3]).mean())
    decoy = next(each for each in found.methods if each.name == "decoy")
    assert decoy.worse.mean == pytest.approx((main[:, 4] < -0.5).mean()) and decoy.worse.method == "exact"
    assert found.methods[0].behind_best is None and found.texts == TEXTS


def test_p_values_follow_a_rank_test_and_are_corrected_for_their_number() -> None:
    random = np.random.default_rng(3)
    columns = [random.normal(shift, 1, 80) for shift in (0, 0.2, 0.35, 0.6)]
    found = differences(columns)
    for column, difference in zip(columns, found, strict=True):
        assert math.log10(difference.p_value) == pytest.approx(math.log10(max(2e-4, wilcoxon(column).pvalue)), abs=0.5)
        beside = not difference.interval.low <= 0 <= difference.interval.high
        assert beside == (difference.p_value < 0.05)
    sure = differences([np.r_[np.ones(49), 1 + 1e-6]])[0]  # hardly any spread, far from 0
    assert sure.p_value == 1 / 5000 and differences([np.zeros(9)])[0].p_value == 1
    rank = {index: place for place, index in enumerate(sorted(range(4), key=lambda i: found[i].p_value))}
    for index, difference in enumerate(found):
        assert difference.adjusted >= min(1.0, (4 - rank[index]) * difference.p_value) - 1e-12
    assert max(found, key=lambda each: each.p_value).adjusted <= 1


def test_of_equal_explanations_a_better_one_is_seldom_named() -> None:
    """Of 25 studies of three equal explanations, each best by chance in some."""
    named = 0
    for seed in range(25):
        random = np.random.default_rng(seed)
        values = random.normal(0.5, 0.3, (60, 3))
        worse, tau = np.zeros((60, 3)), np.tile(np.eye(3), (60, 1, 1))
        three = ScoredTexts(("last-layer attention", "a", "b"), ("faithfulness",), values[:, :, None], worse, tau)
        found = rank_over_texts(three, "faithfulness").instead
        named += "Nothing is clearly better" not in found
    assert named <= 4


@pytest.mark.parametrize(
    ("means", "wanted"),
    [
        (
            (0.3, 0.9, 0.1, 0.5, -0.2, 0.0),
            r"Read rollout: it finds the words that these decisions depend on best, 0\.\d\d \[.*\] where random orders "
            r"reach 0 and the best order found reaches 1, and beats last-layer attention by 0\.\d\d \[.*\]\.",
        ),
        (
            (0.3, 0.6, 0.1, 0.61, -0.2, 0.0),
            r"Read (ALTI or rollout|rollout or ALTI): these texts can't tell them apart, and both find the words that "
            r"these decisions depend on better than last-layer attention does, by 0\..* and 0\..* where random .*",
        ),
        ((0.8, 0.6, 0.1, 0.5, -0.2, 0.0), r"Read last-layer attention: it finds .* best, 0\..*"),
        (
            (0.6, 0.6, 0.1, 0.1, -0.2, 0.0),
            r"Nothing is clearly better than last-layer attention here: .* found at 1\.",
        ),
        (
            (-0.3, -0.3, -0.3, -0.3, -0.3, -0.3),
            r"No explanation finds the words that these decisions depend on better than random orders do: .*",
        ),
        (
            (0.3, 0.9, 0.1, 0.5, -0.2, 0.9),
            r"Read rollout: .* But an order that knows nothing of the model does as well \(word position\)\.",
        ),
    ],
)
def test_what_to_read_instead_is_named_only_where_texts_tell(means: tuple[float, ...], wanted: str) -> None:
    found = ranked(means).instead
    assert re.fullmatch(wanted, found), found


@pytest.mark.parametrize(
    ("means", "blind", "named"),
    [
        ((0.3, 0.9, 0.1, 0.5, -0.2, 0.0), {"rollout", "saliency"}, "rollout"),
        ((0.3, 0.6, 0.1, 0.61, -0.2, 0.0), {"rollout"}, "rollout"),
        ((0.3, 0.6, 0.1, 0.61, -0.2, 0.0), {"rollout", "ALTI"}, "(ALTI and rollout|rollout and ALTI)"),
        ((0.8, 0.6, 0.1, 0.5, -0.2, 0.0), {"last-layer attention"}, "last-layer attention"),
        ((0.3, 0.9, 0.1, 0.5, -0.2, 0.0), {"saliency", "word position"}, None),
        ((-0.3, -0.3, -0.3, -0.3, -0.3, -0.3), {"rollout"}, None),
    ],
)
def test_what_is_named_and_blind_to_the_model_is_said_to_be(
    means: tuple[float, ...], blind: set[str], named: str | None
) -> None:
    floors = frozenset({"word position"})
    usual = rank_over_texts(scored(means), "faithfulness", floors=floors).instead
    found = rank_over_texts(scored(means), "faithfulness", floors=floors, blind=frozenset(blind)).instead
    assert found.startswith(usual)
    said = (
        rf" But {named} can't say why this model decides so: with all of the model's weights shuffled, the map stays\."
    )
    assert re.fullmatch("" if named is None else said, found.removeprefix(usual)), found


def test_few_texts_name_nothing() -> None:
    found = ranked((0.3, 0.9, 0.1, 0.5, -0.2, 0.0), texts=20)
    assert found.instead == "20 texts are too few to name an explanation; it takes 50."
    assert found.methods[0].name == "rollout"  # the table is there all the same


def test_a_text_without_a_value_is_counted_and_compared_with_nothing() -> None:
    given = scored((0.3, 0.6, 0.1, 0.5, -0.2, 0.0))
    values, worse = given.values.copy(), given.worse.copy()
    values[:40, 1], values[:, 2], worse[:, 2] = np.nan, np.nan, np.nan
    found = rank_over_texts(replace(given, values=values, worse=worse), "faithfulness")
    by_name = {each.name: each for each in found.methods}
    assert by_name["rollout"].means["faithfulness"].undefined == 40
    assert by_name["rollout"].over_attention is not None
    assert by_name["rollout"].over_attention.interval.count == TEXTS - 40
    assert found.methods[-1].name == "saliency" and math.isnan(found.methods[-1].means["faithfulness"].mean)
    assert by_name["saliency"].worse.undefined == TEXTS and by_name["saliency"].above_chance.interval.count == 0


def test_groups_are_those_that_agree_on_average() -> None:
    agreement = np.array([[1, 0.8, 0.1, np.nan], [0.8, 1, 0.3, 0], [0.1, 0.3, 1, 0.6], [np.nan, 0, 0.6, 1]])
    assert groups_alike(("a", "b", "c", "d"), agreement) == (("a", "b"), ("c", "d"))
    assert groups_alike(("a",), np.ones((1, 1))) == (("a",),)
    several = np.stack([agreement, np.where(np.isnan(agreement), 0.4, 0.0)])
    assert mean_agreement(several)[0, 3] == 0.4 and mean_agreement(several)[0, 1] == 0.4


def test_wrong_shapes_names_and_measures_are_refused() -> None:
    given = scored((0.3, 0.6, 0.1, 0.5, -0.2, 0.0))
    with pytest.raises(InputError, match=r"measure must be one of faithfulness, LDS, not 'rank'"):
        rank_over_texts(given, "rank")
    with pytest.raises(InputError, match=r"values, worse and tau must have the shapes .*, not .*"):
        replace(given, methods=METHODS[:-1])
    with pytest.raises(InputError, match=r"methods must have a name each, not .*; rename one"):
        replace(given, methods=("decoy", *METHODS[:-2], "decoy"))
