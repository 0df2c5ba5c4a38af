"""Sentences are said of words of a text or of patches of an image, and nothing else in them changes."""

from dataclasses import asdict, fields

import pytest
from measurements_for_tests import changed

from analyses.decision.conversion import component
from analyses.explanations.built_in import BUILT_IN
from analyses.verdicts.claim import CLAIM, LIMITS_OF_A_STUDY, LIMITS_OF_A_TEXT
from analyses.verdicts.one_text import one_text_verdict
from analyses.verdicts.thresholds import BARS
from interpret.subjects.nouns import PATCHES, WORDS, nouns_of
from reports.analysis import wording
from reports.analysis.classic_terms import published_tests
from reports.analysis.components import parts_in
from reports.shared.error_rate import sentence


@pytest.mark.parametrize(
    ("said", "of_words", "of_patches"),
    [
        (
            "{A_whole} has {many}; each {one} of {a_whole} counts.",
            "A text has words; each word of a text counts.",
            "An image has patches; each patch of an image counts.",
        ),
        ("{Many}, {wholes}. {Whole}? {One}!", "Words, texts. Text? Word!", "Patches, images. Image? Patch!"),
        ("The {one}'s vector, {one} by {one}", "The word's vector, word by word", "The patch's vector, patch by patch"),
        ("a word of a text, {} and {other}", "a word of a text, {} and {other}", "a word of a text, {} and {other}"),
        (
            "from {blank} to this one.",
            "from a text without words to this one.",
            "from a plain image in the mean colour of the model’s data to this one.",
        ),
    ],
)
def test_nouns(said, of_words, of_patches):
    assert WORDS.say(said) == of_words and PATCHES.say(said) == of_patches
    assert PATCHES.say(of_patches) == of_patches


def test_every_kind_of_unit_has_nouns():
    assert (nouns_of("word"), nouns_of("token"), nouns_of("patch")) == (WORDS, WORDS, PATCHES)
    assert all(asdict(nouns)[field.name] for nouns in (WORDS, PATCHES) for field in fields(nouns))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"input_rank": 0.02, "p_luck": 0.6, "share": 0.11},
        {"words": 4},
        {"spread": 0.0},
        {"spread": 0.01},
        {"rank": float("nan"), "top": -0.2, "p_luck": 0.5},
    ],
)
def test_a_verdict_keeps_its_numbers(settings):
    measured = changed(**settings)
    of_words, of_patches = (one_text_verdict(measured, nouns=nouns) for nouns in (WORDS, PATCHES))
    assert str(of_words) == str(one_text_verdict(measured))
    assert len(of_words.because) == len(of_words.topics) == len(of_patches.because)
    for name in ("answer", "topics", "idle_heads", "idle_share", "spread"):
        assert getattr(of_words, name) == getattr(of_patches, name)
    lines = list(of_patches.because)
    for one, other in zip(of_words.findings, of_patches.findings, strict=True):
        numbers, same = component(one, WORDS), component(other, PATCHES)
        lines += [same.pop(text) for text in ("doubt", "failure", "open")]
        assert str({name: numbers[name] for name in same}) == str(same)
    assert of_nothing_but_patches(lines)
    if settings:
        assert of_words.because != of_patches.because or of_words.topics == ("rank",)


def test_topics_say_what_a_reason_is_about():
    measured = changed(input_rank=0.02, share=0.11)
    found = one_text_verdict(measured)
    assert found.topics == ("input rank", "share")
    assert found.because == tuple(WORDS.say(BARS[topic].failure) for topic in found.topics)
    assert one_text_verdict(changed(words=4)).topics == ("data",)


def test_everything_that_is_said_of_an_image_is_about_patches():
    tables = (wording.GLOSSARY.values(), wording.ANSWERS.values(), wording.FAMILIES.values())
    said = [wording.QUESTION, wording.ATTENTION, CLAIM, *LIMITS_OF_A_TEXT, *LIMITS_OF_A_STUDY]
    said += [line for table in tables for entry in table for line in ([entry] if isinstance(entry, str) else entry)]
    said += [each.failure for each in BARS.values()] + [method.about for method in BUILT_IN]
    of_translators = ("cross-attention", "alignment error rate")
    left_out = [line for term in of_translators for line in wording.GLOSSARY[term]]
    lines = [PATCHES.say(line) for line in said if line not in left_out]
    lines += [text for each in parts_in(PATCHES).values() for text in vars(each).values() if isinstance(text, str)]
    lines += [text for each in published_tests(PATCHES).values() for text in vars(each).values()]
    lines += [sentence(None, PATCHES)]
    assert of_nothing_but_patches(lines)


def of_nothing_but_patches(lines):
    told = " ".join(lines).lower().replace("{}", "").replace("writes", "").replace("written", "")
    assert "{" not in told
    return not {"word", "words", "text", "texts", "word's", "words'"} & set(
        told.replace(",", "").replace(".", "").split()
    )
