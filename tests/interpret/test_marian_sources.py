"""Sources of Marian translators, whatever characters they have: ids are those of transformers, or they are refused."""

import json
import random

import pytest
import sentencepiece
from saved_models import SENTENCES
from test_tokenizers import ODD
from transformers import MarianTokenizer

from interpret.subjects.models.fast_tokenizers import sentence_pieces


@pytest.fixture(scope="module", params=["nmt_nfkc", "identity"])
def tokenizer(request, tmp_path_factory):
    """A Marian tokenizer whose source doesn't know all letters that its vocabulary has."""
    folder = tmp_path_factory.mktemp("marian")
    for name, more in (("source", ()), ("target", ("née à Zürich, ça va", "“ça”"))):
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter((*SENTENCES, *more)), model_prefix=str(folder / name), vocab_size=90,
            hard_vocab_limit=False, normalization_rule_name=request.param, minloglevel=2,
        )  # fmt: skip
    models = [
        sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{name}.model")) for name in ("source", "target")
    ]
    pieces = dict.fromkeys(model.id_to_piece(index) for model in models for index in range(3, model.get_piece_size()))
    numbers = {piece: number for number, piece in enumerate(["</s>", "<unk>", *pieces, ">>fra<<", "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")
    with pytest.warns(UserWarning, match="sacremoses"):
        return MarianTokenizer(str(folder / "source.model"), str(folder / "target.model"), str(folder / "vocab.json"))


def same(made, tokenizer, text):
    """Whether a text is cut alike, as `Translation` asks: pieces that the source doesn't know may have a number."""
    ours, theirs = made.encode(text), tokenizer(text).input_ids
    alike = len(ours.ids) == len(theirs) and all(a in (b, 1) for a, b in zip(ours.ids, theirs, strict=True))
    covered = {place for start, end in ours.offsets for place in range(start, end)}
    return alike and all(place in covered for place, letter in enumerate(text) if letter.isalnum())


@pytest.mark.parametrize(
    "text",
    [
        *SENTENCES,
        "née à Zürich",
        "cafe\u0301 e\u0301te\u0301",
        "Ｆｕｌｌ ｗｉｄｔｈ",
        "“quotes” it’s",
        "tab\there\r\nnew",
        "  spaces   within  ",
        "a 😀 dog 👩‍👩‍👧",
        "½ a dog…",
        "\ufeffstart",
        "no\u00a0break \u3000 ideographic",
        "the cat </s> sat",
        ">>fra<< The cat sat",
        "_ under ▁ score",
        "\u00adsoft",
    ],
)
def test_ids_are_those_of_transformers(tokenizer, text):
    assert same(sentence_pieces(tokenizer), tokenizer, text), (
        sentence_pieces(tokenizer).encode(text).tokens, tokenizer.tokenize(text),
    )  # fmt: skip


def test_few_texts_of_odd_characters_are_cut_otherwise(tokenizer):
    made, generator, other = sentence_pieces(tokenizer), random.Random(0), []
    for _ in range(1000):
        text = generator.choice(["", " "]).join(generator.choices(ODD, k=generator.randint(1, 6)))
        if text.strip() and not same(made, tokenizer, text):
            other.append(text)
    assert len(other) < 60, other[:20]
