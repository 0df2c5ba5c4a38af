"""What the model answers without each word, many words in one pass."""

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.errors import InputError
from interpret.row import DecisionRow
from interpret.subjects.example import Example

ROUNDING = 1e-6  # a change of probability up to this may be that of another batch size, and counts as none


def without_each_unit(row: DecisionRow, example: Example, *, eraser: str) -> Float[Tensor, "unit label"]:
    """Probabilities of all labels with one unit taken out of the text at a time; nothing else is edited.

    Units of equally many tokens share forward passes. `Subject.erase` follows one label; the papers here take them all.

    Args:
        row: The decision of that text.
        example: The text.
        eraser: One of `subject.erasers`.

    Raises:
        InputError: The model doesn't allow this eraser, or the text has no units.
    """
    subject = row.subject
    eraser = subject.chosen_eraser(eraser, example)
    if not example.units:
        raise InputError("the text has no words that could be ranked; give a longer one")
    gone = example.spread(torch.eye(len(example.units), dtype=torch.bool, device=row.ids.device))
    sizes = gone.sum(dim=1)
    answers = torch.empty(len(gone), row.clean.shape[1])
    for size in sorted(set(sizes.tolist())):
        which = (sizes == size).nonzero()[:, 0].cpu()
        ids = torch.stack([subject.without(row.ids[0], gone[unit], eraser) for unit in which.tolist()])
        split = torch.split(ids, subject.rows_at_once(ids.shape[1]))
        with torch.no_grad():
            answers[which] = torch.cat(list(subject.logits_of_many(split))).float().softmax(-1).cpu()
    return answers
