"""Writing the likeliest token, one after another."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpret.quiet import quiet


def likeliest_tokens(
    model: nn.Module,
    ids: Int[Tensor, " token"],
    most: int,
    logits: Callable[[Int[Tensor, "1 token"]], Float[Tensor, "1 label"]],
) -> list[int]:
    """The tokens that a model writes after others if it takes the likeliest each time, its end mark included.

    Models of transformers keep the keys and values of what they have read. What their settings say of other ways to
    choose tokens, such as penalties for repetition, is left aside: each token is the one with the largest logit.

    Args:
        model: A language model.
        ids: What stands before.
        most: How many tokens to write, at most.
        logits: Scores of the next token, for models that don't write by themselves.
    """
    ends = _end_marks(model)
    writer: Any = model if hasattr(model, "generate") else None
    if writer is not None:
        from transformers import GenerationConfig

        plain = GenerationConfig(  # type: ignore[no-untyped-call]
            **{"max_new_tokens": most, "do_sample": False, "num_beams": 1, "repetition_penalty": 1.0},
            **{"no_repeat_ngram_size": 0, "eos_token_id": ends or None, "pad_token_id": ends[0] if ends else 0},
        )
        with torch.no_grad(), quiet():
            whole: Tensor = writer.generate(
                ids[None], attention_mask=torch.ones_like(ids[None]), generation_config=plain
            )
        written: list[int] = whole[0, len(ids) :].tolist()
        return written
    written = []
    for _ in range(most):
        with torch.no_grad():
            written.append(int(logits(torch.cat([ids, ids.new_tensor(written)])[None])[0].argmax()))
        if written[-1] in ends:
            break
    return written


def _end_marks(model: Any) -> list[int]:
    """Tokens with which a text ends."""
    settings = getattr(model, "generation_config", None) or getattr(model, "config", None)
    ends = getattr(settings, "eos_token_id", None)
    return [] if ends is None else list(ends) if isinstance(ends, list | tuple) else [ends]
