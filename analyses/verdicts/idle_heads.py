"""D: idle heads, the displayed heads that the decision ignores."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from analyses.verdicts.row_edits import permuted
from analyses.verdicts.thresholds import IDLE
from analyses.verdicts.words_of_row import Content
from interpret.interventions.decision_row import DecisionRow


@dataclass(frozen=True, eq=False)
class HeadUse:
    """Effect of each head's weights, alone and when no other head can stand in for it.

    Attributes:
        single: Mean absolute change of the margin, in logits, when only this head's weights are permuted. Heads that
            aren't displayed (`DecisionRow.head`) have no column.
        conditional: Mean absolute difference of margins with all heads' weights permuted and all but this head's.
        joint: Mean absolute change when all heads' weights are permuted, the reference for the two above.
        shown: Share of the head in the displayed mean over heads, on words; sums to 1 over heads.
    """

    single: Float[Tensor, "example head"] = field(repr=False)
    conditional: Float[Tensor, "example head"] = field(repr=False)
    joint: Float[Tensor, " example"] = field(repr=False)
    shown: Float[Tensor, "example head"] = field(repr=False)

    def idle(self) -> tuple[int, ...]:
        """Returns the heads whose single and conditional effects are below `IDLE` of their share of the joint effect.

        Effects are means over the texts. The threshold is relative because each of many heads that share the work moves
        the margin little.
        """
        promised = IDLE * (self.shown.double() * self.joint[:, None]).mean(dim=0)
        done = torch.maximum(self.single.double().mean(dim=0), self.conditional.double().mean(dim=0))
        return tuple(torch.nonzero(done < promised)[:, 0].tolist())


def head_use(row: DecisionRow, content: Content, orders: Int[Tensor, "example variant token"]) -> HeadUse:
    """Permutes the words' weights in one head, and in all heads but one.

    A head is a decoy only if neither has an effect: redundant heads stand in for each other, so that each alone seems
    idle. Both use the same permutations, so their chance errors cancel.

    Args:
        row: The row of several texts.
        content: Their words.
        orders: Permutations from `Content.orders`.
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
