"""Greedy generation by a model's own settings, without sampling and without beams."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpret.modes.evaluating import evaluating
from interpret.system.quiet import quiet

_RULES = {  # settings that may change which token is picked, with their neutral values
    **dict.fromkeys(("repetition_penalty", "encoder_repetition_penalty", "guidance_scale"), 1.0),
    **dict.fromkeys(("no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "min_length", "min_new_tokens"), 0),
    **dict.fromkeys(("bad_words_ids", "suppress_tokens", "begin_suppress_tokens", "sequence_bias"), None),
    **dict.fromkeys(("forced_bos_token_id", "forced_eos_token_id", "exponential_decay_length_penalty"), None),
}


def generated(model: nn.Module, ids: Int[Tensor, "1 token"], most: int, **options: Any) -> Any:
    """Runs `generate` greedily, with the model's own settings otherwise.

    Settings for sampling, beams and several return sequences are overridden: one sequence is generated greedily.

    Args:
        model: A model with transformers' `generate`.
        ids: The prompt.
        most: Maximum number of new tokens.
        options: Further options of `generate`.

    Returns:
        Transformers' output, whose `sequences` hold the tokens.
    """
    with torch.no_grad(), quiet(), evaluating(model):
        return model.generate(  # type: ignore[operator]
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=most, do_sample=False, num_beams=1,
            num_return_sequences=1, return_dict_in_generate=True, **options,
        )  # fmt: skip


def written_tokens(
    model: nn.Module,
    ids: Int[Tensor, " token"],
    most: int,
    logits: Callable[[Int[Tensor, "1 token"]], Float[Tensor, "1 label"]],
) -> list[int]:
    """Generates tokens after a prompt, the end-of-sequence token included.

    A transformers model uses `generate` with its generation_config: end-of-sequence tokens, minimum length, penalties,
    suppressed tokens. Any other model takes the likeliest token each time.

    Args:
        model: A language model.
        ids: The prompt.
        most: Maximum number of new tokens.
        logits: Gives next-token logits, for models without `generate`.
    """
    if hasattr(model, "generate"):
        whole: list[int] = generated(model, ids[None], most).sequences[0].tolist()
        return whole[len(ids) :]
    ends, written = _end_marks(model), list[int]()
    for _ in range(most):
        with torch.no_grad():
            written.append(int(logits(torch.cat([ids, ids.new_tensor(written)])[None])[0].argmax()))
        if written[-1] in ends:
            break
    return written


def first_token(model: nn.Module, ids: Int[Tensor, "1 token"]) -> tuple[int, Float[Tensor, " label"]]:
    """First token that `generate` picks, and its logits before any logits processor.

    Args:
        model: A model with transformers' `generate`.
        ids: The prompt.
    """
    found = generated(model, ids, 1, output_logits=True)
    return int(found.sequences[0, ids.shape[1]]), found.logits[0][0]


def has_rules(model: nn.Module) -> bool:
    """Returns whether a model's generation settings may pick another token than the likeliest."""
    settings = getattr(model, "generation_config", None)
    found = {name: getattr(settings, name, None) for name in _RULES}
    return any(value is not None and value != _RULES[name] for name, value in found.items())


def _end_marks(model: Any) -> list[int]:
    """Ids of the end-of-sequence tokens."""
    settings = getattr(model, "generation_config", None) or getattr(model, "config", None)
    ends = getattr(settings, "eos_token_id", None)
    return [] if ends is None else list(ends) if isinstance(ends, list | tuple) else [ends]
