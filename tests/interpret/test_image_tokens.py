"""Models that write an image token by token: what they read, what stands in a grid, and what is refused."""

import pytest
import torch
from own_modules import WORDS, Writer, word_tokenizer

import interpret
from analyses.decision.judgement import usual_source
from analyses.verdicts.image_token_resampling import TokensOfTheImage
from analyses.verdicts.vocabulary import VocabularyUnigram
from interpret.errors import InputError
from interpret.subjects.inputs.example import Part, Unit

TOKENS = len(WORDS) + 20
FIRST = len(WORDS)  # the number of the first image token


@pytest.fixture
def subject():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return interpret.load(Writer(TOKENS).eval(), tokenizer=word_tokenizer(), grid=(3, 4))


def image(*numbers):
    return " ".join(str(FIRST + number) for number in numbers)


def test_text_and_image_are_read_as_one_row_of_tokens(subject):
    example = subject.encode("red dog", image(5, 0, 5, 1, 7))
    assert example.ids.tolist() == [2, 3, 11, *(FIRST + number for number in (5, 0, 5, 1, 7))]
    assert example.tokens == ("[CLS]", "red", "dog", "#19", "#14", "#19", "#15", "#21")
    assert example.parts == (Part("text", 0, 3), Part("image", 3, 8, columns=4))
    assert [unit.text for unit in example.units] == [
        *("red", "dog", "row 1, column 1", "row 1, column 2", "row 1, column 3", "row 1, column 4", "row 2, column 1")
    ]
    assert [example.text[unit.start : unit.end] for unit in example.units[2:]] == ["19", "14", "19", "15", "21"]
    assert example.units[0] == Unit("red", (1,), 0, 3) and example.separators == (0,)
    assert [example.text[start:stop] for start, stop in example.spans] == [
        "",
        "red",
        "dog",
        "19",
        "14",
        "19",
        "15",
        "21",
    ]


def test_the_next_image_token_is_decided_from_all_of_them(subject):
    example = subject.encode("red dog", image(5, 0, 5))
    decision = subject.decide(example)
    scores = subject.model.module(example.ids[None])[0, -1]
    assert decision.target == int(scores.argmax())
    assert subject.label(FIRST + 3) == "#17" and subject.find_label("#17") == FIRST + 3
    assert subject.label(3).strip() == "red"
    first = subject.encode("red dog")
    assert first.parts == () and subject.decide(first).target == int(
        subject.model.module(first.ids[None])[0, -1].argmax()
    )


def test_image_tokens_are_replaced_by_others_of_the_image_and_words_by_words(subject):
    example = subject.encode("red dog", image(5, 0, 5, 1, 7))
    source = usual_source(subject, example)
    assert source.name == "the model's vocabulary, by kind and Zipf's law; image tokens from the same image"
    uniform = [(place + 0.5) / 8 for place in range(8)]
    drawn = source.draw(example, 2 + 1, uniform)[:, 0].tolist()  # the second image token
    assert drawn == [FIRST + number for number in (5, 5, 5, 5, 1, 1, 7, 7)]
    assert max(source.draw(example, 0, uniform)[:, 0].tolist()) < FIRST
    one = subject.encode("red dog", image(5))
    assert source.draw(one, 2, uniform)[:, 0].tolist() == [FIRST + 5] * 8
    words = VocabularyUnigram(subject.tokenizer)
    assert torch.equal(TokensOfTheImage(words).draw(one, 1, uniform), words.draw(one, 1, uniform))
    assert type(usual_source(subject, subject.encode("red dog"))) is VocabularyUnigram


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("20 sky", "image tokens are given by their numbers, such as '12 7 7 31', not by 'sky'"),
        ("20 34", "the tokens of Writer are numbers from 0 to 33, not 34"),
        (
            "20 " * 12,
            "Writer writes images of 3 x 4 tokens, and says what follows 1 to 11 of them, not 12; leave them out for "
            "the first",
        ),
        (
            " ",
            "Writer writes images of 3 x 4 tokens, and says what follows 1 to 11 of them, not 0; leave them out for "
            "the first",
        ),
    ],
)
def test_image_tokens_that_can_not_be_read(subject, given, said):
    with pytest.raises(InputError) as error:
        subject.encode("red dog", given)
    assert str(error.value) == said


def test_what_is_longer_than_the_model_reads_and_several_tokens_at_once():
    subject = interpret.load(Writer(TOKENS).eval(), tokenizer=word_tokenizer(), grid=(3, 4), longest=5)
    with pytest.raises(InputError) as error:
        subject.encode("red dog", image(1, 2, 3))
    assert str(error.value) == (
        "the text and its image have 6 tokens, 1 more than the 5 that Writer reads at most; give less"
    )
    with pytest.raises(InputError) as error:
        subject.continuation("red dog", most=3)
    assert str(error.value) == (
        "Writer writes an image, which is explained one token at a time; give the image tokens before the one that is "
        "explained as the second text"
    )
