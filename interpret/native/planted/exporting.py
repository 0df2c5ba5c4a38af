"""Export of a planted model as a transformers BERT or Llama."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    PreTrainedTokenizerFast,
)

from interpret.native.planted.blueprint import position_table, projections, reading, readout, token_table
from interpret.native.planted.formula import POOLER_GAIN
from interpret.native.planted.network import INNER, filled
from interpret.native.planted.recipe import EPS, POSITIONS, SPECIAL, PlantedRecipe
from interpret.native.planted.words import word_tokenizer

LLAMA_SPECIAL = (
    "<pad>",
    "<unk>",
    "</q>",
    "<s>",
    "<mask>",
)  # in the places of BERT's: </q> is read, <s> is the sink
LABELS: dict[str, Any] = dict(
    id2label={0: "negative", 1: "positive"}, label2id={"negative": 0, "positive": 1}, pad_token_id=0
)
STILL = 1e30  # base of the rotary angles: the slowest pair of dimensions doesn't rotate within any text


def save_bert(folder: str | os.PathLike[str], recipe: PlantedRecipe) -> None:
    """Writes a BERT classifier: post-norm, with a pooler whose tanh is applied before the logits."""
    hidden = 2 * recipe.pairs
    config = BertConfig(
        **_sizes(recipe), max_position_embeddings=POSITIONS, layer_norm_eps=EPS, type_vocab_size=1, **LABELS
    )
    pooler, classifier = np.zeros((hidden, hidden)), np.zeros((2, hidden))
    pooler[0], pooler[1] = (POOLER_GAIN * reading(recipe, name) for name in ("written", "start"))
    classifier[1, :2] = recipe.gain / POOLER_GAIN / 2, recipe.bias / POOLER_GAIN / 2
    classifier[0] = -classifier[1]
    weights = {
        "bert.embeddings.word_embeddings.weight": token_table(recipe),
        "bert.embeddings.position_embeddings.weight": position_table(recipe, POSITIONS),
        "bert.pooler.dense.weight": pooler,
        "classifier.weight": classifier,
    }
    for layer in range(recipe.layers):
        made, place = projections(recipe, layer, (0, 1, 2, 3)), f"bert.encoder.layer.{layer}.attention"
        for name in ("query", "key", "value"):
            weights[f"{place}.self.{name}.weight"] = getattr(made, name)
        weights[f"{place}.output.dense.weight"] = made.output
    with torch.random.fork_rng():
        model = BertForSequenceClassification(config)
    _write(Path(folder), model, weights, recipe.words, start="[CLS]", end="[SEP]")


def save_llama(folder: str | os.PathLike[str], recipe: PlantedRecipe) -> None:
    """Writes a Llama classifier, which reads the last token; a text is put between <s> and </q>."""
    heads = len(recipe.head_kinds)
    dim, alike = 2 * recipe.pairs // heads, len(set(recipe.head_kinds)) == 1
    config = LlamaConfig(
        **_sizes(recipe),
        max_position_embeddings=POSITIONS,
        rms_norm_eps=EPS,
        num_key_value_heads=1 if alike else heads,
        rope_parameters={"rope_type": "default", "rope_theta": STILL},
        bos_token_id=LLAMA_SPECIAL.index("<s>"),
        eos_token_id=LLAMA_SPECIAL.index("</q>"),
        **LABELS,
    )
    weights = {"model.embed_tokens.weight": token_table(recipe), "score.weight": readout(recipe)}
    for layer in range(recipe.layers):
        made, place = projections(recipe, layer, (dim // 2 - 1, dim - 1)), f"model.layers.{layer}.self_attn"
        kept = slice(0, dim if alike else None)
        weights[f"{place}.q_proj.weight"], weights[f"{place}.o_proj.weight"] = made.query, made.output
        weights[f"{place}.k_proj.weight"], weights[f"{place}.v_proj.weight"] = made.key[kept], made.value[kept]
    with torch.random.fork_rng():
        model = LlamaForSequenceClassification(config)  # type: ignore[no-untyped-call]
    words = LLAMA_SPECIAL + recipe.words[len(LLAMA_SPECIAL) :]
    _write(Path(folder), model, weights, words, start="<s>", end="</q>")


def _sizes(recipe: PlantedRecipe) -> dict[str, Any]:
    return dict(
        vocab_size=len(recipe.words),
        hidden_size=2 * recipe.pairs,
        num_hidden_layers=recipe.layers,
        num_attention_heads=len(recipe.head_kinds),
        intermediate_size=INNER,
    )


def _write(folder: Path, model: Any, weights: dict[str, Any], words: tuple[str, ...], *, start: str, end: str) -> None:
    model.load_state_dict(filled(model.state_dict(), weights))
    model.save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=word_tokenizer(words, start=start, end=end),
        pad_token=words[0],
        unk_token=words[1],
        mask_token=words[4],
        **({"cls_token": start, "sep_token": end} if start == SPECIAL[2] else {"bos_token": start, "eos_token": end}),
    )
    tokenizer.save_pretrained(folder)
