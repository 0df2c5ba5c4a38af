"""A model's decision on an input, with its margin and probability."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.errors import InputError
from interpret.indices import require_index
from interpret.subjects.inputs.example import Example

_SHOWN = 5  # most labels and positions in a repr


@dataclass(frozen=True, eq=False, repr=False)
class Decision:
    """The model's decision on the untouched input; fixed from then on.

    Attributes:
        target: Index of the label (class or vocabulary entry) whose score is explained.
        label: Its name.
        probability: Its probability, 0 to 1.
        margin: Its logit minus the largest other logit; positive if it is the model's choice.
        predicted: Name of the label the model prefers; may differ from `label` if the user chose a target.
        alternatives: Names and probabilities of the likeliest labels, likeliest first.
        readout: Weight of each readout position, summing to 1; one position in most models.
        place: First character of the label in the input and one past its last, if it is a part of the input.
        logits: Logits of all labels; `None` if they were not kept.
        against: Name of the only label that it is held against, so that the probability is that of one of the two;
            `None` if it is held against all others.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> decision.label, round(decision.probability, 2), round(decision.margin, 1)
        ('positive', 0.92, 2.4)
        >>> subject.decide(example, "negative").margin < 0
        True
    """

    target: int
    label: str
    probability: float
    margin: float
    predicted: str
    alternatives: tuple[tuple[str, float], ...]
    readout: Float[Tensor, " token"]
    place: tuple[int, int] | None = None
    logits: Float[Tensor, " label"] | None = None
    against: str | None = None

    @property
    def question(self) -> str:
        """The label, and what it is held against if that is one label: "positive" or "positive rather than neutral"."""
        return question_of(self.label, self.against)

    def __repr__(self) -> str:
        others = [
            f"{label.strip() or label!r} {share:.3g}" for label, share in self.alternatives if label != self.label
        ]
        label = self.label.strip() or self.label
        rival = None if self.against is None else self.against.strip() or self.against
        asked, of_two = (repr(label), "") if rival is None else (f"{label!r} rather than {rival!r}", " of the two")
        lines = [f"Decision: {asked}, probability {self.probability:.3g}{of_two}, margin {self.margin:.3g} logits"]
        if self.predicted != self.label:
            lines.append(f"chosen by the user; the model predicts {self.predicted.strip() or self.predicted!r}")
        if others:
            lines.append(f"others: {', '.join(others[:_SHOWN])}")
        places = self.readout.nonzero()[:, 0].tolist()
        more = ", …" if len(places) > _SHOWN else ""
        which = f"position{'s' * (len(places) != 1)} {', '.join(map(str, places[:_SHOWN]))}{more}"
        lines.append(f"read from {which} of {len(self.readout)}, counted from 0")
        return "\n  ".join(lines)

    def readout_in(self, example: Example) -> Float[Tensor, " token"]:
        """Returns the readout, after checking that it fits this input.

        Raises:
            InputError: The decision was made on an input of another length.
        """
        if len(self.readout) != len(example.ids):
            raise InputError(
                f"the decision must be one on this text of {len(example.ids)} tokens, not of {len(self.readout)}; give "
                "what subject.decide gives for the same example"
            )
        return self.readout


def question_of(label: str, against: str | None) -> str:
    """Returns a label, and what it is held against if that is one label."""
    return label if against is None else f"{label.strip()} rather than {against.strip()}"


@dataclass(frozen=True, eq=False)
class Scores:
    """Margin and probability of one label on each of several inputs.

    Attributes:
        margin: Its logit minus the largest other logit.
        probability: Its probability, 0 to 1.
    """

    margin: Float[Tensor, " variant"]
    probability: Float[Tensor, " variant"]

    @classmethod
    def of(cls, logits: Float[Tensor, "variant label"], target: int) -> "Scores":
        """Computes both from the logits."""
        logits = logits.float()
        return cls(known(margin(logits, target).cpu()), logits.softmax(-1)[:, target].cpu())


def known(margins: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
    """Returns the margins of changed inputs unchanged.

    Raises:
        InputError: One isn't finite, as when the model gives the label a logit of -inf.
    """
    if not margins.isfinite().all():
        raise InputError(
            "the margin must stay a number when words or attention change, but the model then gives the label, or all "
            "others, a score that is none (NaN or infinite); explain another target"
        )
    return margins


def margin(logits: Float[Tensor, "batch label"], target: int) -> Float[Tensor, " batch"]:
    """Computes the target's logit minus the largest other logit; positive if the target leads.

    Raises:
        IndexError: There is no such label.
    """
    target = require_index("target", target, logits.shape[1])
    others = logits.clone()
    others[:, target] = -torch.inf
    return logits[:, target] - others.amax(dim=-1)
