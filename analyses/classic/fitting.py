"""Training of a native classifier on a custom loss."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from interpret.modes.gradients_on import gradients_on
from interpret.native import ClassifierConfig, TransformerClassifier
from interpret.native.learning import Texts, TrainingRecipe, share_of_rate, shuffled_batches


@gradients_on()
def fit(
    config: ClassifierConfig,
    texts: Texts,
    recipe: TrainingRecipe,
    loss: Callable[[TransformerClassifier, list[int]], Float[Tensor, ""]],
    *,
    seed: int,
) -> TransformerClassifier:
    """Trains a new classifier from random weights, for a fixed number of epochs.

    The papers keep the epoch that does best on development texts; here only `texts` are used.

    Args:
        config: Configuration of the model.
        texts: Training texts.
        recipe: Its epochs, batch size, learning rate and weight decay are used; words are never hidden.
        loss: Differentiable loss of the model on the texts with these indices.
        seed: Seed of initial weights, dropout and order of texts; deterministic on the same machine.

    Returns:
        The trained model, in evaluation mode.
    """
    generator = torch.Generator().manual_seed(seed)
    steps = recipe.epochs * len(list(shuffled_batches(texts, recipe.batch, generator)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = TransformerClassifier(config).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: share_of_rate(step, steps))
        for _ in range(recipe.epochs):
            for rows in shuffled_batches(texts, recipe.batch, generator):
                optimizer.zero_grad()
                loss(model, rows).backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                schedule.step()
        optimizer.zero_grad()
    return model.eval()
