"""SmoothGrad: saliency of the mean gradient over noisy copies of the embeddings."""

import torch

from analyses.explanations.attribution import Attribution
from analyses.explanations.gradient_based.embeddings import embeddings_of, gradients_at, noise_like
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

DRAWS = 50


@gradients_on()
def smoothgrad(
    subject: Subject,
    example: Example,
    decision: Decision,
    *,
    draws: int = DRAWS,
    noise: float = 0.05,
    seed: int = 0,
) -> Attribution:
    """Averages the margin's gradient over noisy embeddings, and takes its L2 norm for each token, as in saliency.

    What a gradient owes to the very point where it is taken averages out; what all gradients nearby agree on stays.

    Args:
        subject: The model.
        example: The input.
        decision: The decision on it, or on another target.
        draws: Number of noisy copies, at least 2.
        noise: Standard deviation of the noise, as a share of the range of the numbers in the input's embeddings. Noise
            is put on special tokens, too. With 0 this is saliency.
        seed: Seed of the noise.

    Returns:
        Unsigned scores. A unit of several tokens gets the norm over all their embeddings together. Notes: "draws" and
        "noise".

    Raises:
        InputError: The noise is negative, or there are fewer than two draws.

    Source: Smilkov et al. (2017), arXiv:1706.03825, section 2.2. They use 50 draws and a share of 0.1 to 0.2 on images;
    embeddings have a few numbers far from all others, so that a tenth of their range is more than they vary by. As
    captum's `NoiseTunnel` around `Saliency`, in batches.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> found = smoothgrad(subject, example, subject.decide(example), draws=20)
        >>> found.scores.shape, found.signed
        (torch.Size([7]), False)
    """
    embeddings = embeddings_of(subject, example)
    points = (embeddings[0] + each for each in noise_like(embeddings, noise, draws, seed))
    total = torch.zeros(embeddings.shape[1:])
    for gradients in gradients_at(subject, example, decision, points):
        total += gradients.float().sum(dim=0).cpu()
    tokens = (total / draws).norm(dim=-1)
    scores, notes = example.pool(tokens.square()).sqrt(), {"draws": float(draws), "noise": float(noise)}
    return Attribution("SmoothGrad", "gradient", False, scores, tokens, notes, words=example.words)
