"""Shrinks the config of any architecture so that a model runs in milliseconds, with every kind of layer.

Sizes are found in a config by their names; exceptions are in `overrides.py`, by architecture.
"""

import copy
import re
from typing import Any

from interpret.doctor.config_overrides import OVERRIDES

VOCABULARY = 96
_MOST_LAYERS = 4  # of each stack: the first of each kind
_SPECIAL = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2, "decoder_start_token_id": 2, "unk_token_id": 3}
_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads", "attention_heads")
_LAYERS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")
_FORGOTTEN = (
    *("architectures", "transformers_version", "_name_or_path", "dtype", "torch_dtype", "quantization_config"),
    *("out_features", "out_indices", "stage_names"),  # follow from the number of layers
)

# The first pattern that a name matches gives the largest value.
_SIZES = tuple(
    (re.compile(pattern), most)
    for pattern, most in (
        (r"(^|_)vocab_size($|_per_layer_input$)", VOCABULARY),
        (r"(^|_)(key_value_heads|kv_heads|query_group_num)$", 2),
        (r"(^|_)heads?$", 4),
        (r"^(qk_rope_head_dim|index_head_dim|rotary_dim)$", 8),
        (r"(head_dim|^d_head|d_kv|dim_head|kv_channels|attention_head_size|headdim)$", 16),
        (r"^(d_model|n_embd|dim|emb_dim|d_inner|hidden_dim|embedding_dim|d_latents|model_dim)$", 64),
        (r"(^|_)(hidden_size|embedding_size|embed_proj_dim|output_size|proj(ection)?_dim|hidden_size_global)$", 64),
        (r"(^|_)(intermediate_size(_mlp)?|ffn_dim|d_ff|ffn_hidden_size|n_inner|feed_forward_size|mlp_dim)$", 64),
        (r"^(kv_lora_rank|q_lora_rank|o_lora_rank|lru_width|output_dim)$", 32),
        (r"^(state_size|ssm_state_size|mamba_d_state|time_step_rank|mamba_dt_rank|laurel_rank|adapter_rank)$", 8),
        (r"(^|_)(layers?|depth|num_blocks)$", 2),
        (r"^(num_experts|num_local_experts|n_routed_experts|moe_num_experts)$", 4),
        (r"^(num_experts_per_tok(en)?|moe_topk|moe_k|top_k_experts)$", 2),
        (r"^(n_group|topk_group|num_expert_group|n_groups|mamba_n_groups|mamba_ngroups)$", 1),
        (r"(^|_)(position_embeddings|positions|max_seq_len|max_len(gth)?|n_ctx)$", 64),
        (r"^(sliding_window|window_size|attention_window_size|local_attention|attention_chunk_size)$", 4),
        (r"^(attention_window|num_mel_bins|expert_capacity)$", 8),
    )
)
_TOKEN = re.compile(r"_(id|ids|index)$")
_MISSING = {
    "vocab_size": VOCABULARY,
    "pad_token_id": 0,
    "head_dim": 16,
    "num_experts_per_tok": 2,
    "n_routed_experts": 4,
}


def shrunk(config: Any) -> Any:
    """Makes a config of the same architecture with small tensors and two layers, or more for more kinds of layers.

    Args:
        config: A transformers config; not changed.

    Returns:
        A new config of the same class.
    """
    values = copy.deepcopy(config.to_dict())
    _shrink(values)
    for place, value in OVERRIDES.get(config.model_type, {}).items():
        *folders, key = place.split(".")
        inner = values
        for folder in folders:
            inner = inner[folder]
        inner[key] = copy.deepcopy(value)
    return type(config).from_dict(values)


def _shrink(values: dict[str, Any]) -> None:
    """Shrinks a config and its inner configs, in place."""
    before = dict(values)
    kept = _kept_layers(values)
    for key in [key for key in _FORGOTTEN if key in values]:
        del values[key]
    next_id = VOCABULARY
    for key, value in list(values.items()):
        if _TOKEN.search(key):
            next_id -= 1
            values[key] = _token(key, value, next_id)
        elif isinstance(value, dict) and key not in ("id2label", "label2id", "per_layer_config"):
            _shrink(value)
        elif isinstance(value, list) and kept and len(value) == _layers(before):
            values[key] = [value[index] for index in kept]
        elif key == "depths":
            values[key] = [min(depth, 2) for depth in value]
        elif isinstance(value, int) and not isinstance(value, bool):
            values[key] = _smaller(key, value)
        elif value is None:
            values[key] = _MISSING.get(key)
    if kept:
        values[_first_key(before, _LAYERS)] = len(kept)
    _keep_proportions(values, before, kept)


def _token(key: str, value: Any, free: int) -> Any:
    """Id of a special token in the small vocabulary; `free` is an unused id."""
    if key in _SPECIAL:
        return _SPECIAL[key] if value is not None or key == "pad_token_id" else None
    small = not isinstance(value, int) or value < VOCABULARY - 16
    return value if small else free


def _smaller(key: str, value: int) -> int:
    return next((min(value, most) for pattern, most in _SIZES if pattern.search(key)), value)


def _keep_proportions(values: dict[str, Any], before: dict[str, Any], kept: list[int]) -> None:
    """Restores sizes that must match: shared heads, rotary sections, state-space heads and per-layer settings."""
    heads = values.get(_first_key(values, _HEADS))
    for shared in ("num_key_value_heads", "num_kv_heads", "num_query_groups"):
        if shared in values and before[shared] in (None, before.get(_first_key(before, _HEADS))):
            values[shared] = heads
        elif before.get(shared) == 1:
            values[shared] = 1
    if "qk_rope_head_dim" in values and before.get("head_dim") == before["qk_rope_head_dim"]:
        values["head_dim"] = values["qk_rope_head_dim"]
    if "qk_head_dim" in values:
        values["qk_head_dim"] = values["qk_rope_head_dim"] + values["qk_nope_head_dim"]
    if values.get("is_encoder_decoder"):
        values["decoder_start_token_id"] = _SPECIAL["decoder_start_token_id"]
    if "mamba_n_heads" in values:
        inner = before["mamba_expand"] * values["hidden_size"]
        values.update(mamba_n_heads=inner // 16, mamba_d_head=16)
        if "mamba_d_ssm" in values:
            values["mamba_d_ssm"] = inner
    if "per_layer_config" in before:
        values["per_layer_config"] = _exceptions(before, kept)
    rope = values.get("rope_parameters") or {}
    for part in (rope, *rope.values()):
        if isinstance(part, dict) and isinstance(part.get("mrope_section"), list):
            rotated = int(values.get("head_dim", 16) * part.get("partial_rotary_factor", 1.0)) // 2
            parts = len(part["mrope_section"])
            part["mrope_section"] = [rotated // parts + (index < rotated % parts) for index in range(parts)]


def _exceptions(before: dict[str, Any], kept: list[int]) -> dict[str, Any]:
    """Per-layer settings of the kept layers, under their new numbers."""
    given = {int(layer): dict(settings) for layer, settings in before["per_layer_config"].items()}
    for settings in given.values():
        _shrink(settings)
    return {str(number): given[layer] for number, layer in enumerate(kept) if layer in given}


def _first_key(values: dict[str, Any], keys: tuple[str, ...]) -> str:
    return next((key for key in keys if isinstance(values.get(key), int)), "")


def _layers(values: dict[str, Any]) -> int:
    return int(values.get(_first_key(values, _LAYERS), 0))


def _kept_layers(values: dict[str, Any]) -> list[int]:
    """Indices of the first layer of each kind, at least two."""
    layers = _layers(values)
    lists = [value for value in values.values() if isinstance(value, list) and len(value) == layers]
    exceptions = {int(layer): str(given) for layer, given in (values.get("per_layer_config") or {}).items()}
    kinds = [str([exceptions.get(index), *(value[index] for value in lists)]) for index in range(layers)]
    first = [index for index, kind in enumerate(kinds) if kind not in kinds[:index]][:_MOST_LAYERS]
    return first if len(first) > 1 or layers < 2 else [0, 1]
