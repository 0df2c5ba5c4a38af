"""Builds the native classifier of a recipe."""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from interpret.native.classifier import TransformerClassifier
from interpret.native.config import ClassifierConfig
from interpret.native.planted.blueprint import position_table, projections, readout, token_table
from interpret.native.planted.recipe import POSITIONS, PlantedRecipe
from interpret.native.planted.words import word_tokenizer
from interpret.native.storing import SPECIAL_TOKENS, NativeModel

INNER = 4  # width of the feed-forward networks, which write nothing


def native_model(recipe: PlantedRecipe, norm: Literal["pre", "post"]) -> NativeModel:
    """Builds the classifier and its tokenizer; feed-forward weights are 0, layer norms are plain."""
    config = ClassifierConfig(
        vocabulary=len(recipe.words),
        hidden=2 * recipe.pairs,
        layers=recipe.layers,
        heads=len(recipe.head_kinds),
        inner=INNER,
        positions=POSITIONS,
        norm=norm,
    )
    with torch.device("meta"):  # without drawing weights
        model = TransformerClassifier(config)
    weights = {
        "embedding.token.weight": token_table(recipe),
        "embedding.position.weight": position_table(recipe, POSITIONS),
        "readout.weight": readout(recipe),
    }
    for layer in range(recipe.layers):
        made = projections(recipe, layer, (0, 1, 2, 3))
        for name in ("query", "key", "value", "output"):
            weights[f"blocks.{layer}.attention.{name}.weight"] = getattr(made, name)
    model.load_state_dict(filled(model.state_dict(), weights), assign=True)
    return NativeModel(model.eval(), word_tokenizer(recipe.words, start="[CLS]", end="[SEP]"), dict(SPECIAL_TOKENS))


def filled(shapes: dict[str, Tensor], weights: dict[str, Float[np.ndarray, "rows columns"]]) -> dict[str, Tensor]:
    """Completes the weights of a model: those given, 1 for the scales of norms, 0 for the rest.

    Raises:
        ValueError: A name isn't one of the model's.
    """
    if not weights.keys() <= shapes.keys():
        raise ValueError(f"the model has no weights {sorted(weights.keys() - shapes.keys())}")
    filled = {
        name: torch.full(tuple(weight.shape), float("norm" in name.lower() and name.endswith("weight")))
        for name, weight in shapes.items()
    }
    return filled | {name: torch.tensor(weight, dtype=torch.float32) for name, weight in weights.items()}
