"""Conventions by which a user calls a model: its tokenizer, token types and position ids."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Int
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn

from interpret.errors import InputError
from interpret.modes.evaluating import evaluating
from interpret.subjects.models.probing import some_ids
from interpret.system.quiet import without_panic_report
from interpret.system.refusals import refusing

_UNTOLD = (
    "The tokenizer marks the second text by a type of its own and doesn't hand types to the model (its "
    "model_input_names leave token_type_ids out), and neither does a plain call; a model that was trained with them "
    "decides otherwise."
)
_UNKNOWN = (
    "The tokenizer marks the second text by type {type}, and the model knows {known} only (type_vocab_size), so it is "
    "told no types; a plain call of model(**tokenizer(...)) fails."
)
_HEARD = (
    "The tokenizer hands token types to the model, as a plain call of model(**tokenizer(...)) does; on its token ids "
    "alone it gives other scores."
)
_NOT_HEARD = (
    "The tokenizer hands token types to the model, which generate() on token ids doesn't, and neither is it told any "
    "here; with them it gives other scores."
)
_PLACED = (
    "generate() tells the model where each token stands, from 0, and so is it told here; a call on token ids alone "
    "gives other scores."
)


@dataclass(frozen=True, eq=False)
class Conventions:
    """The way a model is called.

    Attributes:
        model: The model.
        called: The module that its user calls: the model itself, or a wrapper around it.
        tokenizer: The user's tokenizer, of transformers or of the tokenizers library.
        passes_token_types: True if the model is given token type ids.
        passes_positions: True if it is given position ids.
        fails_on_pairs: True if a plain call on two texts ends in an error.
        remarks_on_pairs: Remarks on inputs of two texts.
        remarks_on_all: Remarks on every input.
    """

    model: nn.Module = field(repr=False)
    called: nn.Module = field(repr=False)
    tokenizer: Any = field(repr=False)
    passes_token_types: bool
    fails_on_pairs: bool = False
    remarks_on_pairs: tuple[str, ...] = ()
    remarks_on_all: tuple[str, ...] = ()
    passes_positions: bool = False

    @classmethod
    def of_module(cls, model: nn.Module, tokenizer: Tokenizer) -> "Conventions":
        """Conventions of a module with a plain tokenizer: token types are passed if the module takes them."""
        passes = takes(model, "token_type_ids") and _has_token_type(model, max(_types(tokenizer)))
        return cls(model, model, tokenizer, passes)

    @classmethod
    def of_transformers(cls, model: nn.Module, tokenizer: Any, called: nn.Module) -> "Conventions":
        """Conventions of `model(**tokenizer(text, second))`.

        Args:
            model: A transformers model.
            tokenizer: A transformers tokenizer.
            called: The module that the user calls: the model itself, or a wrapper.
        """
        backend = getattr(tokenizer, "backend_tokenizer", None)  # Marian's has none
        if backend is None or not takes(model, "token_type_ids"):
            return cls(model, called, tokenizer, False)
        highest = max(_types(backend))
        if "token_type_ids" not in tokenizer.model_input_names:
            said = (_UNTOLD,) if highest and _has_token_type(model, highest) else ()
            return cls(model, called, tokenizer, False, remarks_on_pairs=said)
        if not _has_token_type(model, highest):
            known = model.config.type_vocab_size  # type: ignore[union-attr]
            said = (_UNKNOWN.format(type=highest, known=known),)
            return cls(model, called, tokenizer, False, fails_on_pairs=True, remarks_on_pairs=said)
        return cls(model, called, tokenizer, True, remarks_on_all=(_HEARD,) if _uses_token_types(model) else ())

    @property
    def without_token_types(self) -> "Conventions":
        """The same without token types, for models that are called without them."""
        said = (_NOT_HEARD,) if self.remarks_on_all else ()
        return replace(self, passes_token_types=False, fails_on_pairs=False, remarks_on_pairs=(), remarks_on_all=said)

    @property
    def as_generated(self) -> "Conventions":
        """Conventions of `generate`, which passes position ids but no token types.

        RoBERTa and models like it don't count positions from 0 by default, so `generate` gives other scores than a
        plain call.
        """
        untyped = self.without_token_types
        if not (hasattr(self.model, "generate") and takes(self.model, "position_ids") and _uses_positions(self.model)):
            return untyped
        return replace(untyped, passes_positions=True, remarks_on_all=(*untyped.remarks_on_all, _PLACED))

    def fails_on(self, texts: int) -> bool:
        """Returns whether a plain call on this number of texts ends in an error."""
        return texts > 1 and self.fails_on_pairs

    def read(self, texts: Sequence[str], cut: dict[str, Any]) -> dict[str, Int[Tensor, "1 token"]]:
        """Tokenizes texts with the user's tokenizer and keeps the inputs that the model takes.

        Args:
            texts: One or two texts.
            cut: Truncation options of transformers' tokenizers.
        """
        if isinstance(self.tokenizer, Tokenizer):
            encoding = self.tokenizer.encode(texts[0], texts[1] if len(texts) > 1 else None)
            kept = slice(cut.get("max_length"))
            found = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask}
            found |= {"token_type_ids": encoding.type_ids} if self.passes_token_types else {}
            read = {name: torch.tensor([numbers[kept]]) for name, numbers in found.items()}
        else:
            read = dict(self.tokenizer(*texts, return_tensors="pt", **cut))
        return {name: value for name, value in read.items() if takes(self.model, name)}

    def remarks(self, texts: int) -> tuple[str, ...]:
        """Remarks on an input of this number of texts."""
        return (*self.remarks_on_all, *(self.remarks_on_pairs if texts > 1 else ()))


def takes(model: nn.Module, name: str) -> bool:
    """Returns whether a model's `forward` has an argument of this name."""
    return name in inspect.signature(model.forward).parameters


def joins_texts(tokenizer: Tokenizer) -> bool:
    """Returns whether a tokenizer puts a special token between two texts.

    Args:
        tokenizer: A tokenizer without padding and truncation.
    """
    found = _pair(tokenizer)
    if found is None or 1 not in found.sequence_ids:
        return False
    return found.special_tokens_mask[found.sequence_ids.index(1) - 1] == 1


def _pair(tokenizer: Tokenizer) -> Encoding | None:
    """Encodes two letters as a pair; `None` if the tokenizer fails on letters, as it will on real texts."""
    try:
        with refusing("it can't read letters"), without_panic_report():
            return tokenizer.encode("a", "b")
    except InputError:
        return None


def _types(tokenizer: Tokenizer) -> list[int]:
    found = _pair(tokenizer)
    return [0] if found is None or not found.type_ids else list(found.type_ids)


def _has_token_type(model: nn.Module, kind: int) -> bool:
    """True if a model has an embedding for this token type, or doesn't say how many it has."""
    known = getattr(getattr(model, "config", None), "type_vocab_size", None)
    return not isinstance(known, int) or known == 0 or kind < known


def _uses_token_types(model: nn.Module) -> bool:
    """True if token types of 0 change a model's output, as when it looks them up in its token embeddings."""
    return _is_changed_by(model, "token_type_ids", torch.zeros_like)


def _uses_positions(model: nn.Module) -> bool:
    """True if position ids from 0 on change a model's output; False if it takes none of this shape."""
    try:
        return _is_changed_by(model, "position_ids", positions_of)
    except Exception:  # multimodal models take three numbers for each position, others fail otherwise
        return False


def positions_of(ids: Int[Tensor, "batch token"]) -> Int[Tensor, "batch token"]:
    """Position ids of a text's tokens, from 0."""
    return torch.arange(ids.shape[1], device=ids.device).expand(len(ids), -1)


def _is_changed_by(model: nn.Module, name: str, told: Callable[[Tensor], Tensor]) -> bool:
    """True if a further input changes a model's output."""
    ids = some_ids(model.get_input_embeddings().weight)  # type: ignore[operator]
    with torch.no_grad(), evaluating(model):
        one, other = (numbers_in(model(input_ids=ids, **more)) for more in ({name: told(ids)}, {}))
    return not all(torch.allclose(*pair, rtol=1e-4, atol=1e-5) for pair in zip(one, other, strict=True))


def numbers_in(output: Any) -> list[Tensor]:
    """Floating-point tensors in a model's output, which is a mapping, a tuple or one tensor."""
    values = output.values() if isinstance(output, dict) else output if isinstance(output, tuple) else (output,)
    return [value for value in values if isinstance(value, Tensor) and value.is_floating_point()]
