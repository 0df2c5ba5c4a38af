"""GradientShap: gradients at random points between texts without words and noisy copies of the text."""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.explanations.attribution import Attribution
from analyses.explanations.gradient_based.embeddings import embeddings_of, gradients_at, noise_like, without_words
from interpret.errors import InputError
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

DRAWS = 50


@gradients_on()
def gradient_shap(
    subject: Subject,
    example: Example,
    decision: Decision,
    *,
    draws: int = DRAWS,
    noise: float = 0.05,
    baselines: Float[Tensor, "baseline token hidden"] | None = None,
    seed: int = 0,
) -> Attribution:
    """Averages the way from a baseline to the noisy text times the margin's gradient at a random point of that way.

    It is integrated gradients by random draws, over several baselines and with noise, so that no single line decides.
    On average scores sum to the margin of the text minus that of the baselines, less what the noise adds.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it, or on another target.
        draws: Number of draws, at least 2; each has a baseline, noise and a point of its own.
        noise: Standard deviation of the noise on the text, as a share of the range of the numbers in its embeddings.
        baselines: Embeddings to start from, one of them for each draw. By default the text without words: the mask
            token in their place where the model has one, else zeros; special tokens keep theirs.
        seed: Seed of the draws.

    Returns:
        Signed scores in logits. Notes: "draws", "noise", and "standard error", the largest of any unit's score.

    Raises:
        InputError: The noise is negative, there are fewer than two draws, or baselines are of another text.

    Source: Lundberg and Lee (2017), arXiv:1705.07874, as "GradientExplainer" in their package shap; expected gradients:
    Erion et al. (2021), arXiv:1906.10670. As captum's `GradientShap`, in batches and with standard errors.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = gradient_shap(subject, example, subject.decide(example), draws=20)
        >>> example.units[found.order()[0]].text
        'wonderful'
    """
    embeddings = embeddings_of(subject, example)
    starts = without_words(subject, example, None)[0] if baselines is None else baselines.to(embeddings)
    if starts.shape[1:] != embeddings.shape[1:]:
        raise InputError(
            f"baselines must be embeddings of this text, each {list(embeddings.shape[1:])}, "
            f"not {list(starts.shape[1:])}"
        )
    generator = torch.Generator().manual_seed(seed + 1)
    begun = torch.randint(len(starts), (draws,), generator=generator).tolist()
    shares = torch.rand(draws, generator=generator).tolist()
    ways: list[Tensor] = []  # of the points of one pass

    def points() -> Iterator[Tensor]:
        for start, share, added in zip(begun, shares, noise_like(embeddings, noise, draws, seed), strict=True):
            ways.append(embeddings[0] + added - starts[start])
            yield starts[start] + share * ways[-1]

    found = []
    for gradients in gradients_at(subject, example, decision, points()):
        found.append((torch.stack(ways) * gradients).float().sum(dim=-1).cpu())
        ways.clear()
    tokens = torch.cat(found)
    error = float(example.pool(tokens).std(dim=0).max() / draws**0.5)
    notes = {"draws": float(draws), "noise": float(noise), "standard error": error}
    scores = tokens.mean(dim=0)
    return Attribution("GradientShap", "gradient", True, example.pool(scores), scores, notes, words=example.words)
