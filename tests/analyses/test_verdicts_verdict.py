"""The rule: what is above its bar, below its floor, or open, on measurements made up for the purpose."""

import re
from dataclasses import replace
from math import nan

import pytest
from measurements_for_tests import FIELDS, UNITS, sample

from analyses.verdicts.thresholds import BARS, IDLE
from analyses.verdicts.verdict import FEWEST_EXAMPLES, Verdict, verdict
from interpret.subjects.nouns import WORDS


def side(found: Verdict, name: str) -> str:
    return next(each.side for each in found.components if each.name == name)


def test_supported_when_every_component_is_above_its_bar() -> None:
    found = verdict(sample())
    assert found.answer == "supported" and found.because == () and found.needed is None
    assert {each.side for each in found.components} == {"holds"}
    assert found.spread == 2.0
    use = found.components[0]
    assert use.name == "use" and use.low < use.mean < use.high
    assert use.mean == pytest.approx(0.8, abs=0.02)  # 1.6 logits, in reaches


@pytest.mark.parametrize(("name", "field"), FIELDS.items())
def test_one_component_below_its_floor_refutes_and_says_which(name: str, field: str) -> None:
    found = verdict(sample(**{field: 0.0}))
    assert found.answer == "not supported"
    assert found.because == (WORDS.say(BARS[name].failure),)
    assert side(found, name) == "fails"
    assert all(each.side == "holds" for each in found.components if each.name != name)


@pytest.mark.parametrize(("name", "field"), FIELDS.items())
def test_one_component_in_between_leaves_it_open_and_says_how_many_examples_would_settle_it(
    name: str, field: str
) -> None:
    just_above = UNITS.get(name, 1.0) * (BARS[name].bar + 0.002)
    found = verdict(sample(**{field: just_above}))
    assert found.answer == "inconclusive" and side(found, name) == "open"
    assert found.because[0].startswith(f"{name} is ") and len(found.because) == 1
    assert found.needed is None or found.needed > 60


def test_fewer_than_fifty_examples_are_inconclusive_whatever_they_say() -> None:
    for changes in ({}, {"use": 0.0}):
        found = verdict(sample(FEWEST_EXAMPLES - 1, **changes))
        assert found.answer == "inconclusive"
        assert found.because[0] == "49 examples are too few; a verdict needs 50"
        assert found.needed == FEWEST_EXAMPLES
    assert verdict(sample(FEWEST_EXAMPLES)).answer == "supported"


def test_few_examples_of_which_one_part_fails_need_no_more_for_another_that_is_open() -> None:
    just_above = UNITS["top"] * (BARS["top"].bar + 0.002)
    found = verdict(sample(FEWEST_EXAMPLES - 20, use=0.0, top=just_above))
    assert (side(found, "use"), side(found, "top"), found.needed) == ("fails", "open", FEWEST_EXAMPLES)
    assert verdict(sample(FEWEST_EXAMPLES, use=0.0, top=just_above)).answer == "not supported"


def test_refutation_is_corrected_for_five_components_and_support_is_not() -> None:
    """An upper bound that clears its floor at 5 % but not at 1 % doesn't refute."""
    for seed in range(40):
        measurements = sample(noise=0.12, seed=seed, rank=0.305)
        p = next(each.p_floor for each in verdict(measurements).components if each.name == "rank")
        if 0.012 < p < 0.045:
            found = verdict(measurements)
            assert found.answer == "inconclusive"
            assert re.fullmatch(
                r"rank is 0\.\d\d \(95 % bounds .*\), below 0\.33, but not surely enough with 5 such tests \(Holm\)",
                found.because[0],
            )
            return
    raise AssertionError("no sample fell between the two levels")


def test_heads_that_do_a_fraction_of_what_they_show_are_idle_and_refute() -> None:
    idle = sample(single=(1.0, 0.01), conditional=(1.0, 0.0))
    found = verdict(idle)
    assert found.idle_heads == (1,) and found.idle_share == pytest.approx(0.5)
    assert found.answer == "not supported" and "heads that the decision ignores" in found.because[0]
    little = verdict(sample(single=(1.0, 0.01), conditional=(1.0, 0.0), shown=(0.8, 0.2)))
    assert little.answer == "inconclusive" and little.idle_share == pytest.approx(0.2)
    least = verdict(sample(single=(1.0, 0.001), conditional=(1.0, 0.0), shown=(0.95, 0.05)))
    assert least.answer == "supported" and least.idle_heads == (1,)


def test_heads_that_stand_in_for_each_other_are_not_idle() -> None:
    found = verdict(sample(single=(0.0, 0.0), conditional=(0.6, 0.6)))
    assert found.idle_heads == () and found.answer == "supported"


def test_of_many_heads_that_share_the_work_none_is_idle() -> None:
    each = (1 / 12,) * 12
    assert verdict(sample(single=each, conditional=each, shown=each)).idle_heads == ()
    less = tuple(IDLE * share * 0.9 for share in each)
    assert len(verdict(sample(single=less, conditional=less, shown=each)).idle_heads) == 12


def test_undefined_values_are_counted_and_too_many_forbid_support() -> None:
    measurements = sample()
    some = [replace(each, rank=nan) for each in measurements[:12]] + measurements[12:]
    found = verdict(some)
    assert found.answer == "supported" and found.components[1].undefined == 12
    many = [replace(each, rank=nan) for each in measurements[:13]] + measurements[13:]
    found = verdict(many)
    assert found.answer == "inconclusive"
    assert found.because[0] == "rank is undefined on 13 examples, more than a verdict can leave out"


def test_a_decision_that_no_word_moves_leaves_nothing_to_explain() -> None:
    found = verdict(sample(spread=0.0))
    assert found.answer == "inconclusive"
    assert found.because[0] == (
        "the words don't move the decision at all (moves of up to 0.0001 logits may be rounding of the scores), so "
        "there is nothing to explain"
    )
    suppressed = verdict(sample(spread=9.0, rounding=1.0))
    assert suppressed.answer == "inconclusive" and "(moves of up to 1e+01 logits may be" in suppressed.because[0]


def test_short_texts_are_inconclusive() -> None:
    found = verdict(sample(words=4))
    assert found.answer == "inconclusive" and found.because[0] == "most texts have fewer than 5 words to rank"


def test_scaled_thresholds_move_the_answer_in_one_direction() -> None:
    measurements = sample(rank=0.7)
    answers = [verdict(measurements, scale=scale).answer for scale in (0.5, 1.0, 1.2, 3.0)]
    assert answers == ["supported", "supported", "inconclusive", "not supported"]


def test_the_same_measurements_give_the_same_answer_and_none_is_refused() -> None:
    assert verdict(sample()) == verdict(sample())
    with pytest.raises(ValueError, match="a verdict needs at least one measurement, not 0"):
        verdict([])


def test_a_component_that_its_second_look_refutes_is_not_believed() -> None:
    found = verdict(sample(rank=0.8, rank_substituted=0.0))
    assert found.answer == "inconclusive" and side(found, "rank") == "open" and found.needed is None
    assert found.because[0].startswith("rank depends on how it is measured, 0.") and len(found.because) == 1


def test_a_component_fails_only_where_both_looks_do() -> None:
    found = verdict(sample(rank=0.0, rank_substituted=0.7))
    assert found.answer == "inconclusive" and side(found, "rank") == "open"
    # 0.05 from all walks and -0.35 from half of them: 0.45 from many more, which no floor refutes.
    found = verdict(sample(input_rank=0.05, input_rank_halves=(-0.35, -0.35)))
    assert found.answer == "inconclusive" and side(found, "input rank") == "open"
    assert verdict(sample(input_rank=0.05, input_rank_halves=(0.05, 0.05))).answer == "not supported"


def test_doubts_forbid_support_and_not_refutation() -> None:
    found = verdict(sample(), doubts=["the model is right no more often than chance"])
    assert found.answer == "inconclusive" and found.because == ("the model is right no more often than chance",)
    assert verdict(sample(use=0.0), doubts=["whatever"]).answer == "not supported"
