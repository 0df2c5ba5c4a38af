"""Settings that small configs of some architectures need beyond smaller sizes; a dot leads into an inner config."""

from typing import Any

_SHARED_CACHE = {
    "num_hidden_layers": 4,
    "layer_types": ["sliding_attention", "full_attention"] * 2,
    "num_kv_shared_layers": 2,
    "intermediate_size": [64] * 4,
    "activation_sparsity_pattern": [0.0] * 4,
}
_SPATIAL = {"coordinate_size": 8, "shape_size": 16}
_WINDOWED = {"embed_dim": 24, "depths": [1, 1, 2, 1], "num_heads": [1, 2, 4, 4]}
_INDEXED = {
    "indexer_n_heads": 2,
    "indexer_kv_heads": 1,
    "indexer_head_dim": 16,
    "indexer_budget": 4,
    "indexer_compress_ratio": 2,
}
_GLOBAL_ROPE = {"full_attention": {"rope_type": "default", "rope_theta": 10000.0}}

OVERRIDES: dict[str, dict[str, Any]] = {
    "bamba": {"attn_layer_indices": [1]},
    "big_bird": {"block_size": 1, "num_random_blocks": 1},  # with more, attention over the small text would be full
    "bigbird_pegasus": {"block_size": 1, "num_random_blocks": 1},
    "blt": {"encoder_hash_byte_group_vocab": 64},
    "cohere_compass_text": {"rope_parameters": _GLOBAL_ROPE},
    "dbrx": {"attn_config.rope_theta": 10000.0, "attn_config.clip_qkv": 8.0},
    "donut-swin": _WINDOWED,
    "dots1": {"moe_intermediate_size": 32, "n_shared_experts": 1},
    "dots3_note": {
        "text_config.head_dim": 24,
        "vision_config.adapter_in_dim": 64,
        "vision_config.adapter_out_dim": 64,
        "audio_config.adapter_input_size": 64,
        "audio_config.adapter_out_dim": 64,
    },
    "dots3_note_text": {"head_dim": 24},
    "gemma3n_text": _SHARED_CACHE,
    "granitemoehybrid": {"layer_types": ["linear_attention", "full_attention"]},
    "hrm_text": {"num_hidden_layers": 12, "num_layers_per_stack": 2, "H_cycles": 2, "L_cycles": 2},  # 2 x 2 x (2 + 1)
    "jamba": {
        "num_hidden_layers": 4,
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "expert_layer_period": 4,
        "expert_layer_offset": 1,
    },
    "layoutlmv3": _SPATIAL,
    "lfm2_moe": {"layer_types": ["conv", "full_attention"]},
    "lilt": {"hidden_size": 96},
    "mamba2": {"num_heads": 8},
    "mobilebert": {"hidden_size": 128, "intra_bottleneck_size": 64},
    "mpnet": {"pad_token_id": 1, "eos_token_id": 2, "bos_token_id": 0},  # its embeddings know no other padding
    "qwen4_exp": {f"text_config.{key}": value for key, value in _INDEXED.items()},
    "qwen4_exp_text": _INDEXED,
    "recurrent_gemma": {"num_hidden_layers": 3},
    "reformer": {
        "axial_pos_shape": [8, 8],
        "axial_pos_embds_dim": [32, 32],
        "attn_layers": ["local", "lsh"],
        "is_decoder": True,
    },
    "swin": _WINDOWED,
    "swinv2": _WINDOWED,
    "xlnet": {"d_head": 16},
    "xmod": {"default_language": "en_XX"},
    "zamba": {
        "num_hidden_layers": 3,
        "layers_block_type": ["linear_attention", "hybrid", "hybrid"],
        "attention_hidden_size": 128,
        "attention_head_dim": 32,
    },
    "zamba2": {
        "num_hidden_layers": 3,
        "layers_block_type": ["linear_attention", "hybrid", "hybrid"],
        "hybrid_layer_ids": [1, 2],
        "attention_hidden_size": 128,
        "attention_head_dim": 32,
        "mamba_headdim": 32,
    },
}
