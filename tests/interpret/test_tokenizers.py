"""Texts of odd characters under every kind of tokenizer: ids are those of transformers, and units spell the text."""

import random

import pytest
from saved_models import SENTENCES, byte_pairs, pieces_with_spaces, random_model, word_pieces
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

import interpret
from interpret.subjects.inputs.remarks import special_positions

SPECIAL = ["<pad>", "<end>", "<s>", "<unk>"]
ODD = (
    *("the cat", "harbour", "unhappiness", "don't", "3.5", "C#", "3:15", "def f(a):return(a)", "x@y.org", "-" * 4),
    *("café", "cafe\u0301", "n\u0303", "\u0301", "A\u030a", "ß", "İ", "ﬁ", "①½…", "Ｆｕｌｌ", "“it’s”", "㍿"),
    *("\t", "\n", "  ", "\r\n", "\u00a0", "\u3000", "\u2028", "\ufeff", "\u200b", "\u200d", "\u00ad", "\x07", "\x7f"),
    *("😀", "👩‍👩‍👧", "🇩🇪", "猫が寝る", "ภาษาไทย", "한국어", "שלום", "हिन्दी", "�", "\U0010fffd", "\ue000"),
    *(
        "ACGTTGCAACGTGGCATTACGATCGATCGGATCA",
        "aGVsbG8gd29ybGQh" * 3,
        "[MASK]",
        "[CLS]",
        "<s>",
        "<end>",
        "<unk>",
        "▁",
        "Ġ",
    ),
)


def unigrams() -> Tokenizer:
    """A Unigram tokenizer as T5's or XLM-RoBERTa's, which normalises what it reads."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=120, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing("$A <end>", special_tokens=[("<end>", 1)])
    return tokenizer


def whole_words() -> Tokenizer:
    """A tokenizer that knows whole words only."""
    words = sorted({word for sentence in SENTENCES for word in sentence.split()})
    numbers = {word: number for number, word in enumerate([*SPECIAL, *words])}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def trimmed_bytes() -> Tokenizer:
    """Byte pairs as RoBERTa's: a space before the text, and none in what tokens are said to stand for."""
    tokenizer = Tokenizer.from_str(byte_pairs().to_str())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.post_processor = processors.RobertaProcessing(("<end>", 1), ("<s>", 2))
    return tokenizer


# Each with the family of the model that reads it, and whether every character comes back when tokens are decoded.
KINDS = {
    "word pieces": (word_pieces, "bert", False),
    "byte pairs": (byte_pairs, "llama", True),
    "byte pairs with a start": (lambda: byte_pairs(start=True), "llama", True),
    "trimmed byte pairs": (trimmed_bytes, "bert", True),
    "pieces with spaces": (pieces_with_spaces, "llama", True),
    "unigrams": (unigrams, "bert", False),
    "whole words": (whole_words, "llama", False),
}


def texts(seed):
    """Odd pieces put together at random, and texts that aren't odd."""
    generator = random.Random(seed)
    for _ in range(60):
        pieces = generator.choices(ODD, k=generator.randint(1, 7))
        text = generator.choice(["", " "]).join(pieces)
        if text.strip():
            yield text
    yield from SENTENCES


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    make, family, is_lossless = KINDS[request.param]
    fast = make()
    named = {f"{role}_token": "<end>" if fast.token_to_id("<end>") else "[SEP]" for role in ("pad", "eos", "sep")}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=fast, **named)
    head = "classifier" if family == "bert" else "causal"
    model = random_model(head, family, fast, max_position_embeddings=4096)
    return interpret.load(model, tokenizer=tokenizer), tokenizer, is_lossless


def spelled(subject, example, unit):
    """What the tokens of a unit decode to, without the space around it."""
    ids = [int(example.ids[token]) for token in unit.tokens]
    return bare(subject.tokenizer.decode(ids, skip_special_tokens=False))


def bare(text):
    """Without the space around it; SentencePiece reads its sign for a space as one."""
    return text.replace("▁", " ").strip()


@pytest.mark.parametrize("units", ["word", "token"])
def test_ids_are_those_of_transformers_and_units_spell_the_text(kind, units):
    subject, tokenizer, is_lossless = kind
    subject.units, subject.sink = units, "keep"
    for text in texts(units):
        try:
            example = subject.encode(text)
        except interpret.InputError as error:
            assert "no word that could be ranked" in str(error), text
            continue
        assert example.ids.tolist() == tokenizer(text).input_ids, text
        owners = [token for unit in example.units for token in unit.tokens]
        assert sorted(owners) == sorted(set(owners)) and not set(owners) & set(example.separators), text
        by_token = example.unit_kind == "token"
        visible = [token for token, (start, end) in enumerate(example.spans) if text[start:end].strip()]
        wanted = range(len(example.ids)) if by_token else visible
        assert set(wanted) - set(example.separators) <= set(owners), text
        assert not by_token or all(len(unit.tokens) == 1 for unit in example.units)
        assert not by_token or len({(unit.start, unit.end, unit.text) for unit in example.units}) == len(example.units)
        for unit in example.units:
            part = text[unit.start : unit.end]
            assert unit.text == part or (by_token and unit.text.startswith(part or "token ")), (text, unit)
            if is_lossless and unit.text == part:
                assert spelled(subject, example, unit) == bare(part), (text, unit)


def test_the_first_word_is_ranked_whole_or_not_at_all(kind):
    subject, _, _ = kind
    subject.units = "word"
    for text in texts("sink"):
        found = {}
        for subject.sink in ("keep", "drop"):
            try:
                found[subject.sink] = subject.encode(text).units
            except interpret.InputError:
                found[subject.sink] = ()
        first_counts = subject.is_causal
        assert found["drop"] == tuple(unit for unit in found["keep"] if not (first_counts and 0 in unit.tokens)), text


def test_words_that_a_tokenizer_does_not_know_are_ranked_and_its_sign_for_them_is_not():
    tokenizer, text = whole_words(), "The zebra sat <unk> on"
    encoding = tokenizer.encode(text)
    assert encoding.ids[1] == encoding.ids[3] == tokenizer.token_to_id("<unk>")
    special = special_positions(tokenizer, text, encoding.ids, encoding.offsets, [False] * 5)
    assert special == [False, False, False, True, False]
