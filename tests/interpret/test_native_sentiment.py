"""The shipped sentiment model: its size, what it says of sentences made up here, and its accuracy."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from interpret import native
from interpret.attention.editing import editing
from interpret.attention.edits import zero_head
from interpret.attention.recording import recording

FOLDER = Path(native.__file__).parent / "sentiment"
ROOT = FOLDER.parents[2]


@pytest.fixture(scope="module")
def sentiment() -> native.NativeModel:
    return native.load_sentiment()


def probability(sentiment: native.NativeModel, text: str) -> float:
    """Of "positive"."""
    ids = torch.tensor([sentiment.tokenizer.encode(text).ids])
    with torch.no_grad():
        return sentiment.model(input_ids=ids).logits.softmax(-1)[0, 1].item()


def test_the_folder_is_small_and_complete():
    names = sorted(path.name for path in FOLDER.iterdir())
    assert names == ["MODEL_CARD.md", "config.json", "model.safetensors", "tokenizer.json"]
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 6_000_000


def test_the_first_load_needs_no_transformers():
    """In a fresh process; the compiler of torch, which takes seconds to import, must stay out as well."""
    program = """
import sys
from interpret.native import load_sentiment
load_sentiment()
print(*({"transformers", "torch._dynamo", "sympy"} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.split() == []


def test_it_says_what_it_is(sentiment):
    assert sentiment.kind == "classifier"
    assert sentiment.model.config.labels == ("negative", "positive")
    assert sentiment.special_tokens == {
        "pad": "[PAD]",
        "unknown": "[UNK]",
        "start": "[CLS]",
        "end": "[SEP]",
        "mask": "[MASK]",
    }
    assert all(torch.isfinite(weight).all() for weight in sentiment.model.state_dict().values())


@pytest.mark.parametrize(
    "text",
    [
        "A gripping, funny and moving film.",
        "a gripping , funny and moving film",
        "I LOVE THIS!",
        "The music is wonderful, and the ending made me smile.",
        "Great food, friendly people. We will come back!",
    ],
)
def test_praise_is_positive_but_not_certain(sentiment, text):
    assert 0.75 < probability(sentiment, text) < 0.999


@pytest.mark.parametrize(
    "text",
    [
        "A waste of time!",
        "I didn't like it at all.",
        "The worst restaurant I have ever been to.",
        "Two dull hours, a stupid plot and terrible acting.",
    ],
)
def test_blame_is_negative_but_not_certain(sentiment, text):
    assert 0.001 < probability(sentiment, text) < 0.25


@pytest.mark.parametrize("text", ["The cat sat on the mat.", "[MASK] [MASK] [MASK] [MASK] [MASK]"])
def test_what_says_nothing_is_left_open(sentiment, text):
    assert 0.2 < probability(sentiment, text) < 0.8


def test_hiding_a_telling_word_lowers_confidence(sentiment):
    whole = probability(sentiment, "The film was terrible from start to end.")
    hidden = probability(sentiment, "The film was [MASK] from start to end.")
    assert whole < 0.2 < hidden


def test_long_texts_and_batches_are_read_alike(sentiment):
    texts = ["A fine, warm story.", "Dull. " * 80]
    alone = [probability(sentiment, text) for text in texts]
    encodings = [torch.tensor(sentiment.tokenizer.encode(text).ids) for text in texts]
    ids = torch.nn.utils.rnn.pad_sequence(encodings, batch_first=True)
    together = sentiment.model(input_ids=ids, attention_mask=(ids != 0).long()).logits.softmax(-1)[:, 1]
    assert together.tolist() == pytest.approx(alone, abs=1e-5)
    assert alone[0] > 0.5 > alone[1]


def test_its_attention_decides(sentiment):
    ids = torch.tensor([sentiment.tokenizer.encode("A gripping, funny and moving film.").ids])
    config = sentiment.model.config
    with torch.no_grad():
        with recording(sentiment.model) as record:
            whole = sentiment.model(input_ids=ids).logits.softmax(-1)[0, 1]
        every_head = [zero_head(layer, head) for layer in range(config.layers) for head in range(config.heads)]
        with editing(sentiment.model, *every_head):
            without = sentiment.model(input_ids=ids).logits.softmax(-1)[0, 1]
    assert record.stacked().shape == (config.layers, config.heads, ids.shape[1], ids.shape[1])
    assert all(check.passed for check in record.checks()), record.checks()
    assert float(whole - without) > 0.2


def stated(name: str) -> list[float]:
    """The numbers in the row of the model card that starts with `name`."""
    (row,) = re.findall(rf"^\| {name} \|(.*)\|$", (FOLDER / "MODEL_CARD.md").read_text(), re.MULTILINE)
    return [float(number) for number in row.split("|")]


def test_the_card_states_the_size(sentiment):
    card = (FOLDER / "MODEL_CARD.md").read_text()
    assert f"{sum(parameter.numel() for parameter in sentiment.model.parameters()):,} parameters" in card
    assert f"{(FOLDER / 'model.safetensors').stat().st_size / 1e6:.1f} MB" in card


def test_accuracy_on_dev_is_what_the_card_states(sentiment, shared):
    from interpret.native.corpus import natural_spelling

    right = {"natural": 0, "tokenised": 0}
    rows = [line.rsplit("\t", 1) for line in (shared / "data/sst2/dev.tsv").read_text().splitlines()]
    for text, label in rows:
        for spelling, written in (("natural", natural_spelling(text)), ("tokenised", text)):
            right[spelling] += (probability(sentiment, written) > 0.5) == (label == "1")
    accuracy = {spelling: count / len(rows) for spelling, count in right.items()}
    assert min(accuracy.values()) >= 0.80
    assert accuracy["natural"] == pytest.approx(stated("dev")[1], abs=0.003)
