"""The rule for one decision, on measurements made up for the purpose."""

from dataclasses import replace
from math import isnan, nan

import pytest
from measurements_for_tests import FIELDS, GOOD, changed

from analyses.verdicts.measurement import Measurement
from analyses.verdicts.one_text import LEAST_EFFECT, ONE_TEXT, OneTextVerdict, TextComponent, one_text_verdict
from analyses.verdicts.thresholds import BARS, IDLE_SHARE
from interpret.subjects.nouns import WORDS

P_VALUES = {"rank": "p_rank", "input rank": "p_input", "top": "p_top"}
UNIT = {"use": 2.0, "top": 2.0}  # `GOOD`'s spread is 4: effects are in units of its root
ORDERS = ("rank", "input rank")
NO_WORD = "no word of this text moves the decision by itself, so there is nothing to rank"
SOME_IDLE = "some of the displayed mean belongs to heads that the decision ignores"
TOP_DOUBT = (
    "the words that attention ranks first together do hardly more than random words; they may pull in opposite ways, "
    "which one text can't tell"
)


def judged(idle: tuple[int, ...] = (), **changes: object) -> OneTextVerdict:
    return one_text_verdict(changed(**changes), idle)


def with_value(name: str, value: float, **more: object) -> Measurement:
    """`GOOD` with one component at a value, in the units of its bars."""
    return changed(**{FIELDS[name]: value * UNIT.get(name, 1.0)}, **more)


def one(found: OneTextVerdict, name: str) -> TextComponent:
    return next(each for each in found.findings if each.name == name)


def sides(found: OneTextVerdict) -> dict[str, str]:
    return {each.name: each.side for each in found.findings}


def test_supported_when_all_hold() -> None:
    found = one_text_verdict(GOOD, ())
    assert found.answer == "supported" and found.because == ()
    assert [each.name for each in found.findings] == list(BARS)
    assert set(sides(found).values()) == {"holds"} and not any(each.doubt for each in found.findings)
    assert found.spread == 2.0 and found.idle_heads == () and found.idle_share == 0
    assert {each.name: each.value for each in found.findings} == {
        "use": 0.5, "rank": 0.7, "input rank": 0.6, "top": 0.4, "share": 0.9
    }  # fmt: skip
    p_values = {each.name: each.p_value for each in found.findings}
    assert p_values == {"use": None, "rank": 0.001, "input rank": 0.001, "top": 0.01, "share": None}


def test_as_many_draws_as_the_rule_was_made_for() -> None:
    assert (ONE_TEXT.permutations, ONE_TEXT.replacements, ONE_TEXT.orders, ONE_TEXT.null_orders) == (30, 16, 99, 999)


@pytest.mark.parametrize("name", [name for name in BARS if name != "top"])
def test_each_component_by_itself_refutes_below_its_floor(name: str) -> None:
    poor = {P_VALUES[name]: 0.4} if name in ORDERS else {}
    found = one_text_verdict(with_value(name, BARS[name].floor - 0.001, **poor), ())
    assert found.answer == "not supported" and found.because == (WORDS.say(BARS[name].failure),)
    assert sides(found) == {**dict.fromkeys(BARS, "holds"), name: "fails"}
    assert one_text_verdict(with_value(name, BARS[name].floor, **poor), ()).answer == "inconclusive"


@pytest.mark.parametrize("name", [name for name in BARS if name != "top"])
def test_each_component_by_itself_holds_from_its_bar_on_and_is_open_below(name: str) -> None:
    assert one_text_verdict(with_value(name, BARS[name].bar), ()).answer == "supported"
    found = one_text_verdict(with_value(name, BARS[name].bar - 0.006), ())
    assert found.answer == "inconclusive" and sides(found) == {**dict.fromkeys(BARS, "holds"), name: "open"}
    bars, p_value = BARS[name], " (p = 0.001)" if name in ORDERS else ""
    assert found.because == (
        f"{name} is {bars.bar - 0.006:.2f}{p_value}; it refutes below {bars.floor:.2f} and supports from "
        f"{bars.bar:.2f} on{', against random orders' if name in ORDERS else ''}",
    )


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_holds_only_if_it_beats_random_orders_and_fails_only_if_it_does_not(name: str) -> None:
    high, low, field = BARS[name].bar + 0.1, BARS[name].floor - 0.1, P_VALUES[name]
    for value, p_value, side in (
        (high, 0.05, "holds"), (high, 0.051, "open"), (low, 0.05, "open"), (low, 0.051, "fails"), (high, nan, "open")
    ):  # fmt: skip
        found = one_text_verdict(with_value(name, value, **{field: p_value}), ())
        assert sides(found)[name] == side
    (reason,) = one_text_verdict(with_value(name, low, **{field: 0.02}), ()).because
    assert reason.startswith(f"{name} is 0.05 (p = 0.020); ")


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.049])
@pytest.mark.parametrize("p_value", [0.01, 0.9])
def test_top_never_refutes_but_forbids_support_below_its_floor(value: float, p_value: float) -> None:
    found = one_text_verdict(with_value("top", value, p_top=p_value), ())
    assert found.answer == "inconclusive" and found.because == (TOP_DOUBT,)
    assert one(found, "top").side == "open" and one(found, "top").p_value == p_value


@pytest.mark.parametrize("p_value", [0.01, 0.9])
def test_top_does_not_have_to_reach_its_bar(p_value: float) -> None:
    assert one_text_verdict(with_value("top", 0.05, p_top=p_value), ()).answer == "supported"


def test_a_component_that_fails_refutes_also_where_top_is_open() -> None:
    found = judged(share=0.1, top=-1.0)
    assert found.answer == "not supported" and found.because == (WORDS.say(BARS["share"].failure),)


def test_all_that_failed_is_said_in_the_order_of_the_components() -> None:
    found = judged((0, 1), share=0.1, use=0.1, rank=0.0, p_rank=0.7, single=(0.0, 0.5), conditional=(0.0, 0.5))
    assert found.answer == "not supported"
    assert found.because == (
        BARS["use"].failure, BARS["rank"].failure, WORDS.say(BARS["share"].failure), IDLE_SHARE.failure
    )  # fmt: skip


@pytest.mark.parametrize(("name", "field"), FIELDS.items())
def test_what_is_undefined_is_open(name: str, field: str) -> None:
    found = judged(**{field: nan})
    assert found.answer == "inconclusive" and isnan(one(found, name).value) and sides(found)[name] == "open"
    assert found.because == (f"{name} is undefined on this text",)


@pytest.mark.parametrize("changes", [{}, {"use": 0.0}, {"rank": 0.0, "p_rank": 0.9}])
@pytest.mark.parametrize(("number", "name"), [(0, "use"), (1, "rank"), (2, "top")])
def test_what_was_measured_on_outputs_unlike_those_of_texts_is_not_believed(
    number: int, name: str, changes: dict[str, object]
) -> None:
    limit, above = (tuple(share if place == number else 0.0 for place in range(3)) for share in (0.2, 0.201))
    believed, found = judged(unlike=limit, **changes), judged(unlike=above, **changes)
    assert believed == judged(**changes)
    assert sides(found) == {**sides(believed), name: "open"}
    doubt = f"{name} was measured on outputs of attention unlike those that texts give, so it isn't believed"
    assert one(found, name).doubt == doubt
    if not changes or name in changes:
        assert found.answer == "inconclusive" and found.because == (doubt,)
    else:
        assert found.answer == "not supported" and found.because == believed.because


@pytest.mark.parametrize(
    ("rank", "substituted", "p_rank", "side"),
    [
        (0.5, 0.16, 0.001, "holds"),  # the second look need not reach the bar
        (0.5, 0.14, 0.001, "open"),
        (0.1, 0.149, 0.5, "fails"),
        (0.1, 0.15, 0.5, "open"),
        (0.2, 0.90, 0.5, "open"),  # never gives an answer
        (0.5, nan, 0.001, "holds"),
    ],
)  # fmt: skip
def test_a_second_way_of_erasing_can_forbid_an_answer_about_the_rank(
    rank: float, substituted: float, p_rank: float, side: str
) -> None:
    found = judged(rank=rank, rank_substituted=substituted, p_rank=p_rank)
    assert sides(found)["rank"] == side
    if one(found, "rank").doubt:
        assert found.because == (
            f"rank depends on how it is measured, {rank:.2f} or {substituted:.2f}, so neither is believed",
        )


@pytest.mark.parametrize(
    ("rank", "halves", "p_input", "side"),
    [
        (0.10, (0.02, 0.1), 0.5, "fails"),  # without chance 0.20 - 0.06 = 0.14
        (0.10, (0.02, 0.06), 0.5, "open"),  # 0.20 - 0.04 = 0.16: chance alone may hide it
        (0.5, (0.8, 0.8), 0.001, "holds"),  # 1.0 - 0.8 = 0.2
        (0.4, (0.7, 0.72), 0.001, "open"),  # 0.8 - 0.71 = 0.09
    ],
)
def test_the_input_rank_is_held_against_what_it_would_be_without_chance(
    rank: float, halves: tuple[float, float], p_input: float, side: str
) -> None:
    found = judged(input_rank=rank, input_rank_halves=halves, p_input=p_input)
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
def test_a_text_in_which_no_word_does_anything_forbids_any_answer(changes: dict[str, object]) -> None:
    assert LEAST_EFFECT == 0.25
    found = judged(largest=0.49, **changes)
    assert found.answer == "inconclusive" and found.because[0] == NO_WORD
    assert judged(largest=0.5, **changes).answer == ("not supported" if changes else "supported")


def test_without_any_spread_there_is_no_unit_and_no_answer() -> None:
    for rounding in (0.0, 3e-6):
        found = judged(spread=rounding**2, largest=rounding)
        assert found.answer == "inconclusive" and found.spread == pytest.approx(rounding)
        assert found.because == (
            "replacing its words changes nothing (moves of up to 0.0001 logits may be rounding of the scores): the "
            "model ignores them, or knows none to replace them by",
        )
        assert isnan(one(found, "use").value) and isnan(one(found, "top").value)


def test_what_rounding_can_do_goes_by_the_scores_of_the_margin() -> None:
    """A spread of 3e-6 says much of a margin that is known to 1e-9 logits, and one of 3 nothing where 1 is rounding."""
    small = judged(spread=9e-12, use=3e-6, top=3e-6, largest=3e-6, joint=3e-6, rounding=1e-9)
    assert small.answer == "supported" and one(small, "use").value == pytest.approx(1)
    (reason, *_) = judged(spread=9.0, rounding=1.0).because
    assert reason.startswith("replacing its words changes nothing (moves of up to 1e+01 logits may be rounding")


def test_where_nothing_can_be_told_no_component_is_a_reason() -> None:
    found = judged((0,), words=3, largest=0.0, use=0.3, share=0.0, single=(0.0, 0.5), conditional=(0.0, 0.5))
    assert found.answer == "inconclusive"
    assert found.because == ("3 words are too few to tell any order from chance; it takes 5", NO_WORD)


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
    found = judged((0,), shown=(share, 1 - share), **IDLE_FIRST)
    assert (found.answer, found.because) == (answer, because)
    assert found.idle_heads == (0,) and found.idle_share == pytest.approx(share)


def test_a_head_is_idle_only_if_it_is_idle_elsewhere_too() -> None:
    found = judged((1,), shown=(0.8, 0.2), **IDLE_FIRST)
    assert found.answer == "supported" and found.idle_heads == () and found.idle_share == 0
    assert judged((), **IDLE_FIRST).answer == "supported"
    assert judged({0, 1}, shown=(0.8, 0.2), **IDLE_FIRST).idle_heads == (0,)  # type: ignore[arg-type]
    assert judged((0, 1)).idle_heads == ()  # both do something here


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
    assert judged((0, 1), single=single, conditional=conditional, joint=joint).idle_heads == idle


def test_shares_of_several_idle_heads_add_up() -> None:
    quarter = {"single": (0.0, 0.0, 0.5, 0.5), "conditional": (0.0, 0.0, 0.5, 0.5), "shown": (0.2, 0.12, 0.34, 0.34)}
    found = judged((0, 1, 2, 3), **quarter)
    assert found.answer == "not supported" and found.idle_heads == (0, 1)
    assert found.idle_share == pytest.approx(0.32)
    assert judged((0,), **quarter).answer == "inconclusive"


def test_an_open_component_beside_some_idle_heads_gives_both_reasons() -> None:
    found = judged((0,), share=0.5, shown=(0.2, 0.8), **IDLE_FIRST)
    assert found.because == (one(found, "share").open_reason, SOME_IDLE)


def test_effects_are_in_standard_deviations_of_the_margin() -> None:
    small = changed(use=0.2, top=0.2, largest=0.2, spread=0.25)  # half a logit
    found = one_text_verdict(small, ())
    assert one(found, "use").value == pytest.approx(0.4) and one(found, "top").value == pytest.approx(0.4)
    assert found.answer == "supported" and found.spread == 0.5
    assert one_text_verdict(replace(small, spread=4.0, largest=0.5), ()).because[0] != NO_WORD


def test_what_only_describes_changes_nothing() -> None:
    described = replace(
        GOOD, margin=-3.0, sink=0.9, uniform=0.0, rank_tau=nan, input_tau=-1.0, rank_shuffled=1.0,
        rank_of_values=1.0, opposed=1.0, position_rank=1.0, rarity_rank=nan, head_ranks=(),
    )  # fmt: skip
    assert one_text_verdict(described, ()) == one_text_verdict(GOOD, ())
