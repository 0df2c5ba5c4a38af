"""Tiny random transformers models, one builder for all tests. No download, no trained weight."""

import copy
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageClassification,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
)

LANGUAGE_MODELS = (
    *("llama", "gpt2", "gemma2", "gemma3_text", "gpt_oss", "mistral", "qwen2", "qwen3", "opt", "phi", "gpt_neox"),
    *("cohere2", "olmo2", "mixtral", "starcoder2", "stablelm", "granite", "glm", "helium", "smollm3"),
)
CLASSIFIERS = ("bert", "roberta", "distilbert", "albert", "electra", "modernbert", "gpt2", "qwen2")
TRANSLATORS = ("t5", "bart", "marian", "pegasus")
IMAGE_CLASSIFIERS = ("vit", "beit", "dinov2")

_HEADS = {
    "causal": AutoModelForCausalLM,
    "classifier": AutoModelForSequenceClassification,
    "translator": AutoModelForSeq2SeqLM,
    "image": AutoModelForImageClassification,
}
_SIZES: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "embedding_size", "word_embed_proj_dim"), 64),
    **dict.fromkeys(("num_hidden_layers", "encoder_layers", "decoder_layers", "n_layer", "n_layers"), 2),
    **dict.fromkeys(("num_layers", "num_decoder_layers", "num_key_value_heads"), 2),
    **dict.fromkeys(("num_attention_heads", "encoder_attention_heads", "decoder_attention_heads", "num_heads"), 4),
    **dict.fromkeys(("n_head", "n_heads", "num_experts", "num_local_experts"), 4),
    **dict.fromkeys(("intermediate_size", "encoder_ffn_dim", "decoder_ffn_dim", "d_ff", "hidden_dim", "ffn_dim"), 64),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), 64),
    **dict.fromkeys(("head_dim", "d_kv"), 16),
    **dict(vocab_size=99, pad_token_id=0, eos_token_id=1, bos_token_id=2, decoder_start_token_id=0, num_labels=3),
    **dict(sliding_window=4, image_size=16, patch_size=4, moe_intermediate_size=32, num_experts_per_tok=2),
    **dict(cls_token_id=2, sep_token_id=1),
}


def tiny_model(kind: str, family: str, *, kernel: str | None = None, dtype: torch.dtype = torch.float32) -> nn.Module:
    """A random model of a family, the same weights at each call with the same arguments."""
    known = AutoConfig.for_model(family)
    config = AutoConfig.for_model(family, **{k: v for k, v in _SIZES.items() if hasattr(known, k)})
    torch.manual_seed(0)
    options = {} if kernel is None else {"attn_implementation": kernel}
    return _HEADS[kind].from_config(copy.deepcopy(config), **options).eval().to(dtype)


def tiny_inputs(
    kind: str, *, padding: str | None = None, dtype: torch.dtype = torch.float32
) -> dict[str, torch.Tensor]:
    """Two inputs, the second padded on the left or right by three tokens."""
    generator = torch.Generator().manual_seed(1)
    if kind == "image":
        return {"pixel_values": torch.randn(2, 3, 16, 16, generator=generator).to(dtype)}
    ids = torch.randint(5, 90, (2, 9), generator=generator)
    mask = torch.ones_like(ids)
    if padding:
        side = slice(0, 3) if padding == "left" else slice(6, 9)
        mask[1, side], ids[1, side] = 0, 0
    inputs = {"input_ids": ids, "attention_mask": mask}
    if kind == "translator":
        inputs["decoder_input_ids"] = torch.randint(5, 90, (2, 5), generator=generator)
    return inputs
