"""Logits of a larger teacher model, for distillation."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.errors import InputError


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
