"""captum: words taken out by FeatureAblation, and LayerIntegratedGradients."""

from collections.abc import Callable
from typing import Any

import torch
from captum.attr import FeatureAblation, LayerIntegratedGradients

from benchmarks.peers.shared import classifier, given, language_model, margin


def one_at_a_time(settings: dict[str, Any]) -> Callable[[], list[float]]:
    """Leave-one-out by deletion: features are words that are there or not, and shorter inputs are padded on the right.

    A causal model's earlier positions don't see the padding, so no mask is needed. Scores are those that the model
    gives, of all positions, or where the settings say "lean" of the last position of each input only.
    """
    model, task = language_model(settings), given(settings)
    device = settings["device"]
    ids = torch.tensor(task["ids"], device=device)
    unit_of = torch.full((len(ids),), -1, device=device)
    units = task["units"][: settings["words"]]
    for number, tokens in enumerate(units):
        unit_of[tokens] = number

    def score(present: torch.Tensor) -> torch.Tensor:
        stays = torch.where(unit_of >= 0, present[:, unit_of.clamp(min=0)], 1).bool()
        kept = [ids[row] for row in stays]
        last = torch.tensor([len(row) - 1 for row in kept], device=device)
        padded = torch.nn.utils.rnn.pad_sequence(kept, batch_first=True)
        rows = torch.arange(len(kept), device=device)
        if settings["lean"]:
            hidden = model.model(input_ids=padded, use_cache=False).last_hidden_state
            return margin(model.lm_head(hidden[rows, last]), task["target"])
        return margin(model(input_ids=padded, use_cache=False).logits[rows, last], task["target"])

    ablation = FeatureAblation(score)
    everything = torch.ones(1, len(units), device=device)

    def work() -> list[float]:
        with torch.no_grad():
            found = ablation.attribute(everything, perturbations_per_eval=settings["at_once"])
        return found[0].tolist()

    return work


def integrated(settings: dict[str, Any]) -> Callable[[], list[float]]:
    """One score a token, from the word embeddings of a text whose words are all masks."""
    model, task = classifier(settings), given(settings)
    ids = torch.tensor([task["ids"]], device=settings["device"])
    masked = ids.clone()
    masked[0, [token for unit in task["units"] for token in unit]] = task["mask"]
    gradients = LayerIntegratedGradients(
        lambda given_ids: margin(model(input_ids=given_ids).logits, task["target"]), model.get_input_embeddings()
    )

    def work() -> list[float]:
        found = gradients.attribute(ids, baselines=masked, n_steps=settings["steps"])
        return found[0].sum(dim=-1).tolist()

    return work
