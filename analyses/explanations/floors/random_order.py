"""Random order: the floor that every explanation must beat."""

import hashlib

import torch

from analyses.explanations.attribution import Attribution
from interpret.subjects.inputs.example import Example


def random_order(example: Example) -> Attribution:
    """Draws a random score for each unit, from a seed made of the input itself.

    It is one order, always the same for the same input and independent of every other method, so that a floor stands
    in each ranking under the conditions of all methods. One order may be lucky. The faithfulness test draws a hundred
    or more of its own and gives p-values against them (`Faithfulness.random`): whether a method beats chance is read
    there, and how chance looks as one more method is read here.

    Args:
        example: The input.

    Returns:
        Unsigned scores, uniform between 0 and 1, without a unit of measure.

    Source: the random baseline of Hooker et al. (2019), A Benchmark for Interpretability Methods in Deep Neural
    Networks, arXiv:1806.10758, which some published methods don't beat.

    Example:
        >>> example = interpret.load().encode("Slow at first, then wonderful.")
        >>> random_order(example).order() == random_order(example).order()
        True
    """
    numbers = example.ids.as_subclass(torch.Tensor).cpu().double().contiguous().numpy()
    seed = int.from_bytes(hashlib.sha256(numbers.tobytes()).digest()[:7], "big")
    scores = torch.rand(len(example.units), generator=torch.Generator().manual_seed(seed))
    return Attribution.from_scores("baseline: random order", example, scores, family="baseline", signed=False)
