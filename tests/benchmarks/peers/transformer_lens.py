"""TransformerLens: heads silenced by a hook on `hook_z`."""

from collections.abc import Callable
from typing import Any

import torch
from transformer_lens.model_bridge import TransformerBridge

from benchmarks.peers.shared import given, margin


def looped(settings: dict[str, Any]) -> Callable[[], list[list[float]]]:
    """How far the margin falls without each head."""
    model = TransformerBridge.boot_transformers(
        settings["model"], device=settings["device"], dtype=getattr(torch, settings["dtype"])
    )
    task = given(settings)
    ids = torch.tensor([task["ids"]], device=settings["device"])

    def answer(hooks: list[Any]) -> torch.Tensor:
        logits = model.run_with_hooks(ids, return_type="logits", fwd_hooks=hooks)
        return margin(logits[:, -1], task["target"])[0]

    def drop(layer: int, head: int) -> float:
        def silence(z: torch.Tensor, hook: Any) -> torch.Tensor:
            z[:, :, head] = 0
            return z

        return float(clean - answer([(f"blocks.{layer}.attn.hook_z", silence)]))

    def work() -> list[list[float]]:
        nonlocal clean
        with torch.no_grad():
            clean = answer([])
            return [[drop(layer, head) for head in range(model.cfg.n_heads)] for layer in range(model.cfg.n_layers)]

    clean = torch.zeros(())
    return work
