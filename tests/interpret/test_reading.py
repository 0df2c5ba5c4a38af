"""How subjects turn a text into tokens: as transformers does, cut only when asked, and refused with a reason."""

import re
from pathlib import Path

import pytest
import torch
from saved_models import byte_pairs, random_model, save_bert, save_llama, save_tokenizer, word_pieces
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer

import interpret
from interpret.errors import CaptureError, InputError
from interpret.subjects.tasks.classification import TextClassification
from interpret.subjects.tasks.language_model import NextToken

TEXTS = (
    "The cat sat on the mat.",
    "  Naïve cafés — “quiet”, 3.5 degrees 😀\n\tdon't!",
    "[MASK] <s> ##x Ġ ▁ </script>",
    "\N{RIGHT-TO-LEFT MARK}\N{HEBREW LETTER SHIN} 猫が寝る",
)


def one_line(text: str) -> str:
    return f"^{re.escape(text)}$"


@pytest.mark.parametrize("model", ["bert", "gpt2", "llama"])
@pytest.mark.parametrize("text", TEXTS)
def test_ids_are_those_of_transformers(saved, model, text):
    expected = AutoTokenizer.from_pretrained(saved / model)(text).input_ids
    example = interpret.load(saved / model).encode(text)
    assert example.ids.tolist() == expected
    assert example.text == text and example.truncated == 0
    assert len(example.tokens) == len(expected) and all(example.tokens)


def test_padding_and_truncation_that_are_stored_with_a_tokenizer_are_off(saved):
    tokenizer = Tokenizer.from_str(word_pieces().to_str())
    tokenizer.enable_padding(length=30)
    tokenizer.enable_truncation(max_length=5)
    model = random_model("classifier", "bert", tokenizer)
    subject = TextClassification("m", model, tokenizer, labels=("bad", "good"))
    assert len(subject.encode("The cat sat on the mat.").ids) == 9


def test_special_tokens_are_separators_and_in_no_unit(bert):
    example = bert.encode("The cat sat.")
    assert example.tokens == ("[CLS]", "The", "cat", "sat", ".", "[SEP]")
    assert example.separators == (0, 5)
    assert [unit.tokens for unit in example.units] == [(1,), (2,), (3,), (4,)]
    assert example.unit_of.tolist() == [4, 0, 1, 2, 3, 4]
    assert example.pool(torch.arange(6.0)).tolist() == [1, 2, 3, 4]
    assert example.spread(torch.tensor([[True, False, False, True]])).tolist() == [
        [False, True, False, False, True, False]
    ]


def test_the_first_position_of_a_causal_model_is_in_no_unit(gpt2, llama):
    assert [unit.text for unit in gpt2.encode("The cat sat").units] == ["cat", "sat"]
    assert llama.encode("The cat sat").separators == (0,)
    assert [unit.text for unit in llama.encode("The cat sat").units] == ["The", "cat", "sat"]


def test_a_first_word_of_several_tokens_is_left_out_as_a_whole(gpt2):
    example = gpt2.encode("quietest cat")
    (word,) = example.units
    assert (word.text, word.tokens) == ("cat", (len(example.tokens) - 1,))
    assert len(example.tokens) > 3


def test_sink_keep_has_the_first_position_in_the_units(saved):
    kept = interpret.load(saved / "gpt2", sink="keep")
    assert [unit.tokens for unit in kept.encode("The cat sat").units] == [(0,), (1,), (2,)]


def test_removing_everything_is_refused_where_nothing_is_left(saved):
    subject = interpret.load(saved / "gpt2", sink="keep")
    example = subject.encode("The cat sat")
    wanted = one_line(
        f"without any words, {saved / 'gpt2'} has nothing to read, as its input has no special tokens; give an input "
        "with more words, or leave some of them"
    )
    with pytest.raises(CaptureError, match=wanted):
        subject.erase(example, torch.ones(1, 3, dtype=torch.bool), target=5, eraser="delete")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the text is empty; give one of at least two words"),
        (" \n\t\N{NO-BREAK SPACE}", "the text is empty; give one of at least two words"),
        ("a cat\0b", "the text has a NUL character at position 5; take it out"),
        (
            "cat \ud83d sat",
            "the text has half of a character (a lone surrogate) at position 4, as a file gives that is read in the "
            "wrong encoding; read it as UTF-8",
        ),
        (b"cat", "the text must be a str, not bytes"),
    ],
)
def test_texts_that_are_refused(bert, text, complaint):
    # The undecorated function: jaxtyping's checks refuse bytes before it would.
    with pytest.raises(InputError, match=one_line(complaint)):
        interpret.subjects.text.require_text(text)
    if isinstance(text, str):
        with pytest.raises(InputError, match=one_line(complaint)):
            bert.encode(text)


def test_a_text_that_the_tokenizer_drops_is_refused(bert):
    wanted = one_line("the text has no word that could be ranked; give one of at least two words")
    with pytest.raises(InputError, match=wanted):
        bert.encode("\N{ZERO WIDTH SPACE}\ufffd")


def test_a_single_word_is_refused_where_the_first_position_is_dropped(gpt2):
    wanted = one_line(
        "the text has no word that could be ranked; its first position isn't ranked, which sink='keep' changes; "
        "give one of at least two words"
    )
    with pytest.raises(InputError, match=wanted):
        gpt2.encode("The")


def test_a_text_of_the_greatest_length_is_read_and_a_longer_one_says_by_how_much(bert, saved):
    assert bert.longest == 66
    assert len(bert.encode("cat " * 64).ids) == 66
    wanted = one_line(
        f"the text has 69 tokens, 3 more than the 66 that {saved / 'bert'} reads at most; shorten it, or cut it with "
        "--truncate (truncate=True in Python)"
    )
    with pytest.raises(InputError, match=wanted):
        bert.encode("cat " * 67)


def test_truncation_keeps_special_tokens_and_cuts_the_text(bert):
    example = bert.encode("cat " * 67 + "sat", truncate=True)
    assert (len(example.ids), example.truncated) == (66, 4)
    assert example.ids.tolist() == bert.encode("cat " * 64).ids.tolist()
    assert example.text == ("cat " * 64).strip()
    assert len(example.units) == 64
    assert bert.encode("cat " * 67, truncate=True).truncated == 3  # nothing is remembered
    assert bert.encode("The cat", truncate=True).truncated == 0


def test_truncation_of_a_language_model(llama):
    text = "The cat sat on the mat. " * 20
    example = llama.encode(text, truncate=True)
    assert len(example.ids) == 66 == llama.longest
    assert text.startswith(example.text) and 0 < len(example.text) < len(text)
    llama.decide(example)


def test_positions_that_roberta_keeps_for_padding_are_not_counted(tmp_path):
    random_model("classifier", "roberta", word_pieces(), pad_token_id=3).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, word_pieces(), mask_token="[MASK]")
    subject = interpret.load(tmp_path)
    assert subject.longest == 62
    subject.decide(subject.encode("cat " * 60))


def test_special_tokens_after_a_text_are_left_out_where_it_is_to_go_on(tmp_path):
    random_model("causal", "llama", word_pieces()).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, word_pieces())
    example = interpret.load(tmp_path).encode("The cat")
    assert example.tokens == ("[CLS]", "The", "cat")
    long = interpret.load(tmp_path).encode("cat " * 80, truncate=True)
    assert (long.tokens[-1], long.truncated, len(long.ids)) == ("cat", 16, 65)


def test_a_tokenizer_of_another_model_is_refused(tmp_path):
    save_bert(tmp_path)
    tokenizer = Tokenizer.from_str(word_pieces().to_str())
    tokenizer.add_tokens(["zebra"])
    subject = interpret.load(tmp_path)
    subject.tokenizer = tokenizer
    known = word_pieces().get_vocab_size()
    wanted = one_line(
        f"the tokenizer of {tmp_path} doesn't belong to its weights: it gives the token id {known}, but the model "
        f"knows {known} only; put the tokenizer files of this model into its folder"
    )
    with pytest.raises(InputError, match=wanted):
        subject.encode("no zebra")


def test_a_tokenizer_that_panics_is_refused(capfd):
    tokenizer = Tokenizer.from_str(byte_pairs().to_str())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r"(a|aa)+$|((a+)+)+b"), "isolated"), pre_tokenizers.ByteLevel()]
    )
    model = random_model("causal", "gpt2", tokenizer)
    subject = NextToken("panicking", model, tokenizer)
    assert subject.encode("the cat").ids.numel()
    with pytest.raises(InputError, match=r"^the tokenizer of panicking fails on this text: [^\n]+$"):
        subject.encode("a" * 40 + "c cat")
    assert capfd.readouterr().err == ""


def test_a_tokenizer_without_an_unknown_token_is_refused():
    vocabulary = {"the": 0, "cat": 1}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    model = random_model("causal", "gpt2", byte_pairs())
    subject = NextToken("wordy", model, tokenizer)
    with pytest.raises(InputError, match=r"^the tokenizer of wordy fails on this text: [^\n]+$"):
        subject.encode("the dog sat")


def test_units_do_not_depend_on_the_tokenizer(bert, saved, tmp_path):
    text = "It's “quiet”, she said: 3.5 degrees 😀!"
    words = ["It's", "“", "quiet", "”", ",", "she", "said", ":", "3.5", "degrees", "😀", "!"]
    assert [unit.text for unit in bert.encode(text).units] == words
    assert [unit.text for unit in interpret.load(saved / "gpt2", sink="keep").encode(text).units] == words
    save_llama(tmp_path)
    assert [unit.text for unit in interpret.load(Path(tmp_path)).encode(text).units] == words
