"""Max-sensitivity: how far an explanation moves when the input moves a little."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from analyses.explanations.attribution import Attribution
from analyses.explanations.erased_scores import ErasedScores
from analyses.explanations.method import Method
from analyses.explanations.methods import method_of_name
from analyses.explanations.shared import Shared
from interpret.errors import InputError
from interpret.modes.evaluating import evaluating
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision
from interpret.subjects.forward_pass import remembered
from interpret.subjects.inputs.example import Example
from interpret.subjects.inputs.token_ids import plain_ids
from interpret.subjects.subject import Subject

RADIUS = 0.02
DRAWS = 10


@gradients_on()
def max_sensitivity(
    subject: Subject,
    example: Example | str,
    decision: Decision | None,
    method: Method | str,
    *,
    radius: float = RADIUS,
    draws: int = DRAWS,
    seed: int = 0,
    eraser: str | None = None,
) -> float:
    """Explains the decision anew with slightly moved token vectors, and measures how far the scores move at most.

    Each token of the text has its vector moved at random, the same way wherever it stands. The method is run once for
    every draw, so this isn't part of `judge_explanations`, which is given scores and can't run methods.

    Args:
        subject: A model that looks its tokens up in a table of vectors.
        example: The text, encoded or not.
        decision: The decision on it; `None` for the model's own. It isn't made anew.
        method: An explanation, or its name.
        radius: Largest change of a number of a vector, as a share of the root mean square of the text's vectors.
        draws: Number of moved texts.
        seed: Seed of the changes.
        eraser: How the method takes units out, where it does; by default the first of `subject.erasers`.

    Returns:
        Largest norm of the change of the scores over the norm of the scores, at least 0; small is stable.

    Raises:
        InputError: There is no such method, the model has no table of token vectors, or the scores are all 0.

    Source: Yeh et al. (2019), arXiv:1901.09392, max-sensitivity, estimated as by captum's `sensitivity_max`, with its
    radius and number of draws; there the radius isn't relative to the input.

    Example:
        >>> subject, text = interpret.load(), "Slow at first, then wonderful."
        >>> found = {name: max_sensitivity(subject, text, None, name) for name in ("saliency", "leave-one-out")}
        >>> min(found.values()) > 0
        True
    """
    subject, example, decision = subject.asked(example, decision)
    chosen = method_of_name(method) if isinstance(method, str) else method
    (found,) = _largest_moves(
        subject, example, decision, [chosen], radius=radius, draws=draws, seed=seed, eraser=eraser
    )
    if math.isnan(found):
        raise InputError(f"{chosen.name} gives only scores of 0 on this text, of which no share can change")
    return found


@gradients_on()
def max_sensitivities(scores: ErasedScores, maps: Sequence[Attribution], *, seed: int = 0) -> list[float]:
    """Measures `max_sensitivity` of several explanations of one decision, which share the passes of each moved text.

    Args:
        scores: Scores of the decision with words erased, by the eraser that the explanations take.
        maps: The explanations.
        seed: Seed of the changes.

    Returns:
        A number for each; NaN where all scores are 0.

    Raises:
        InputError: The model has no table of token vectors.
    """
    methods = [method_of_name(each.method) for each in maps]
    with evaluating(scores.subject.model):
        return _largest_moves(
            scores.subject, scores.example, scores.decision, methods,
            radius=RADIUS, draws=DRAWS, seed=seed, eraser=scores.eraser,
        )  # fmt: skip


def _largest_moves(
    subject: Subject,
    example: Example,
    decision: Decision,
    methods: Sequence[Method],
    *,
    radius: float,
    draws: int,
    seed: int,
    eraser: str | None,
) -> list[float]:
    """Largest change of each method's scores, as a share of their norm; NaN where that is 0."""
    table, known = _token_table(subject, example)
    with torch.no_grad():
        vectors = table(known)
    size, generator = radius * float(vectors.float().square().mean().sqrt()), torch.Generator().manual_seed(seed)
    found = []
    for draw in range(draws + 1):
        noise = (2 * torch.rand(vectors.shape, generator=generator) - 1) * (size if draw else 0.0)
        with _moved(table, known, noise.to(vectors)), remembered(subject, example.ids[None]):
            shared = Shared(subject, example, decision, eraser=eraser)
            maps = [method(subject, example, decision, shared) for method in methods]
            found.append(torch.stack([each.scores.detach().float().cpu() for each in maps]))
    whole = found[0].norm(dim=1)
    moves = torch.stack([(each - found[0]).norm(dim=1) for each in found[1:]]).amax(dim=0) / whole
    largest: list[float] = moves.masked_fill(whole == 0, math.nan).tolist()
    return largest


def _token_table(subject: Subject, example: Example) -> tuple[nn.Module, Int[Tensor, " kind"]]:
    """The layer that looks up token vectors, and the ids that it looks up for this text."""
    asked: list[Tensor] = []
    table = getattr(subject.model, "get_input_embeddings", nn.Identity)()
    handle = table.register_forward_pre_hook(lambda _, args: asked.append(plain_ids(args[0]).flatten()))
    try:
        with torch.no_grad():
            subject.logits(example.ids[None])
    finally:
        handle.remove()
    if not asked or any(ids.is_floating_point() for ids in asked):
        raise InputError(
            f"{subject.name} looks up no token vectors that could be moved a little; give a model that reads text"
        )
    return table, torch.unique(torch.cat(asked))


@contextmanager
def _moved(table: nn.Module, known: Int[Tensor, " kind"], noise: Float[Tensor, "kind hidden"]) -> Iterator[None]:
    """Adds noise to the vectors of these tokens wherever they are looked up in the block."""

    def add(_: nn.Module, args: tuple[Any, ...], own: Tensor) -> Tensor:
        ids = plain_ids(args[0])
        place = torch.searchsorted(known, ids.contiguous()).clamp(max=len(known) - 1)
        return own + noise[place] * (known[place] == ids)[..., None]

    handle = table.register_forward_hook(add)
    try:
        yield
    finally:
        handle.remove()
