"""Tiny random encoder-decoder models, written to a folder as people share them."""

from pathlib import Path
from typing import Any

import torch
from saved_models import SIZES, byte_pairs, save_tokenizer
from transformers import AutoConfig, AutoModelForSeq2SeqLM, PreTrainedModel


def save_translator(folder: Path, family: str, **settings: Any) -> PreTrainedModel:
    """A translator of two layers in each stack, with 4 heads each."""
    known = AutoConfig.for_model(family)
    sizes = {key: value for key, value in SIZES.items() if hasattr(known, key)}
    special = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2, "decoder_start_token_id": 0}
    sizes |= {name: 2 for name in ("encoder_layers", "decoder_layers", "num_decoder_layers") if hasattr(known, name)}
    sizes |= {name: 4 for name in ("encoder_attention_heads", "decoder_attention_heads") if hasattr(known, name)}
    sizes |= {name: 48 for name in ("encoder_ffn_dim", "decoder_ffn_dim", "d_ff") if hasattr(known, name)}
    sizes |= {"d_kv": 8} if hasattr(known, "d_kv") else {}
    sizes |= {"scale_embedding": True} if hasattr(known, "scale_embedding") else {}
    vocabulary = byte_pairs().get_vocab_size()
    config = AutoConfig.for_model(
        family, **{**sizes, **special, "vocab_size": vocabulary, "init_std": 0.3, "decoder_vocab_size": vocabulary,
                   "forced_eos_token_id": None, **settings}
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForSeq2SeqLM.from_config(config).eval()
    model.save_pretrained(folder)
    save_tokenizer(folder, byte_pairs(), pad_token="<pad>", eos_token="<end>")
    return model
