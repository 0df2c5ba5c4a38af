"""inseq: integrated gradients of the next token of a language model."""

from collections.abc import Callable
from typing import Any

import inseq
from transformers import AutoTokenizer

from benchmarks.peers.shared import given, language_model


def integrated(settings: dict[str, Any]) -> Callable[[], list[float]]:
    """One score a token, of the logit of the token that our side explains."""
    task, tokenizer = given(settings), AutoTokenizer.from_pretrained(settings["model"])
    model = inseq.load_model(
        language_model(settings), "integrated_gradients", tokenizer=tokenizer, device=settings["device"]
    )
    whole = task["text"] + tokenizer.decode([task["target"]])

    def work() -> list[float]:
        found = model.attribute(
            task["text"], whole, n_steps=settings["steps"], attributed_fn="logit", show_progress=False
        )
        return found.sequence_attributions[0].target_attributions[:, 0].sum(dim=-1).nan_to_num().tolist()

    return work
