"""A random text-to-image pipeline of diffusers, small enough for a test."""

from functools import cache
from typing import Any

import torch

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@cache
def tiny_stable_diffusion() -> Any:
    """Stable Diffusion's parts with a few numbers each; one of its words is made of two tokens."""
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=4,
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=16,
            attention_head_dim=2,
        )
        vae = AutoencoderKL(
            block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4, layers_per_block=1,
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        )  # fmt: skip
        tokenizer = _tokenizer()
        config = CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=2,
            num_attention_heads=2, max_position_embeddings=16, bos_token_id=0, eos_token_id=1, pad_token_id=1,
        )  # fmt: skip
        pipeline = StableDiffusionPipeline(
            vae=vae, text_encoder=CLIPTextModel(config), tokenizer=tokenizer, unet=unet,
            scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _tokenizer() -> Any:
    from transformers import CLIPTokenizer

    merges = [("c", "a"), ("ca", "t</w>"), ("d", "o"), ("do", "g</w>")]
    words = ["<|startoftext|>", "<|endoftext|>", *LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    vocabulary = {word: number for number, word in enumerate([*words, *(left + right for left, right in merges)])}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=16)
