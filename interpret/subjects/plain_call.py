"""The plain call that a user would make of a model, with which the explained scores are compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.attention.checks import Check
from interpret.tolerances import apart

PLAIN_CALL = "scores are those of the plain call"
PLAIN_CALL_AGREES = {
    32: 1e-4,
    16: 3e-2,
}  # tolerance by bits of the scores: another order of sums


@dataclass(frozen=True, eq=False)
class PlainCall:
    """Inputs and logits of a model that is called as its library documents.

    Attributes:
        inputs: Inputs made from the text, by argument name.
        logits: Logits of all labels.
    """

    inputs: Mapping[str, Tensor] = field(repr=False)
    logits: Float[Tensor, " label"] = field(repr=False)

    def held_against(self, logits: Float[Tensor, " label"], inputs: Mapping[str, Tensor]) -> Check:
        """Compares it with what is explained; a failed check names the first input that differs.

        Args:
            logits: The logits that are explained.
            inputs: The inputs that they were computed from, by argument name.
        """
        tolerance = PLAIN_CALL_AGREES[32 if torch.finfo(self.logits.dtype).bits >= 32 else 16]
        off = apart(logits, self.logits)
        return Check(PLAIN_CALL, off, tolerance, "" if off <= tolerance else self._differing(inputs))

    def _differing(self, told: Mapping[str, Tensor]) -> str:
        for name, theirs in self.inputs.items():
            ours = told.get(name)
            if ours is None and name == "attention_mask" and bool(theirs.all()):
                continue  # a model without a mask hides nothing either
            if ours is None:
                return f"the plain call is given {name}, and here it isn't"
            if ours.shape != theirs.shape:
                return f"{name} has the shape {list(theirs.shape)} in the plain call, and {list(ours.shape)} here"
            apart = (ours.cpu() != theirs.cpu()).nonzero()
            if len(apart):
                return f"{name} differs from the plain call's at position {int(apart[0, -1])}"
        more = sorted(name for name in told if name not in self.inputs)
        return f"{more[0]} is given here, and not in the plain call" if more else "all inputs are the same"
