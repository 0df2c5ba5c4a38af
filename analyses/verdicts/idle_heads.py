"""D: which of the displayed heads does the decision ignore?"""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analyses.verdicts.content import Content
from analyses.verdicts.row_edits import permuted
from analyses.verdicts.thresholds import IDLE
from interpret.interventions.decision_row import DecisionRow


@dataclass(frozen=True, eq=False)
class HeadUse:
    """What each head's weights do, by itself and when no other head is left to stand in for it.

    Attributes:
        single: Mean move of the margin, in logits, when only this head's weights are permuted. Heads that aren't
            looked at (`DecisionRow.head`) have no column here.
        conditional: The same when all other heads' are permuted as well, against those alone.
        joint: Mean move when all heads' weights are permuted; what the two are parts of.
        shown: The head's share of the displayed mean over heads, on words; sums to 1 over heads.
    """

    single: Float[Tensor, "example head"] = field(repr=False)
    conditional: Float[Tensor, "example head"] = field(repr=False)
    joint: Float[Tensor, " example"] = field(repr=False)
    shown: Float[Tensor, "example head"] = field(repr=False)

    def idle(self) -> tuple[int, ...]:
        """Heads that do less than `IDLE` of their share of what all do, alone and jointly, on average over the texts.

        Relative, because each of many heads that share the work moves the margin little.
        """
        promised = IDLE * (self.shown.double() * self.joint[:, None]).mean(dim=0)
        done = torch.maximum(self.single.double().mean(dim=0), self.conditional.double().mean(dim=0))
        return tuple(torch.nonzero(done < promised)[:, 0].tolist())


def head_use(row: DecisionRow, content: Content, orders: Int[Tensor, "example variant token"]) -> HeadUse:
    """Permutes the words' weights in one head, and in all heads but one.

    A head is a decoy only if neither matters: heads that do the same work stand in for each other, so that each by
    itself seems idle. Both use the same permutations, so their chance errors cancel.

    Args:
        row: The row of several texts.
        content: Their words.
        orders: From `Content.orders`.
    """
    clean, together = row.written[:, None], row.write(permuted(row, orders))
    heads = row.weights.shape[1]
    looked_at = range(heads) if row.head is None else [row.head]
    single, conditional = [], []
    with torch.no_grad():
        whole = row.margins(together)
        for head in looked_at:
            chosen = (torch.arange(heads, device=clean.device) == head)[:, None]
            single.append((row.margins(torch.where(chosen, together, clean)) - row.margin[:, None]).abs().mean(1))
            conditional.append((row.margins(torch.where(chosen, clean, together)) - whole).abs().mean(1))
    on_words = torch.einsum("ehrk,ek,r->eh", row.weights.float().cpu(), content.tokens.float(), row.readout.cpu())[
        :, list(looked_at)
    ]
    shown = on_words / on_words.sum(1, keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
    joint = (whole - row.margin[:, None]).abs().mean(dim=1)
    return HeadUse(torch.stack(single, dim=1), torch.stack(conditional, dim=1), joint, shown)
