"""What a report on one text says to read: only explanations that random orders seldom match."""

import pytest
import torch

import interpret
from analyses import analyze, register, unregister
from analyses.explanations.attribution import Attribution
from analyses.explanations.erased_scores import ErasedScores
from analyses.explanations.erasure_effects import Erasure, Faithfulness
from analyses.explanations.faithfulness import faithfulness_by
from analyses.explanations.input_edits.leave_one_out import leave_one_out
from analyses.ranking.naming_one_text import what_to_read_here
from analyses.ranking.orders_to_name import comprehensiveness_of_chance, orders_to_name
from interpret.errors import CaptureError
from interpret.subjects.decision import Scores
from interpret.subjects.nouns import PATCHES


def faithfulness(falls: dict[str, float], orders: int | torch.Tensor = 199) -> Faithfulness:
    """Falls of the margin without the words that explanations put first; so many random orders reach 0 to 1."""
    random = torch.linspace(0, 1, orders) if isinstance(orders, int) else orders
    measured = torch.tensor([*falls.values()])

    def erasure(margin: torch.Tensor) -> Erasure:
        return Erasure(Scores(margin, margin), Scores(margin, margin), (0,), (Scores(margin, margin),))

    return Faithfulness("mask", (1,), tuple(falls), erasure(measured), erasure(random))


@pytest.mark.parametrize(
    ("falls", "wanted"),
    [
        (
            {"last-layer attention": 0.5, "saliency": 3.0, "rollout": 2.0},
            "Saliency and rollout find words that this decision depends on better than random orders do (p up to "
            "0.015, corrected for 3 explanations). By the same test last-layer attention can't be told from random "
            "orders.",
        ),
        (
            {"last-layer attention": 3.0, "saliency": 0.2},
            "Last-layer attention finds words that this decision depends on better than random orders do (p = 0.010, "
            "corrected for 2 explanations).",
        ),
        (
            {"last-layer attention": 0.5, "saliency": 0.9},
            "No explanation of this text can be told from random orders of its words (smallest p = 0.210, corrected "
            "for 2 explanations), so none is evidence here; many texts may tell more.",
        ),
    ],
)
def test_an_explanation_is_named_where_it_beats_random_orders(falls: dict[str, float], wanted: str) -> None:
    assert what_to_read_here(faithfulness(falls)) == wanted


def test_a_floor_is_not_named_and_patches_are_called_so() -> None:
    found = faithfulness({"last-layer attention": 0.1, "longer first": 3.0})
    said = what_to_read_here(found, ["longer first"], nouns=PATCHES)
    assert said.startswith("No explanation of this image can be told from random orders of its patches")


@pytest.mark.parametrize("explanations", [1, 2, 3, 7, 27, 150])
def test_naming_takes_as_many_orders_as_the_correction_allows_and_no_more(explanations: int) -> None:
    orders = orders_to_name(explanations)
    assert (orders + 1) * 5 >= explanations * 100 > orders * 5  # in whole numbers: 5 % is 5 of 100
    falls = {"last-layer attention": 3.0, **{f"method {number}": 0.0 for number in range(explanations - 1)}}
    assert what_to_read_here(faithfulness(falls, orders)).startswith("Last-layer attention finds words")


def test_more_orders_are_drawn_only_where_naming_hangs_on_them() -> None:
    subject = interpret.load()
    example = subject.encode("The plot drags, the jokes are dull and the cast is bored, but the music is wonderful.")
    decision = subject.decide(example)
    best = leave_one_out(subject, example, decision, eraser="mask").scores
    worst = torch.arange(len(example.units)).float()
    names = [f"method {number}" for number in range(6)]
    blind = [Attribution.from_scores(name, example, worst) for name in names]
    good = Attribution.from_scores("good", example, best)

    def drawn(maps: list[Attribution], orders: int) -> tuple[Faithfulness, torch.Tensor]:
        scores = ErasedScores(subject, example, decision, "mask")
        found = faithfulness_by(scores, maps, orders=orders, seed=3)
        return found, comprehensiveness_of_chance(scores, found, [each.method for each in maps], seed=3)

    found, chance = drawn([good, *blind], 100)
    whole, same = drawn([good, *blind], 139)
    torch.testing.assert_close(chance, whole.random.comprehensiveness.margin)  # as if they had been drawn at once
    assert same is whole.random.comprehensiveness.margin
    said = what_to_read_here(found, chance=chance)
    assert said == (
        "Good finds words that this decision depends on better than random orders do (p = 0.050, corrected for 7 "
        "explanations, by 139 random orders). By the same test last-layer attention can't be told from random orders."
    )
    hopeless = [*blind, Attribution.from_scores("blind, too", example, worst)]
    found, chance = drawn(hopeless, 100)
    assert chance is found.random.comprehensiveness.margin
    assert what_to_read_here(found, chance=chance).startswith("No explanation of this text")


@pytest.mark.parametrize(("explanations", "shared"), [(7, 0.0), (7, 0.9)])
def test_where_nothing_holds_something_is_named_once_in_twenty_times(explanations: int, shared: float) -> None:
    generator, texts = torch.Generator().manual_seed(explanations), 600
    orders = orders_to_name(explanations)
    named = 0
    for _ in range(texts):
        common, own, random = (torch.randn(size, generator=generator) for size in (1, explanations, orders))
        falls = shared**0.5 * common + (1 - shared) ** 0.5 * own  # as large as random ones, and alike among themselves
        found = faithfulness({f"method {place}": value for place, value in enumerate(falls.tolist())}, random)
        named += "better than random orders do" in what_to_read_here(found)
    assert named <= texts * (0.05 + 3 * (0.05 * 0.95 / texts) ** 0.5)


def test_an_analysis_leaves_out_what_cannot_work_and_says_why() -> None:
    @register("blind", about="Reads nothing.", gradient_passes=0)
    def blind(subject, example, decision, shared):  # type: ignore[no-untyped-def]
        raise CaptureError("this model has nothing to read")

    try:
        found = analyze(interpret.load(), "A gripping film.", methods=["blind", "saliency"], effort="quick")
    finally:
        unregister("blind")
    assert [each.method for each in found.maps] == ["last-layer attention", "saliency"]
    document = found.to_dict()
    assert document["left_out"] == {"blind": "this model has nothing to read"}
    assert document["instead"] == what_to_read_here(found.faithfulness)  # two explanations need no more orders
