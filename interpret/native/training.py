"""Trains a native text classifier, such as the sentiment model that comes with the package.

    python -m interpret.native.training --data stanfordnlp/sst2 --out sentiment

`--data` is a data set of the Hub or a folder with train.tsv, dev.tsv and test.tsv. With `--encoder` the model
starts from a larger encoder's vocabulary and token vectors, with `--teacher` it also learns from a larger
classifier's probabilities. Settings are chosen by the dev part; the test part is looked at once, at the end.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import click
import torch
from jaxtyping import Float
from torch import Tensor

from interpret.errors import InputError
from interpret.native.classifier import TransformerClassifier
from interpret.native.config import ClassifierConfig
from interpret.native.corpus import Corpus, Sentence, more_texts, natural_spelling, read_corpus, teacher_logits
from interpret.native.learning import Texts, TrainingRecipe, accuracy, best_temperature, encoded, logits_of, train
from interpret.native.storing import NativeModel, load, save
from interpret.native.vocabulary import frequent_pieces, reduced_pieces, starting_vectors, word_pieces

HIDDEN_SHARE = 0.3  # share of the words that are masked for the second accuracy


@click.command(help=__doc__.replace("\n\n    python", "\n\n\b\n    python") if __doc__ else None)
@click.option("--data", required=True, help="Folder with train.tsv, dev.tsv, test.tsv, or a data set of the Hub.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the model.")
@click.option("--teacher", help="A transformers classifier to learn from: folder or name on the Hub.")
@click.option("--encoder", type=click.Path(path_type=Path), help="Folder of a BERT-like encoder to start from.")
@click.option("--labels", default="negative,positive", show_default=True, help="Class names, from class 0.")
@click.option("--vocabulary", default=8000, show_default=True, help="Number of word pieces.")
@click.option("--hidden", default=128, show_default=True, help="Numbers that stand for a token.")
@click.option("--layers", default=3, show_default=True, help="Encoder blocks.")
@click.option("--heads", default=4, show_default=True, help="Attention heads in each.")
@click.option("--inner", default=256, show_default=True, help="Width of the feed-forward networks.")
@click.option("--positions", default=256, show_default=True, help="Longest text, in tokens.")
@click.option("--dropout", default=0.2, show_default=True, help="Share of numbers set to 0 while training.")
@click.option("--pieces", default=8, show_default=True, help="Pieces of each sentence that the teacher labels.")
@click.option("--epochs", default=TrainingRecipe.epochs, show_default=True, help="Passes over the texts.")
@click.option("--rate", default=TrainingRecipe.rate, show_default=True, help="Highest learning rate.")
@click.option(
    "--seed", default=TrainingRecipe.seed, show_default=True, help="Same seed, same model on the same machine."
)
def main(
    data: str,
    out: Path,
    teacher: str | None,
    encoder: Path | None,
    labels: str,
    vocabulary: int,
    hidden: int,
    layers: int,
    heads: int,
    inner: int,
    positions: int,
    dropout: float,
    pieces: int,
    epochs: int,
    rate: float,
    seed: int,
) -> None:
    """Parses the options, trains, saves, and prints what was reached as JSON."""
    try:
        config = ClassifierConfig(
            vocabulary=vocabulary,
            hidden=hidden,
            layers=layers,
            heads=heads,
            inner=inner,
            positions=positions,
            dropout=dropout,
            labels=tuple(labels.split(",")),
        )
        recipe = TrainingRecipe(epochs=epochs, rate=rate, seed=seed)
        reached = train_classifier(
            read_corpus(data), out, config, recipe, teacher=teacher, encoder=encoder, pieces=pieces
        )
    except (ValueError, OSError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    click.echo(json.dumps(reached, indent=2))


def train_classifier(
    corpus: Corpus,
    out: Path,
    config: ClassifierConfig,
    recipe: TrainingRecipe,
    *,
    teacher: str | None = None,
    encoder: Path | None = None,
    pieces: int = 8,
) -> dict[str, float]:
    """Trains a classifier and saves it as float16.

    Args:
        corpus: Training, validation and test sentences.
        out: Folder for the model.
        config: Its sizes; `vocabulary` becomes smaller if the texts have fewer pieces.
        recipe: Hyperparameters.
        teacher: A larger classifier to learn from as well.
        encoder: Folder of a larger encoder, for its vocabulary and token embeddings.
        pieces: Pieces of each sentence that the teacher labels.

    Returns:
        The accuracy reached on dev and test, with all words and with some hidden.
    """
    _require_labels(corpus, config.labels)
    words = _word_pieces(corpus, config.vocabulary, encoder)
    tokenizer = word_pieces(words)
    mask_id = words.index("[MASK]")
    model = _start(config, words, encoder, recipe.seed)

    def read(sentences: Sequence[Sentence], taught: Float[Tensor, "text label"] | None = None) -> Texts:
        texts = [sentence.text for sentence in sentences]
        return encoded(tokenizer, texts, [one.label for one in sentences], longest=config.positions, teacher=taught)

    lessons = _lessons(corpus, words if teacher else (), pieces=pieces if teacher else 0, seed=recipe.seed)
    taught = None
    if teacher is not None:
        texts = [lesson.text for lesson in lessons]
        taught = teacher_logits(teacher, texts, config.labels, longest=config.positions)
    dev = read(_natural(corpus.dev))
    _train_to_best(model, read(lessons, taught), dev, recipe, mask_id)
    _calibrate(model, dev)
    save(out, model, tokenizer, dtype=torch.float16)
    return _reached(load(out), {"dev": dev, "test": read(_natural(corpus.test))}, mask_id)


def _require_labels(corpus: Corpus, labels: Sequence[str]) -> None:
    highest = max((sentence.label or 0 for sentence in corpus.train + corpus.dev + corpus.test), default=-1)
    if not corpus.train or not corpus.dev or highest >= len(labels):
        raise InputError(
            f"the data must have train and dev sentences of {len(labels)} classes, named by --labels, but it has "
            f"{len(corpus.train)} and {len(corpus.dev)}, of classes up to number {highest}"
        )


def _natural(sentences: Iterable[Sentence]) -> tuple[Sentence, ...]:
    return tuple(Sentence(natural_spelling(sentence.text), sentence.label) for sentence in sentences)


def _word_pieces(corpus: Corpus, size: int, encoder: Path | None) -> tuple[str, ...]:
    texts = [sentence.text for sentence in _natural(corpus.train)]
    return frequent_pieces(texts, size) if encoder is None else reduced_pieces(encoder, texts, size)


def _start(config: ClassifierConfig, words: Sequence[str], encoder: Path | None, seed: int) -> TransformerClassifier:
    torch.manual_seed(seed)
    model = TransformerClassifier(replace(config, vocabulary=len(words)))
    if encoder is not None:
        model.embedding.token.weight.data.copy_(starting_vectors(encoder, words, config.hidden))
    return model


def _lessons(corpus: Corpus, words: Sequence[str], *, pieces: int, seed: int) -> tuple[Sentence, ...]:
    """Training texts: sentences as given, in natural spelling, in pieces and joined; single words for a teacher."""
    single = tuple(Sentence(word, None) for word in words if word.isalpha() and len(word) > 2)
    return (
        corpus.train + _natural(corpus.train) + more_texts(corpus.train, pieces=pieces, joined=0.2, seed=seed) + single
    )


def _train_to_best(
    model: TransformerClassifier, lessons: Texts, dev: Texts, recipe: TrainingRecipe, mask_id: int
) -> None:
    """Trains, and keeps the weights of the epoch that is best on dev."""
    best, kept = -1.0, model.state_dict()
    for epoch, loss in enumerate(train(model, lessons, recipe, mask_id=mask_id), start=1):
        reached = accuracy(logits_of(model, dev), dev.labels)
        click.echo(f"epoch {epoch} of {recipe.epochs}: loss {loss:.4f}, accuracy on dev {reached:.4f}", err=True)
        if reached > best:
            best, kept = reached, deepcopy(model.state_dict())
    model.load_state_dict(kept)


def _calibrate(model: TransformerClassifier, dev: Texts) -> None:
    """Calibrates probabilities on dev by scaling the logits (temperature); no decision changes."""
    temperature = best_temperature(logits_of(model, dev), dev.labels)
    with torch.no_grad():
        for parameter in model.readout.parameters():
            parameter.div_(temperature)


def _reached(native: NativeModel, parts: dict[str, Texts], mask_id: int) -> dict[str, float]:
    assert isinstance(native.model, TransformerClassifier)
    reached = {}
    for name, part in parts.items():
        if len(part):
            reached[name] = accuracy(logits_of(native.model, part), part.labels)
            hidden = logits_of(native.model, part, mask_id=mask_id, share=HIDDEN_SHARE)
            reached[f"{name}, {HIDDEN_SHARE:.0%} of words hidden"] = accuracy(hidden, part.labels)
    return {name: round(value, 4) for name, value in reached.items()}


if __name__ == "__main__":
    main()
