"""transformers alone: a head silenced by a hook in front of its layer's output projection."""

from collections.abc import Callable
from typing import Any

import torch

from benchmarks.peers.shared import given, language_model, margin


def looped(settings: dict[str, Any]) -> Callable[[], list[list[float]]]:
    """How far the margin falls without each head of a Llama, one pass a head, scores of all positions as usual."""
    model, task = language_model(settings), given(settings)
    ids = torch.tensor([task["ids"]], device=settings["device"])
    projections = [layer.self_attn.o_proj for layer in model.model.layers]
    heads = model.config.num_attention_heads

    def answer() -> torch.Tensor:
        return margin(model(input_ids=ids, use_cache=False).logits[:, -1], task["target"])[0]

    def drop(projection: torch.nn.Module, head: int) -> float:
        def silence(_: torch.nn.Module, args: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
            written = args[0].unflatten(-1, (heads, -1)).clone()
            written[..., head, :] = 0
            return (written.flatten(-2),)

        handle = projection.register_forward_pre_hook(silence)
        try:
            return float(clean - answer())
        finally:
            handle.remove()

    def work() -> list[list[float]]:
        nonlocal clean
        with torch.no_grad():
            clean = answer()
            return [[drop(projection, head) for head in range(heads)] for projection in projections]

    clean = torch.zeros(())
    return work
