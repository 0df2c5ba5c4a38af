"""Value zeroing: how far a layer's output turns when a token's value vectors are zero."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from analyses.explanations.attribution import Attribution
from interpret.attention.edges import without_edges
from interpret.errors import CaptureError
from interpret.interventions.layer_variants import layer_under
from interpret.subjects.deciding import own_readout
from interpret.subjects.decision import Decision
from interpret.subjects.forward_pass import ForwardPass, run_pass
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject


def value_zeroing(subject: Subject, example: Example, decision: Decision) -> Attribution:
    """Computes value zeroing in the last layer: how far the decision's vector turns without each token's value vectors.

    A token's value vectors are set to zero in all heads, with the attention weights unchanged. The score is the cosine
    distance between the layer's output at the decision's position before and after. Unlike attention it sees values,
    the skip connection, norms and the MLP. Scores are scaled to sum to 1 over the tokens of a row.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it; several positions are averaged by its `readout`.

    Returns:
        Unsigned scores, shares in [0, 1] that sum to 1. `tokens` is the whole row. The note "sink mass" is its share on
        no unit.

    Raises:
        CaptureError: No attention could be read, its calls don't form a chain of layers, or a layer can't be run by
            itself.

    Source: Mohebbi et al. (2023), Quantifying Context Mixing in Transformers, arXiv:2301.12971.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> found = value_zeroing(subject, example, decision)
        >>> [round(share, 2) for share in found.scores.tolist()]
        [0.34, 0.04, 0.09, 0.02, 0.1, 0.37, 0.05]
    """
    passed, readout = _passed(subject, example), own_readout(subject, example, decision).float().cpu()
    row = readout @ context_mixing(subject, passed, len(passed.entries) - 1)
    return _shares("value zeroing", row, readout, example)


def value_zeroing_rollout(subject: Subject, example: Example, decision: Decision) -> Attribution:
    """Computes the rollout of value zeroing: each layer's context mixing, multiplied through all layers.

    The skip connection isn't added, as each layer's own output contains it already.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it; several positions are averaged by its `readout`.

    Returns:
        Unsigned scores, shares in [0, 1] that sum to 1. `tokens` is the whole row. The note "sink mass" is its share on
        no unit.

    Raises:
        CaptureError: No attention could be read, its calls don't form a chain of layers, or a layer can't be run by
            itself.

    Source: Mohebbi et al. (2023), arXiv:2301.12971, "Value Zeroing + rollout" in their code.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> decision = subject.decide(example)
        >>> found = value_zeroing_rollout(subject, example, decision)
        >>> [round(share, 2) for share in found.scores.tolist()]
        [0.14, 0.0, 0.0, 0.0, 0.01, 0.85, 0.0]
    """
    passed, readout = _passed(subject, example), own_readout(subject, example, decision).float().cpu()
    row = readout
    for layer in reversed(range(len(passed.entries))):
        row = row @ context_mixing(subject, passed, layer)
    return _shares("value zeroing rollout", row, readout, example)


def context_mixing_of_layers(subject: Subject, example: Example) -> Float[Tensor, "layer token token"]:
    """Computes the value zeroing scores of every layer, as `context_mixing` does of one.

    Args:
        subject: The model.
        example: The input.

    Raises:
        CaptureError: As of `value_zeroing`.
    """
    passed = _passed(subject, example)
    return torch.stack([context_mixing(subject, passed, layer) for layer in range(len(passed.entries))])


def context_mixing(subject: Subject, passed: ForwardPass, layer: int) -> Float[Tensor, "token token"]:
    """Computes the value zeroing scores of one layer, from each position to each token; rows sum to 1.

    A decoder's layer has the keys of its self-attention and of its cross-attention. A position that the layer doesn't
    have, or that no token turns, gets its whole share from itself.

    Args:
        subject: The model.
        passed: The pass of one input.
        layer: Index of the layer in `passed.entries`.
    """
    length = passed.ids.shape[1]
    spans = {
        call: subject.position_span(passed.ids, call)
        for call in range(len(passed.record))
        if passed.entry_of(call) == layer
    }
    keys = sorted({key for span in spans.values() for key in range(*span.keys)})
    turned, rows = torch.zeros(length, length), slice(*next(iter(spans.values())).queries)
    for some in torch.split(torch.tensor(keys), max(1, subject.rows_at_once(length) - 1)):
        marks = functional.pad(torch.eye(length, dtype=torch.bool)[some], (0, 0, 1, 0))  # the first copy stays as it is

        def zeroed(call: int, weights: Tensor, copies: Sequence[int], marks: Tensor = marks) -> Tensor:
            edges = marks[list(copies), None, None, slice(*spans[call].keys)]
            return without_edges(weights, edges, renormalize=False)

        found = layer_under(subject, passed, layer, zeroed, len(marks)).double()
        read, given = rows.stop - rows.start, found.shape[1]
        if given != read:
            raise CaptureError(
                f"layer {layer} of {subject.name} must answer for the {read} positions that attend in it, and answers "
                f"for {given}, as where inputs are padded; use attention knock-out, which runs whole passes"
            )
        turned[rows, some] = _cosine_distances(found[1:], found[:1]).float().T.cpu()
    sums = turned.sum(dim=-1, keepdim=True)
    return torch.where(sums > 0, turned / sums, torch.eye(length))


def _cosine_distances(
    some: Float[Tensor, "variant position hidden"], clean: Float[Tensor, "1 position hidden"]
) -> Float[Tensor, "variant position"]:
    """One minus the cosine; 0 where nothing changed."""
    distances = 1 - functional.cosine_similarity(some, clean, dim=-1)
    return distances.clamp(min=0).masked_fill((some == clean).all(dim=-1), 0)


def _passed(subject: Subject, example: Example) -> ForwardPass:
    """Runs the input, and checks that its layers were seen."""
    passed = run_pass(subject, example.ids[None])
    if all(subject.position_span(passed.ids, call).is_whole for call in range(len(passed.record))):
        passed.record.layers()
    missing = [call for call in range(len(passed.record)) if passed.entry_of(call) < 0]
    if missing:
        raise CaptureError(
            f"value zeroing runs each layer by itself, and attention call {missing[0]} of {subject.name} is in none, "
            "as in models whose layers aren't modules of a list; use attention knock-out, which runs whole passes"
        )
    return passed


def _shares(method: str, row: Tensor, readout: Tensor, example: Example) -> Attribution:
    return replace(Attribution.from_shares(method, row, readout, example), family="perturbation")
