"""Sentences about words of a text become sentences about patches of an image, and nothing else changes."""

import pytest

from analyses.decision.patch_wording import in_patches, verdict_in_patches
from analyses.verdicts.claim import CLAIM, LIMITS_OF_A_TEXT


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A text has words; each word of a text counts.", "An image has patches; each patch of an image counts."),
        ("Words, texts. Text? Word!", "Patches, images. Image? Patch!"),
        ("The word's vector, word by word", "The patch's vector, patch by patch"),
        ("a context of keywords and swordfish", "a context of keywords and swordfish"),
        ("the label “a word of a text” and ‘words’", "the label “a word of a text” and ‘words’"),
        (
            "from a text without words to this one.",
            "from a plain image in the mean colour of the model’s data to this one.",
        ),
    ],
)
def test_nouns(before, after):
    assert in_patches(before) == after
    assert in_patches(after) == after


def test_a_verdict_keeps_its_numbers():
    component = {"name": "top", "value": 0.5, "doubt": "", "failure": "words do nothing", "open": "a text"}
    verdict = {
        "answer": "supported",
        "because": ["words move it"],
        "object": "the words' weights",
        "claim": CLAIM,
        "scope": "This text and the label “text” only.",
        "limits": list(LIMITS_OF_A_TEXT),
        "components": [component],
        "spread": 1.5,
    }
    found = verdict_in_patches(verdict)
    assert found["because"] == ["patches move it"] and found["scope"] == "This image and the label “text” only."
    assert found["components"] == [{**component, "failure": "patches do nothing", "open": "an image"}]
    assert (found["answer"], found["spread"], found["object"]) == ("supported", 1.5, "the patches' weights")
    assert not any(" word" in line or " text" in line for line in (found["claim"], *found["limits"]))
    assert verdict["because"] == ["words move it"]
