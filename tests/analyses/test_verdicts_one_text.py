"""The rule for one decision, on measurements made up for the purpose."""

from dataclasses import replace
from math import isnan, nan

import pytest
from measurements_for_tests import FIELDS, GOOD, UNITS, changed

from analyses.verdicts.measurement import Measurement
from analyses.verdicts.one_text import LEAST_MOVED, ONE_TEXT, OneTextVerdict, TextComponent, one_text_verdict
from analyses.verdicts.thresholds import BARS, IDLE_SHARE
from interpret.subjects.nouns import WORDS

SOME_IDLE = "some of the displayed mean belongs to heads that the decision ignores"
STAYS = (
    "with all words of this text replaced the decision stays nearly what it is (its margin of 2.00 moves by 0.30), so "
    "there is little to explain by its words"
)


def judged(**changes: object) -> OneTextVerdict:
    return one_text_verdict(changed(**changes))


def with_value(name: str, value: float, **more: object) -> Measurement:
    """`GOOD` with one component at a value, in the units of its bars."""
    return changed(**{FIELDS[name]: value * UNITS.get(name, 1.0)}, **more)


def one(found: OneTextVerdict, name: str) -> TextComponent:
    return next(each for each in found.findings if each.name == name)


def sides(found: OneTextVerdict) -> dict[str, str]:
    return {each.name: each.side for each in found.findings}


def test_supported_when_all_hold() -> None:
    found = one_text_verdict(GOOD)
    assert found.answer == "supported" and found.because == ()
    assert [each.name for each in found.findings] == list(BARS)
    assert set(sides(found).values()) == {"holds"} and not any(each.doubt for each in found.findings)
    assert found.spread == 2.0 and found.idle_heads == () and found.idle_share == 0
    assert {each.name: each.value for each in found.findings} == {
        "use": 0.8, "rank": 0.9, "input rank": 0.8, "top": 0.9, "share": 0.9
    }  # fmt: skip
    p_values = {each.name: each.p_value for each in found.findings}
    assert p_values == {"use": None, "rank": None, "input rank": 0.001, "top": None, "share": None}


def test_as_many_draws_as_the_rule_was_made_for() -> None:
    assert (ONE_TEXT.permutations, ONE_TEXT.replacements, ONE_TEXT.like) == (8, 16, 8)
    assert (ONE_TEXT.orders, ONE_TEXT.null_orders) == (10, 999)


@pytest.mark.parametrize("name", BARS)
def test_each_component_by_itself_refutes_below_its_floor(name: str) -> None:
    found = one_text_verdict(with_value(name, BARS[name].floor - 0.001))
    assert found.answer == "not supported" and found.because == (WORDS.say(BARS[name].failure),)
    assert sides(found) == {**dict.fromkeys(BARS, "holds"), name: "fails"}
    assert one_text_verdict(with_value(name, BARS[name].floor)).answer == "inconclusive"


@pytest.mark.parametrize("name", BARS)
def test_each_component_by_itself_holds_from_its_bar_on_and_is_open_below(name: str) -> None:
    assert one_text_verdict(with_value(name, BARS[name].bar)).answer == "supported"
    found = one_text_verdict(with_value(name, BARS[name].bar - 0.006))
    assert found.answer == "inconclusive" and sides(found) == {**dict.fromkeys(BARS, "holds"), name: "open"}
    bars = BARS[name]
    assert found.because == (
        f"{name} is {bars.bar - 0.006:.2f}; it refutes below {bars.floor:.2f} and supports from {bars.bar:.2f} on",
    )


def test_the_input_rank_holds_only_if_luck_is_ruled_out() -> None:
    for p_value, side in ((0.01, "holds"), (0.011, "open"), (nan, "open")):
        found = judged(p_luck=p_value)
        assert sides(found)["input rank"] == side
    assert judged(p_luck=0.03).because == (
        "input rank is 0.80, but so few words move the decision that it may be luck (p = 0.030, more than 0.01); a "
        "longer text or a study of many texts can tell",
    )
    assert judged(p_luck=0.9, input_rank=0.1).answer == "not supported"  # a refutation needs no luck
    assert judged(p_luck=0.001, input_rank=0.1).answer == "not supported"


def test_the_input_rank_fails_only_if_the_effects_come_out_alike_again() -> None:
    for reliability, side in ((0.5, "fails"), (0.49, "open"), (nan, "open")):
        assert sides(judged(input_rank=0.1, reliability=reliability))["input rank"] == side
    assert judged(input_rank=0.1, reliability=0.2).because == (
        "input rank is 0.10, but what each word does comes out too unlike with other replacements to refute "
        "(reliability 0.20, less than 0.5)",
    )
    assert judged(reliability=0.1).answer == "supported"


def test_all_that_failed_is_said_in_the_order_of_the_components() -> None:
    found = judged(share=0.1, use=0.1, rank=0.0, single=(0.0, 0.5), conditional=(0.0, 0.5))
    assert found.answer == "not supported"
    assert found.because == (
        WORDS.say(BARS["use"].failure), BARS["rank"].failure, WORDS.say(BARS["share"].failure), IDLE_SHARE.failure
    )  # fmt: skip


@pytest.mark.parametrize(("name", "field"), FIELDS.items())
def test_what_is_undefined_is_open(name: str, field: str) -> None:
    found = judged(**{field: nan})
    assert found.answer == "inconclusive" and isnan(one(found, name).value) and sides(found)[name] == "open"
    assert found.because == (f"{name} is undefined on this text",)


@pytest.mark.parametrize(
    ("rank", "substituted", "side"),
    [
        (0.7, 0.34, "holds"),  # the second look need not reach the bar
        (0.7, 0.33, "open"),
        (0.1, 0.33, "fails"),
        (0.1, 0.34, "open"),
        (0.4, 0.90, "open"),  # never gives an answer
        (0.7, nan, "holds"),
    ],
)  # fmt: skip
def test_a_second_way_of_erasing_can_forbid_an_answer_about_the_rank(
    rank: float, substituted: float, side: str
) -> None:
    found = judged(rank=rank, rank_substituted=substituted)
    assert sides(found)["rank"] == side
    if one(found, "rank").doubt:
        assert found.because == (
            f"rank depends on how it is measured, {rank:.2f} or {substituted:.2f}, so neither is believed",
        )


@pytest.mark.parametrize(
    ("rank", "halves", "side"),
    [
        (0.30, (0.26, 0.28), "fails"),  # without chance 0.60 - 0.27 = 0.33
        (0.30, (0.22, 0.26), "open"),  # 0.60 - 0.24 = 0.36: chance alone may hide it
        (0.7, (1.0, 1.0), "holds"),  # 1.4 - 1.0 = 0.4
        (0.67, (1.0, 1.02), "open"),  # 1.34 - 1.01 = 0.33
    ],
)
def test_the_input_rank_is_held_against_what_it_would_be_without_chance(
    rank: float, halves: tuple[float, float], side: str
) -> None:
    found = judged(input_rank=rank, input_rank_halves=halves)
    assert sides(found)["input rank"] == side and one(found, "input rank").value == rank
    if one(found, "input rank").doubt:
        other = 2 * rank - sum(halves) / 2
        assert f"{rank:.2f} or {other:.2f}, so neither is believed" in found.because[0]


@pytest.mark.parametrize("changes", [{}, {"use": 0.0}])
def test_few_words_forbid_any_answer(changes: dict[str, object]) -> None:
    reason = "4 words are too few to tell any order from chance; it takes 5"
    found = judged(words=4, **changes)
    assert found.answer == "inconclusive" and found.because == (reason,)
    assert judged(words=5, **changes).answer == ("not supported" if changes else "supported")


@pytest.mark.parametrize("changes", [{}, {"share": 0.0}])
def test_a_decision_that_hardly_depends_on_the_words_forbids_any_answer(changes: dict[str, object]) -> None:
    assert LEAST_MOVED == 0.2
    found = judged(spread=0.3**2, **changes)
    assert found.answer == "inconclusive" and found.because == (STAYS,)
    assert judged(spread=0.4**2, **changes).answer == ("not supported" if changes else "supported")
    assert judged(spread=0.4**2, margin=-2.1).answer == "inconclusive"


def test_without_any_spread_there_is_no_unit_and_no_answer() -> None:
    for rounding in (0.0, 3e-6):
        found = judged(spread=rounding**2, reach=rounding)
        assert found.answer == "inconclusive" and found.spread == pytest.approx(rounding)
        assert found.because == (
            "replacing its words changes nothing (moves of up to 0.0001 logits may be rounding of the scores): the "
            "model ignores them, or knows none to replace them by",
        )
        assert isnan(one(found, "use").value)
    assert isnan(one(judged(top_most=1e-6), "top").value)


def test_what_rounding_can_do_goes_by_the_scores_of_the_margin() -> None:
    """A spread of 3e-6 says much of a margin that is known to 1e-9 logits, and one of 3 nothing where 1 is rounding."""
    tiny = {"margin": 3e-6, "spread": 9e-12, "reach": 3e-6, "use": 3e-6, "top": 3e-6, "top_most": 3e-6, "joint": 3e-6}
    small = judged(**tiny, rounding=1e-9)
    assert small.answer == "supported" and one(small, "use").value == pytest.approx(1)
    (reason, *_) = judged(spread=9.0, rounding=1.0).because
    assert reason.startswith("replacing its words changes nothing (moves of up to 1e+01 logits may be rounding")


def test_where_nothing_can_be_told_no_component_is_a_reason() -> None:
    found = judged(words=3, spread=0.09, use=0.3, share=0.0, single=(0.0, 0.5), conditional=(0.0, 0.5))
    assert found.answer == "inconclusive"
    assert found.because == ("3 words are too few to tell any order from chance; it takes 5", STAYS)


IDLE_FIRST = {"single": (0.0, 0.5), "conditional": (0.0, 0.5)}


@pytest.mark.parametrize(
    ("share", "answer", "because"),
    [
        (0.09, "supported", ()),
        (0.10, "inconclusive", (SOME_IDLE,)),
        (0.29, "inconclusive", (SOME_IDLE,)),
        (0.30, "not supported", (IDLE_SHARE.failure,)),
        (0.80, "not supported", (IDLE_SHARE.failure,)),
    ],
)
def test_idle_heads_count_by_their_share_of_the_display(share: float, answer: str, because: tuple[str, ...]) -> None:
    found = judged(shown=(share, 1 - share), **IDLE_FIRST)
    assert (found.answer, found.because) == (answer, because)
    assert found.idle_heads == (0,) and found.idle_share == pytest.approx(share)


@pytest.mark.parametrize(
    ("single", "conditional", "joint", "idle"),
    [
        ((0.099, 0.5), (0.0, 0.5), 1.0, (0,)),  # a fifth of half of the joint move is 0.1
        ((0.101, 0.5), (0.0, 0.5), 1.0, ()),
        ((0.0, 0.5), (0.101, 0.5), 1.0, ()),  # heads that stand in for each other
        ((0.099, 0.5), (0.099, 0.5), 0.5, ()),
        ((0.099, 0.05), (0.099, 0.099), 1.0, (0, 1)),
        ((0.0, 0.0), (0.0, 0.0), 0.0, ()),
    ],
)
def test_idle_is_less_than_a_fifth_of_what_the_heads_share_promises(
    single: tuple[float, float], conditional: tuple[float, float], joint: float, idle: tuple[int, ...]
) -> None:
    assert judged(single=single, conditional=conditional, joint=joint).idle_heads == idle


def test_shares_of_several_idle_heads_add_up() -> None:
    quarter = {"single": (0.0, 0.0, 0.5, 0.5), "conditional": (0.0, 0.0, 0.5, 0.5), "shown": (0.2, 0.12, 0.34, 0.34)}
    found = judged(**quarter)
    assert found.answer == "not supported" and found.idle_heads == (0, 1)
    assert found.idle_share == pytest.approx(0.32)


def test_an_open_component_beside_some_idle_heads_gives_both_reasons() -> None:
    found = judged(share=0.4, shown=(0.2, 0.8), **IDLE_FIRST)
    assert found.because == (one(found, "share").open_reason, SOME_IDLE)


def test_use_is_told_in_reaches_and_top_in_what_the_best_order_gains() -> None:
    found = one_text_verdict(changed(use=0.4, reach=0.5, top=0.3, top_most=0.4, spread=0.25))
    assert one(found, "use").value == pytest.approx(0.8) and one(found, "top").value == pytest.approx(0.75)
    assert found.answer == "supported" and found.spread == 0.5


def test_what_only_describes_changes_nothing() -> None:
    described = replace(
        GOOD, sink=0.9, uniform=0.0, rank_tau=nan, input_tau=-1.0, rank_shuffled=1.0,
        rank_of_values=1.0, opposed=1.0, position_rank=1.0, rarity_rank=nan, head_ranks=(), in_context=(), alone=(),
    )  # fmt: skip
    assert one_text_verdict(described) == one_text_verdict(GOOD)
