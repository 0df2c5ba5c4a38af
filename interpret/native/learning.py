"""Training of a classifier: batches, random masking of words, loss and accuracy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import cos, pi

import torch
from jaxtyping import Bool, Float, Int
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from interpret.modes.gradients_on import gradients_on
from interpret.native.classifier import TransformerClassifier


@dataclass(frozen=True)
class TrainingRecipe:
    """Hyperparameters of training.

    Attributes:
        epochs: Passes over all texts.
        batch: Texts per step.
        rate: Highest learning rate; it rises over the first tenth of the steps and falls to 0 (cosine).
        weight_decay: Weight decay of AdamW.
        smoothing: Label smoothing: share of a label's weight that is spread over all labels.
        masked_batches: Share of the batches in which words are masked.
        teacher_weight: Share of the teacher in the loss, for texts that it scored.
        temperature: Divisor of the teacher's logits, which softens its probabilities.
        seed: Same seed, same model on the same machine.
    """

    epochs: int = 3
    batch: int = 64
    rate: float = 7e-4
    weight_decay: float = 0.05
    smoothing: float = 0.1
    masked_batches: float = 0.5
    teacher_weight: float = 0.7
    temperature: float = 2.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Texts:
    """Encoded texts and their training targets.

    Attributes:
        ids: Token ids of each text.
        words: Index of each token's word, -1 for special tokens.
        labels: Class of each text, -1 if unknown.
        teacher: The teacher's logits, if there is one.
    """

    ids: list[Int[Tensor, " _"]] = field(repr=False)
    words: list[Int[Tensor, " _"]] = field(repr=False)
    labels: Int[Tensor, " text"] = field(repr=False)
    teacher: Float[Tensor, "text label"] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.ids)


def encoded(
    tokenizer: Tokenizer,
    texts: Sequence[str],
    labels: Sequence[int | None],
    *,
    longest: int,
    teacher: Float[Tensor, "text label"] | None = None,
) -> Texts:
    """Tokenizes texts, at most `longest` tokens each."""
    tokenizer.enable_truncation(longest)
    encodings = tokenizer.encode_batch(list(texts))
    tokenizer.no_truncation()
    words = [[-1 if word is None else word for word in encoding.word_ids] for encoding in encodings]
    return Texts(
        [torch.tensor(encoding.ids) for encoding in encodings],
        [torch.tensor(numbers) for numbers in words],
        torch.tensor([-1 if label is None else label for label in labels]),
        teacher,
    )


def train(model: TransformerClassifier, texts: Texts, recipe: TrainingRecipe, *, mask_id: int) -> Iterator[float]:
    """Trains `model`, and yields the mean loss after each epoch.

    In some batches words are replaced by the mask token, while the target stays that of the whole text. So masked
    texts, which tests of explanations use, are in the training distribution.
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    steps = recipe.epochs * len(list(shuffled_batches(texts, recipe.batch, generator)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: share_of_rate(step, steps))
    for _ in range(recipe.epochs):
        model.train()
        losses = []
        for rows in shuffled_batches(texts, recipe.batch, generator):
            ids, words, real = padded(texts, rows)
            if float(torch.rand((), generator=generator)) < recipe.masked_batches:
                ids = hide_words(ids, words, mask_id=mask_id, generator=generator)
            optimizer.zero_grad()
            with gradients_on():
                loss = loss_of(model(input_ids=ids, attention_mask=real).logits, texts, rows, recipe)
                loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        model.eval()
        yield sum(losses) / len(losses)


def share_of_rate(step: int, steps: int) -> float:
    """Learning rate at a step, from 0 on, as a share of the highest: linear warm-up, then cosine decay."""
    rise = max(1, steps // 10)
    if step < rise:
        return (step + 1) / rise
    return (1 + cos(pi * min(1.0, (step - rise) / max(1, steps - rise)))) / 2


def shuffled_batches(texts: Texts, size: int, generator: torch.Generator) -> Iterator[list[int]]:
    """Yields all texts in random batches, grouped by length to reduce padding."""
    order = torch.randperm(len(texts), generator=generator).tolist()
    stretch = 50 * size
    batches: list[list[int]] = []
    for start in range(0, len(order), stretch):
        alike = sorted(order[start : start + stretch], key=lambda row: len(texts.ids[row]))
        batches += [alike[first : first + size] for first in range(0, len(alike), size)]
    for number in torch.randperm(len(batches), generator=generator).tolist():
        yield batches[number]


def padded(
    texts: Texts, rows: Sequence[int]
) -> tuple[Int[Tensor, "batch token"], Int[Tensor, "batch token"], Bool[Tensor, "batch token"]]:
    """Pads some texts to ids, word indices, and a mask that is true for real tokens; the padding id is 0."""
    lengths = torch.tensor([len(texts.ids[row]) for row in rows])
    real = torch.arange(int(lengths.max()))[None] < lengths[:, None]
    ids = torch.nn.utils.rnn.pad_sequence([texts.ids[row] for row in rows], batch_first=True)
    words = torch.nn.utils.rnn.pad_sequence([texts.words[row] for row in rows], batch_first=True, padding_value=-1)
    return ids, words, real


def hide_words(
    ids: Int[Tensor, "batch token"],
    words: Int[Tensor, "batch token"],
    *,
    mask_id: int,
    generator: torch.Generator,
    share: float | None = None,
) -> Int[Tensor, "batch token"]:
    """Replaces whole words, drawn at random, by the mask token.

    Args:
        ids: Token ids.
        words: Index of each token's word, -1 for special tokens and padding, which are never masked.
        mask_id: Id of the mask token.
        generator: Random number generator.
        share: Probability of masking a word. By default every text has its own, from 0 to 1 and mostly small: the
            square of a uniform draw, a third on average.
    """
    if share is None:
        shares = torch.rand(len(ids), 1, generator=generator).square()
    else:
        shares = torch.full((len(ids), 1), share)
    hidden_words = torch.rand(len(ids), int(words.max()) + 1, generator=generator) < shares
    hidden = hidden_words.gather(1, words.clamp(min=0)) & (words >= 0)
    return ids.masked_fill(hidden, mask_id)


def loss_of(
    logits: Float[Tensor, "batch label"], texts: Texts, rows: list[int], recipe: TrainingRecipe
) -> Float[Tensor, ""]:
    """Computes the cross-entropy with the labels and with the teacher's probabilities, each if known."""
    labels = texts.labels[rows]
    known = (labels >= 0).float()
    by_label = functional.cross_entropy(logits, labels.clamp(min=0), reduction="none", label_smoothing=recipe.smoothing)
    if texts.teacher is None:
        return (by_label * known).sum() / known.sum().clamp(min=1)
    soft = (texts.teacher[rows] / recipe.temperature).softmax(dim=-1)
    by_teacher = functional.cross_entropy(logits, soft, reduction="none")
    share = 1 - known * (1 - recipe.teacher_weight)  # texts without a label use the teacher alone
    return (share * by_teacher + (1 - share) * by_label).mean()


def logits_of(
    model: TransformerClassifier, texts: Texts, *, mask_id: int | None = None, share: float = 0.0, seed: int = 0
) -> Float[Tensor, "text label"]:
    """Computes logits of all texts, with `share` of the words masked if `mask_id` is given."""
    generator = torch.Generator().manual_seed(seed)
    answers = torch.empty(len(texts), len(model.config.labels))
    with torch.inference_mode():
        for start in range(0, len(texts), 128):
            rows = list(range(start, min(start + 128, len(texts))))
            ids, words, real = padded(texts, rows)
            if mask_id is not None:
                ids = hide_words(ids, words, mask_id=mask_id, generator=generator, share=share)
            answers[rows] = model(input_ids=ids, attention_mask=real).logits
    return answers


def accuracy(logits: Float[Tensor, "text label"], labels: Int[Tensor, " text"]) -> float:
    """Computes the share of texts whose largest logit is that of their label."""
    return float((logits.argmax(dim=1) == labels).float().mean())


def best_temperature(logits: Float[Tensor, "text label"], labels: Int[Tensor, " text"]) -> float:
    """Finds the divisor of logits that makes their probabilities fit the labels best.

    Source: Guo et al. (2017), arXiv:1706.04599, section 4.2 (temperature scaling); here on a grid.
    """
    grid = torch.logspace(-1, 1, 201).tolist()
    return float(min(grid, key=lambda value: float(functional.cross_entropy(logits / value, labels))))
