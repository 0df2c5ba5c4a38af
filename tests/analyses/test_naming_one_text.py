"""What a report on one text says to read: only explanations that random orders seldom match."""

import pytest
import torch

import interpret
from analyses import analyze, register, unregister
from analyses.explanations.erasure_effects import Erasure, Faithfulness
from analyses.ranking.naming_one_text import what_to_read_here
from interpret.errors import CaptureError
from interpret.subjects.decision import Scores
from interpret.subjects.nouns import PATCHES


def faithfulness(falls: dict[str, float], orders: int = 199) -> Faithfulness:
    """Falls of the margin without the words that explanations put first; random orders reach 0 to 1."""
    measured, random = torch.tensor([*falls.values()]), torch.linspace(0, 1, orders)

    def erasure(margin: torch.Tensor) -> Erasure:
        return Erasure(Scores(margin, margin), Scores(margin, margin), (0,), (Scores(margin, margin),))

    return Faithfulness("mask", (1,), tuple(falls), erasure(measured), erasure(random))


@pytest.mark.parametrize(
    ("falls", "wanted"),
    [
        (
            {"last-layer attention": 0.5, "saliency": 3.0, "rollout": 2.0},
            "Saliency and rollout find words that this decision depends on better than random orders do (p up to "
            "0.015, corrected for 3 explanations). Last-layer attention doesn't.",
        ),
        (
            {"last-layer attention": 3.0, "saliency": 0.2},
            "Last-layer attention finds words that this decision depends on better than random orders do (p = 0.010, "
            "corrected for 2 explanations).",
        ),
        (
            {"last-layer attention": 0.5, "saliency": 0.9},
            "No explanation of this text can be told from random orders of its words (smallest p = 0.210, corrected for "
            "2 explanations), so none is evidence here; many texts may tell more.",
        ),
    ],
)
def test_an_explanation_is_named_where_it_beats_random_orders(falls: dict[str, float], wanted: str) -> None:
    assert what_to_read_here(faithfulness(falls)) == wanted


def test_a_floor_is_not_named_and_patches_are_called_so() -> None:
    found = faithfulness({"last-layer attention": 0.1, "longer first": 3.0})
    said = what_to_read_here(found, ["longer first"], nouns=PATCHES)
    assert said.startswith("No explanation of this image can be told from random orders of its patches")


def test_too_few_random_orders_are_said_to_be_too_few() -> None:
    falls = {f"method {number}": 3.0 for number in range(30)}
    assert what_to_read_here(faithfulness(falls, 100)) == (
        "100 random orders are too few to tell any of 30 explanations from chance; test fewer, or draw more "
        "(--thorough)."
    )


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
    assert document["instead"] == what_to_read_here(found.faithfulness)
