"""What a model writes: what its `generate` writes by its own settings, without chance and without beams."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpret.modes.evaluating import evaluating
from interpret.system.quiet import quiet

_RULES = {  # settings by which another token than the likeliest may be written, and what they are without a rule
    **dict.fromkeys(("repetition_penalty", "encoder_repetition_penalty", "guidance_scale"), 1.0),
    **dict.fromkeys(("no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "min_length", "min_new_tokens"), 0),
    **dict.fromkeys(("bad_words_ids", "suppress_tokens", "begin_suppress_tokens", "sequence_bias"), None),
    **dict.fromkeys(("forced_bos_token_id", "forced_eos_token_id", "exponential_decay_length_penalty"), None),
}


def generated(model: nn.Module, ids: Int[Tensor, "1 token"], most: int, **options: Any) -> Any:
    """What `generate` gives by the model's own settings, without chance and without beams.

    Whatever the settings say of sampling, beams and several answers, one is written: the likeliest token each time.

    Args:
        model: With a `generate` of transformers.
        ids: What it reads.
        most: How many tokens to write, at most.
        options: Further ones of `generate`.

    Returns:
        Transformers' output, whose `sequences` are the tokens.
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
    """The tokens that a model writes after others, its end mark included.

    A model of transformers writes by `generate`, with all that its generation_config says: marks that end a turn, a
    least length, penalties, tokens that are never written. Any other takes the likeliest token each time.

    Args:
        model: A language model.
        ids: What stands before.
        most: How many tokens to write, at most.
        logits: Scores of the next token, for models that don't write by themselves.
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
    """The token that `generate` writes first, and the scores that it has before any rule of the settings.

    Args:
        model: With a `generate` of transformers.
        ids: What stands before.
    """
    found = generated(model, ids, 1, output_logits=True)
    return int(found.sequences[0, ids.shape[1]]), found.logits[0][0]


def has_rules(model: nn.Module) -> bool:
    """Whether a model's settings may have it write another token than the likeliest."""
    settings = getattr(model, "generation_config", None)
    found = {name: getattr(settings, name, None) for name in _RULES}
    return any(value is not None and value != _RULES[name] for name, value in found.items())


def _end_marks(model: Any) -> list[int]:
    """Tokens with which a text ends."""
    settings = getattr(model, "generation_config", None) or getattr(model, "config", None)
    ends = getattr(settings, "eos_token_id", None)
    return [] if ends is None else list(ends) if isinstance(ends, list | tuple) else [ends]
