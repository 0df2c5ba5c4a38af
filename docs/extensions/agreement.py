"""A small encoder that tells the number of a verb to come, trained on made-up sentences; two pages ask it."""

import random
import tempfile
from functools import cache

import torch

import interpret
from interpret.native.classifier import TransformerClassifier
from interpret.native.config import ClassifierConfig
from interpret.native.learning import TrainingRecipe, accuracy, encoded, logits_of, train
from interpret.native.storing import save
from interpret.native.vocabulary import frequent_pieces, word_pieces
from interpret.subjects.subject import Subject

NOUNS = ["key", "cabinet", "door", "dog", "farmer", "teacher", "boat", "window", "letter", "garden", "pilot", "friend"]
draw = random.Random(0)


def phrase(plural: bool) -> list[str]:
    """Words such as "the old keys"."""
    adjective = draw.sample(["old", "red", "small", "quiet"], draw.random() < 0.4)
    return ["the", *adjective, draw.choice(NOUNS) + "s" * plural]


def sentence() -> tuple[str, int, tuple[int, int]]:
    """Words such as "in the morning, the old keys near the door", whether the verb is to be plural, and the cue."""
    plural = draw.random() < 0.5
    start = ["in", "the", draw.choice(["morning", "evening", "summer"]), ","] if draw.random() < 0.5 else []
    between = []
    for _ in range(draw.randint(0, 2)):
        between += [draw.choice(["near", "behind", "beside", "above"]), *phrase(draw.random() < 0.5)]
    words = [*start, *phrase(plural)]
    end = len(" ".join(words))
    return " ".join([*words, *between]), int(plural), (end - len(words[-1]), end)


learned, test = [sentence() for _ in range(3000)], [sentence() for _ in range(300)]


@cache
def trained() -> tuple[Subject, float]:
    """The encoder, six layers of eight heads, and its accuracy on the test sentences."""
    pieces = frequent_pieces([text for text, *_ in learned], 200)
    tokenizer = word_pieces(pieces)
    given, unseen = (
        encoded(tokenizer, [text for text, *_ in part], [label for _, label, _ in part], longest=40)
        for part in (learned, test)
    )
    torch.manual_seed(0)
    sizes = {"vocabulary": len(pieces), "hidden": 64, "layers": 6, "heads": 8, "inner": 128, "positions": 40}
    model = TransformerClassifier(ClassifierConfig(**sizes, dropout=0.0, labels=("singular", "plural")))
    list(train(model, given, TrainingRecipe(epochs=4, rate=1e-3), mask_id=pieces.index("[MASK]")))
    with tempfile.TemporaryDirectory() as folder:
        save(folder, model, tokenizer)
        return interpret.load(folder), accuracy(logits_of(model, unseen), unseen.labels)
