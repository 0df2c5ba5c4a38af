"""Tiny random models of families that don't take an attention function from outside."""

from functools import cache
from typing import Any

import torch
from tiny_models import tiny_inputs
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
)

_SMALL: dict[str, Any] = {
    **dict(vocab_size=99, num_labels=3, pad_token_id=0, bos_token_id=2, eos_token_id=1),
    **dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=64),
}
_ENCODER: dict[str, Any] = {**_SMALL, "intermediate_size": 64}
_RELATIVE: dict[str, Any] = {**_ENCODER, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
_GPT: dict[str, Any] = {
    **dict(vocab_size=99, num_labels=3, pad_token_id=0, bos_token_id=2, eos_token_id=1),
    **dict(n_embd=64, n_layer=2, n_head=4, n_positions=64, n_inner=64, rotary_dim=8),
}
_PAIR: dict[str, Any] = {
    **dict(vocab_size=99, src_vocab_size=99, tgt_vocab_size=99, langs=["en", "de"], d_model=64),
    **dict(encoder_layers=2, decoder_layers=2, encoder_attention_heads=4, decoder_attention_heads=4),
    **dict(encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=64),
    **dict(pad_token_id=0, bos_token_id=2, eos_token_id=1, decoder_start_token_id=0),
}
_XLM: dict[str, Any] = dict(vocab_size=99, emb_dim=64, n_layers=2, n_heads=4, num_labels=3, pad_index=0, pad_token_id=0)

# By family: what head it gets, its sizes, the output projection of a layer, and whether its weight is [in, out].
OBSERVED: dict[str, tuple[str, dict[str, Any], str, bool]] = {
    "deberta": ("classifier", _RELATIVE, "deberta.encoder.layer.{}.attention.output.dense", False),
    "deberta-v2": (
        *("classifier", _RELATIVE | {"position_buckets": 8}),
        *("deberta.encoder.layer.{}.attention.output.dense", False),
    ),
    "mpnet": ("classifier", _ENCODER, "mpnet.encoder.layer.{}.attention.attn.o", False),
    "convbert": ("classifier", _ENCODER, "convbert.encoder.layer.{}.attention.output.dense", False),
    "rembert": ("classifier", _ENCODER, "rembert.encoder.layer.{}.attention.output.dense", False),
    "roformer": ("classifier", _ENCODER, "roformer.encoder.layer.{}.attention.output.dense", False),
    "megatron-bert": ("classifier", _ENCODER, "bert.encoder.layer.{}.attention.output.dense", False),
    "xlm": ("classifier", _XLM, "transformer.attentions.{}.out_lin", False),
    "flaubert": ("classifier", _XLM, "transformer.attentions.{}.out_lin", False),
    "funnel": (
        *("classifier", dict(vocab_size=99, d_model=64, n_head=4, d_head=16, d_inner=64, block_sizes=[1, 1])),
        *("funnel.encoder.blocks.{}.0.attention.post_proj", False),
    ),
    "gptj": ("causal", _GPT, "transformer.h.{}.attn.out_proj", False),
    "codegen": ("causal", _GPT, "transformer.h.{}.attn.out_proj", False),
    "bloom": ("causal", _GPT | {"hidden_size": 64}, "transformer.h.{}.self_attention.dense", False),
    "falcon": ("causal", _SMALL, "transformer.h.{}.self_attention.dense", False),
    "gpt_neo": (
        *("causal", {**_SMALL, "num_layers": 2, "num_heads": 4, "window_size": 4, "intermediate_size": 64}),
        *("transformer.h.{}.attn.attention.out_proj", False),
    ),
    "openai-gpt": ("causal", _GPT, "transformer.h.{}.attn.c_proj", True),
    "mpt": (
        *("causal", dict(vocab_size=99, d_model=64, n_heads=4, n_layers=2, max_seq_len=64)),
        *("transformer.blocks.{}.attn.out_proj", False),
    ),
    "xglm": (
        *("causal", dict(vocab_size=99, d_model=64, num_layers=2, attention_heads=4, ffn_dim=64)),
        *("model.layers.{}.self_attn.out_proj", False),
    ),
    "fsmt": ("translator", _PAIR, "model.encoder.layers.{}.self_attn.out_proj", False),
    "mvp": ("translator", _PAIR, "model.encoder.layers.{}.self_attn.out_proj", False),
}
# XLNet keeps its projection in a parameter. Of the others some compute attention in pieces, and some can't be read.
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "xlnet": ("classifier", dict(vocab_size=99, d_model=64, n_layer=2, n_head=4, d_inner=64, num_labels=3)),
    "longformer": ("classifier", _ENCODER | {"attention_window": [4, 4]}),
    "big_bird": ("classifier", _ENCODER | {"block_size": 1, "num_random_blocks": 1}),
    "nystromformer": ("classifier", _ENCODER | {"num_landmarks": 3, "segment_means_seq_len": 9}),
    "reformer": (
        "causal",
        {
            **_SMALL,
            "attn_layers": ["local", "lsh"],
            "axial_pos_embds": False,
            "is_decoder": True,
            "feed_forward_size": 64,
        }
        | {"attention_head_size": 16, "local_attn_chunk_length": 3, "lsh_attn_chunk_length": 3, "num_buckets": 2},
    ),
    "longt5": (
        *("translator",),
        dict(vocab_size=99, d_model=64, d_kv=16, d_ff=64, num_layers=2, num_heads=4, decoder_start_token_id=0),
    ),
    "bigbird_pegasus": ("translator", _PAIR),
    "pegasus_x": ("translator", _PAIR),
    "prophetnet": (
        *("translator",),
        dict(vocab_size=99, hidden_size=64, num_encoder_layers=2, num_decoder_layers=2, decoder_start_token_id=0)
        | dict(num_encoder_attention_heads=4, num_decoder_attention_heads=4, ngram=2, max_position_embeddings=64),
    ),
}
_HEADS = {
    "causal": AutoModelForCausalLM,
    "classifier": AutoModelForSequenceClassification,
    "translator": AutoModelForSeq2SeqLM,
}


@cache
def observed_model(family: str, *, kernel: str | None = None, **changes: Any) -> nn.Module:
    """A random model, the same object at each call with the same arguments: not to be written to."""
    kind, sizes = (OBSERVED.get(family) or OTHERS[family])[:2]
    if family == "gpt_neo":
        changes = {"attention_types": [[["global", "local"], 1]], **changes}
    config = AutoConfig.for_model(family, **{**sizes, **changes})
    torch.manual_seed(0)
    options = {} if kernel is None else {"attn_implementation": kernel}
    return _HEADS[kind].from_config(config, **options).eval()


def observed_inputs(family: str, *, padding: str | None = None) -> dict[str, torch.Tensor]:
    """Inputs for a model of that family."""
    return tiny_inputs((OBSERVED.get(family) or OTHERS[family])[0], padding=padding)


def own_attentions(model: nn.Module, inputs: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """Every attention map that transformers itself hands out."""
    with torch.no_grad():
        output = model(**inputs, output_attentions=True)
    groups = [getattr(output, name, None) for name in ("attentions", "encoder_attentions", "decoder_attentions")]
    groups.append(getattr(output, "cross_attentions", None))
    return [weights for group in groups if group is not None for weights in group]
