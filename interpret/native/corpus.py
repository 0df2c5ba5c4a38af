"""Data to train on: labelled sentences, variants of them, and the logits of a larger teacher model."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.errors import InputError


@dataclass(frozen=True)
class Sentence:
    """A text and its class.

    Attributes:
        text: The text as in the data.
        label: Index of its class, from 0; `None` if only a teacher can label it.
    """

    text: str
    label: int | None


@dataclass(frozen=True, eq=False)
class Corpus:
    """Labelled sentences in three parts.

    Attributes:
        train: Training part.
        dev: Validation part, to choose settings by.
        test: Test part, to report once; empty if its labels aren't published.
    """

    train: tuple[Sentence, ...]
    dev: tuple[Sentence, ...]
    test: tuple[Sentence, ...]


def read_corpus(source: str) -> Corpus:
    """Reads a folder with train.tsv, dev.tsv and test.tsv ("text<TAB>label"), or a data set of the Hub.

    A data set of the Hub must have the columns "sentence" (or "text") and "label", as `stanfordnlp/sst2` has.

    Raises:
        InputError: There is no such folder and the package `datasets` is missing, or a line can't be read.
    """
    folder = Path(source)
    if not folder.is_dir():
        return _from_hub(source)
    for name in ("train.tsv", "dev.tsv"):
        if not (folder / name).is_file():
            raise InputError(f"the data must have train.tsv and dev.tsv; {folder} has no {name}")
    test = folder / "test.tsv"
    return Corpus(
        tuple(_lines(folder / "train.tsv")),
        tuple(_lines(folder / "dev.tsv")),
        tuple(_lines(test)) if test.is_file() else (),
    )


def _lines(path: Path) -> Iterator[Sentence]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        text, tab, label = line.rpartition("\t")
        if not tab or not text.strip() or not label.isdecimal():
            raise InputError(f'line {number} of {path} must be "text<TAB>label" with a whole number, not {line[:60]!r}')
        yield Sentence(text, int(label))


def _from_hub(name: str) -> Corpus:
    try:
        datasets = import_module("datasets")
    except ImportError as error:
        raise InputError(
            f"{name} is no folder here, and reading it from the Hub needs the package datasets: "
            "`pip install datasets`, or give a folder with train.tsv, dev.tsv and test.tsv"
        ) from error
    parts = datasets.load_dataset(name)

    def part(key: str) -> tuple[Sentence, ...]:
        rows = parts.get(key, ())
        sentences = (Sentence(str(row.get("sentence", row.get("text"))).strip(), int(row["label"])) for row in rows)
        return tuple(sentence for sentence in sentences if (sentence.label or 0) >= 0)  # -1: not published

    return Corpus(part("train"), part("validation"), part("test"))


def natural_spelling(text: str) -> str:
    """Undoes the spacing of tokenised corpora: "it 's fun , is n't it" becomes "it's fun, isn't it."."""
    text = re.sub(r"\s*(``|'')\s*", lambda match: ' "' if match[1] == "``" else '" ', text).strip()
    text = re.sub(r"\s+n't\b", "n't", text)
    text = re.sub(r"\s+('(?:s|re|ve|ll|d|m)\b|[,.;:?!'])", r"\1", text)
    text = text.replace("lrb ", "(").replace(" rrb", ")")
    return text if text[-1:] in '.?!"' else text + "."


def more_texts(sentences: Sequence[Sentence], *, pieces: int, joined: float, seed: int) -> tuple[Sentence, ...]:
    """Augments sentences: pieces of them, crossings of two, and longer texts of several of one class.

    Args:
        sentences: Sentences to start from.
        pieces: Number of runs of one to sixteen words from each sentence; a quarter as many texts begin like one
            sentence and end like another. They get no label, because it may differ from that of the whole sentence.
        joined: Number of texts of two to five sentences, as a share of the number of sentences.
        seed: Same seed, same texts.
    """
    random = Random(seed)
    words = [natural_spelling(sentence.text).split() for sentence in sentences]
    made = [Sentence(_piece(own, random), None) for own in words for _ in range(pieces)]
    for _ in range(pieces * len(sentences) // 4):
        first, second = random.choice(words), random.choice(words)
        start, end = random.randint(1, len(first)), random.randint(0, len(second) - 1)
        made.append(Sentence(" ".join(first[:start] + second[end:]), None))
    by_label: dict[int | None, list[str]] = {}
    for sentence, own in zip(sentences, words, strict=True):
        by_label.setdefault(sentence.label, []).append(" ".join(own))
    for _ in range(round(joined * len(sentences))):
        label = random.choice(sentences).label
        made.append(Sentence(" ".join(random.choices(by_label[label], k=random.randint(2, 5))), label))
    return tuple(made)


def _piece(words: Sequence[str], random: Random) -> str:
    length = random.randint(1, min(16, len(words)))
    start = random.randint(0, len(words) - length)
    return " ".join(words[start : start + length])


def teacher_logits(
    teacher: str, texts: Sequence[str], labels: Sequence[str], *, longest: int
) -> Float[Tensor, "text label"]:
    """Computes the logits of a transformers classifier, given as a folder or a name on the Hub.

    Args:
        teacher: The classifier.
        texts: Texts to score; only the first `longest` tokens of each are read.
        labels: Class names that the teacher must have, in the order of the output columns.
        longest: Most tokens of a text that the teacher reads.

    Raises:
        InputError: The teacher can't be loaded, or lacks a label.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    try:
        model = AutoModelForSequenceClassification.from_pretrained(teacher).eval()
        tokenizer = AutoTokenizer.from_pretrained(teacher)
    except (OSError, ValueError) as error:
        raise InputError(f"{teacher} can't be loaded as a teacher: {str(error).splitlines()[0]}") from error
    names = {str(name).lower(): int(number) for name, number in model.config.label2id.items()}
    if not all(label.lower() in names for label in labels):
        raise InputError(f"the teacher must know the labels {list(labels)}, but {teacher} has {sorted(names)}")
    columns = [names[label.lower()] for label in labels]
    answers = torch.empty(len(texts), len(labels))
    shortest_first = sorted(range(len(texts)), key=lambda number: len(texts[number]))
    with torch.inference_mode():
        for start in range(0, len(texts), 64):
            rows = shortest_first[start : start + 64]
            batch = tokenizer(
                [texts[row] for row in rows], padding=True, truncation=True, max_length=longest, return_tensors="pt"
            )
            answers[rows] = model(**batch).logits.float()[:, columns]
    return answers
