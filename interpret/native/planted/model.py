"""Planted models: real transformers for which it is known whether attention explains them."""

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal
from zlib import crc32

import numpy as np
from jaxtyping import Float

from interpret.errors import InputError
from interpret.native.classifier import TransformerClassifier
from interpret.native.planted.calibrating import draw_recipe
from interpret.native.planted.doses import LENGTHS, Doses
from interpret.native.planted.drawing import STYLES
from interpret.native.planted.families import FAMILIES, Truth
from interpret.native.planted.formula import Kind, RowReading, read
from interpret.native.planted.network import native_model
from interpret.native.planted.recipe import PlantedRecipe
from interpret.native.planted.words import draw_texts
from interpret.native.storing import NativeModel
from interpret.native.storing import save as save_native
from interpret.subjects.tasks.classification import TextClassification

Answers = Literal["native", "bert", "llama"]


@dataclass(frozen=True, eq=False)
class PlantedModel:
    """A transformer whose weights were set by hand, with its texts and its logits by formula.

    Attributes:
        family: Key of its family in `FAMILIES`.
        seed: Seed of everything that the family doesn't fix.
        layers: Number of blocks.
        heads: Number of attention heads in each.
        norm: Place of the layer norms.
        doses: The doses asked for.
        recipe: All numbers it was built from.
        truth: Whether its attention is meant to explain it.
    """

    family: str
    seed: int
    layers: int
    heads: int
    norm: Literal["pre", "post"]
    doses: Doses
    recipe: PlantedRecipe = field(repr=False)

    @property
    def truth(self) -> Truth:
        """What its family is meant for, with the family's own doses; `analyses.calibration.truth` computes what is."""
        return FAMILIES[self.family].truth

    @property
    def name(self) -> str:
        """Name, such as "planted F1 (seed 3)"."""
        return f"planted {self.family} (seed {self.seed})"

    @cached_property
    def native(self) -> NativeModel:
        """The network and its tokenizer, built lazily."""
        return native_model(self.recipe, self.norm)

    def texts(self, count: int, *, seed: int, length: int | None = None) -> list[str]:
        """Draws texts of the model's words, each a token, in lower case, with spaces between.

        Args:
            count: Number of texts.
            seed: The same seed gives the same texts.
            length: Words in each; by default that of the doses.

        Raises:
            InputError: The length is out of range.
        """
        if length is not None and not LENGTHS[0] <= length <= LENGTHS[1]:
            raise InputError(f"texts must have {LENGTHS[0]} to {LENGTHS[1]} words, not {length}")
        lengths = self.doses.lengths if length is None else (length, length)
        rng = np.random.default_rng([self.seed, crc32(self.family.encode()), seed, 1])
        drawn = draw_texts(self.recipe, STYLES.get(self.family, "plain"), rng, count, lengths)
        return [" ".join(words) for words in drawn]

    def logits(self, texts: list[str], *, kind: Answers = "native") -> Float[np.ndarray, "example label"]:
        """Logits by formula, of this model or of those that `save_bert` and `save_llama` write.

        Args:
            texts: Words with spaces between.
            kind: The model whose logits are computed.
        """
        places: dict[str, Kind] = {"native": self.norm, "bert": "bert", "llama": "pre"}
        difference = self._read(texts, places[kind]).difference
        return np.stack([-difference / 2, difference / 2], axis=1)

    def attention(self, texts: list[str]) -> list[Float[np.ndarray, "head key"]]:
        """Attention weights of the last layer's [CLS] row by formula, special tokens included; rows sum to 1."""
        weights = self._read(texts, self.norm).attention[:, list(self.recipe.head_kinds)]
        return [rows[:, : len(text.split()) + 2] for rows, text in zip(weights, texts, strict=True)]

    def subject(self) -> TextClassification:
        """Builds the subject of the model, for analyses."""
        model, tokenizer = self.native.model, self.native.tokenizer
        assert isinstance(model, TransformerClassifier)
        return TextClassification(
            self.name,
            model,
            tokenizer,
            labels=model.config.labels,
            mask_id=self.native.special_id("mask"),
            longest=model.config.positions,
        )

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes the model as a native folder, for `interpret.load`."""
        save_native(folder, self.native.model, self.native.tokenizer, special_tokens=self.native.special_tokens)

    def save_bert(self, folder: str | os.PathLike[str]) -> None:
        """Writes the same model as a BERT in transformers' format, whatever the place of its own layer norms."""
        from interpret.native.planted.exporting import save_bert

        save_bert(folder, self.recipe)

    def save_llama(self, folder: str | os.PathLike[str]) -> None:
        """Writes the same model as a Llama in transformers' format, where the decision is read at the last token.

        Raises:
            InputError: The family needs positions that a Llama doesn't have, or rows that see later words.
        """
        from interpret.native.planted.exporting import save_llama

        if not FAMILIES[self.family].in_llama:
            raise InputError(
                f"family {self.family} needs position vectors or rows that see later words, which a Llama doesn't "
                "have; save it with save_bert"
            )
        save_llama(folder, self.recipe)

    def _read(self, texts: list[str], kind: Kind) -> RowReading:
        return read(self.recipe, self.recipe.ids([text.split() for text in texts]), kind)


def plant(
    family: str,
    *,
    seed: int = 0,
    layers: int = 2,
    heads: int = 2,
    norm: Literal["pre", "post"] = "pre",
    doses: Doses = Doses(),  # noqa: B008  # frozen
) -> PlantedModel:
    """Builds a model of a family.

    Args:
        family: Its key, such as "F1".
        seed: Seed of the words and their evidence, sharpness, scales, noise and sink.
        layers: Number of blocks. The last one has the attention that is judged, the first one the bypass.
        heads: Number of attention heads; those beyond the family's needs are copies.
        norm: Place of the layer norms.
        doses: Amounts set by hand.

    Raises:
        InputError: There is no such family, or it can't have these sizes or doses.
    """
    if family not in FAMILIES:
        raise InputError(f"there is no family {family!r}; there are {', '.join(FAMILIES)}")
    needs = FAMILIES[family]
    if layers < needs.fewest_layers or heads < needs.fewest_heads:
        raise InputError(
            f"family {family} needs at least {needs.fewest_layers} layers and {needs.fewest_heads} heads, "
            f"not {layers} and {heads}"
        )
    if norm not in ("pre", "post"):
        raise InputError(f"norm must be 'pre' or 'post', not {norm!r}")
    recipe = draw_recipe(family, seed=seed, layers=layers, heads=heads, norm=norm, doses=doses)
    return PlantedModel(family, seed, layers, heads, norm, doses, recipe)
