"""The result that all explanations share."""

import json
import re

import pytest
import torch

from analyses.explanations.attribution import Attribution
from interpret.errors import InputError


def attribution(scores, tokens=None, **options):
    scores = torch.tensor(scores)
    tokens = scores if tokens is None else torch.tensor(tokens)
    options = {"method": "saliency", "family": "gradient", "signed": True, **options}
    return Attribution(scores=scores, tokens=tokens, **options)


def test_order_is_by_descending_score_not_by_size():
    assert attribution([-3.0, 0.5, 2.0]).order() == [2, 1, 0]


def test_equal_scores_keep_their_place_in_the_text():
    scores = [1.0 if index % 7 else 2.0 for index in range(200)]
    expected = sorted(range(200), key=lambda index: (-scores[index], index))
    assert attribution(scores).order() == expected


def test_it_becomes_plain_json():
    one = attribution([0.5, -1.0], [0.0, 0.5, -1.0], notes={"steps": 50.0})
    assert json.loads(json.dumps(one.to_dict(), allow_nan=False)) == {
        "method": "saliency",
        "family": "gradient",
        "signed": True,
        "scores": [0.5, -1.0],
        "tokens": [0.0, 0.5, -1.0],
        "notes": {"steps": 50.0},
    }


def test_a_text_without_units_has_no_scores():
    assert attribution([], [0.1]).order() == []


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("place", ["scores", "tokens", "notes"])
def test_numbers_must_be_finite(bad, place):
    arguments = {"scores": [1.0], "tokens": [1.0, 2.0], "notes": {"steps": 1.0}}
    arguments[place] = {"steps": bad} if place == "notes" else [bad]
    message = "saliency gave scores that aren't finite, so units can't be ranked by them; the model computes NaN"
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        attribution(**arguments)


def test_more_units_than_tokens_are_refused():
    message = (
        "saliency needs one score for each unit and for each token, and no more units than tokens, "
        "not shapes [3] and [2]"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        attribution([1.0, 2.0, 3.0], [1.0, 2.0])


@pytest.mark.parametrize("place", ["scores", "tokens"])
def test_unsigned_scores_may_not_be_negative(place):
    arguments = {"scores": [1.0], "tokens": [1.0]} | {place: [-1.0]}
    with pytest.raises(ValueError, match=r"^saliency is unsigned but gave a score below zero; call it signed$"):
        attribution(**arguments, signed=False)


def test_notes_may_be_negative_in_unsigned_maps():
    assert attribution([1.0], signed=False, notes={"delta": -1.0}).notes == {"delta": -1.0}
