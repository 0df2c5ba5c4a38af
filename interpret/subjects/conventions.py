"""How a model is called by its user: with which tokenizer, and whether that tells it types of tokens."""

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
from interpret.subjects.subject import some_ids
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
    """How a model is called.

    Attributes:
        model: The model.
        called: What its user calls: the model itself, or what is wrapped around it.
        tokenizer: Of transformers, as the user has it, or one of the tokenizers library.
        tells_types: Whether the model is told the type of each token.
        tells_positions: Whether it is told the position of each.
        fails_on_pairs: Whether a plain call on two texts ends in an error.
        of_pairs: What has to be said of inputs of two texts.
        of_all: What has to be said of every input.
    """

    model: nn.Module = field(repr=False)
    called: nn.Module = field(repr=False)
    tokenizer: Any = field(repr=False)
    tells_types: bool
    fails_on_pairs: bool = False
    of_pairs: tuple[str, ...] = ()
    of_all: tuple[str, ...] = ()
    tells_positions: bool = False

    @classmethod
    def of_module(cls, model: nn.Module, tokenizer: Tokenizer) -> "Conventions":
        """Of a module with a tokenizer that says nothing of models: it is told types if it takes them."""
        return cls(model, model, tokenizer, takes(model, "token_type_ids") and _knows(model, max(_types(tokenizer))))

    @classmethod
    def of_transformers(cls, model: nn.Module, tokenizer: Any, called: nn.Module) -> "Conventions":
        """As a call of `model(**tokenizer(text, second))` goes.

        Args:
            model: Of transformers.
            tokenizer: Of transformers.
            called: What the user calls; the model itself, or a wrapper.
        """
        backend = getattr(tokenizer, "backend_tokenizer", None)  # Marian's has none
        if backend is None or not takes(model, "token_type_ids"):
            return cls(model, called, tokenizer, False)
        highest = max(_types(backend))
        if "token_type_ids" not in tokenizer.model_input_names:
            return cls(
                model, called, tokenizer, False, of_pairs=(_UNTOLD,) if highest and _knows(model, highest) else ()
            )
        if not _knows(model, highest):
            known = model.config.type_vocab_size  # type: ignore[union-attr]
            said = _UNKNOWN.format(type=highest, known=known)
            return cls(model, called, tokenizer, False, fails_on_pairs=True, of_pairs=(said,))
        return cls(model, called, tokenizer, True, of_all=(_HEARD,) if _hears_types(model) else ())

    @property
    def without_types(self) -> "Conventions":
        """The same without types of tokens, for those whom nobody tells them."""
        said = (_NOT_HEARD,) if self.of_all else ()
        return replace(self, tells_types=False, fails_on_pairs=False, of_pairs=(), of_all=said)

    @property
    def as_written(self) -> "Conventions":
        """The same as `generate` calls a model that writes: it tells no types of tokens, but where each stands.

        RoBERTa and its kin count from another number than 0 where nobody says, so they write otherwise than they
        answer.
        """
        untyped = self.without_types
        if not (hasattr(self.model, "generate") and takes(self.model, "position_ids") and _hears_positions(self.model)):
            return untyped
        return replace(untyped, tells_positions=True, of_all=(*untyped.of_all, _PLACED))

    def fails_on(self, texts: int) -> bool:
        """Whether a plain call on so many texts ends in an error."""
        return texts > 1 and self.fails_on_pairs

    def read(self, texts: Sequence[str], cut: dict[str, Any]) -> dict[str, Int[Tensor, "1 token"]]:
        """What the user's tokenizer gives the model of texts, as far as the model takes it.

        Args:
            texts: One or two.
            cut: Options of transformers' tokenizers that say how long a text may be.
        """
        if isinstance(self.tokenizer, Tokenizer):
            encoding = self.tokenizer.encode(texts[0], texts[1] if len(texts) > 1 else None)
            kept = slice(cut.get("max_length"))
            found = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask}
            found |= {"token_type_ids": encoding.type_ids} if self.tells_types else {}
            read = {name: torch.tensor([numbers[kept]]) for name, numbers in found.items()}
        else:
            read = dict(self.tokenizer(*texts, return_tensors="pt", **cut))
        return {name: value for name, value in read.items() if takes(self.model, name)}

    def remarks(self, texts: int) -> tuple[str, ...]:
        """What has to be said of an input of so many texts."""
        return (*self.of_all, *(self.of_pairs if texts > 1 else ()))


def takes(model: nn.Module, name: str) -> bool:
    """Whether a model's `forward` names an argument."""
    return name in inspect.signature(model.forward).parameters


def joins_texts(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer says how two texts are joined: with a special token between them.

    Args:
        tokenizer: Without padding and truncation.
    """
    found = _pair(tokenizer)
    if found is None or 1 not in found.sequence_ids:
        return False
    return found.special_tokens_mask[found.sequence_ids.index(1) - 1] == 1


def _pair(tokenizer: Tokenizer) -> Encoding | None:
    """Two letters as a tokenizer joins them; `None` where it can't read letters, which it will say of real texts."""
    try:
        with refusing("it can't read letters"), without_panic_report():
            return tokenizer.encode("a", "b")
    except InputError:
        return None


def _types(tokenizer: Tokenizer) -> list[int]:
    found = _pair(tokenizer)
    return [0] if found is None or not found.type_ids else list(found.type_ids)


def _knows(model: nn.Module, kind: int) -> bool:
    """Whether a model has a vector for tokens of a type; models that don't say how many have one, or need none."""
    known = getattr(getattr(model, "config", None), "type_vocab_size", None)
    return not isinstance(known, int) or known == 0 or kind < known


def _hears_types(model: nn.Module) -> bool:
    """Whether types of 0 change what a model answers, as where it looks them up among its words."""
    return _hears(model, "token_type_ids", torch.zeros_like)


def _hears_positions(model: nn.Module) -> bool:
    """Whether positions from 0 on change what a model answers; not where it takes none of this shape."""
    try:
        return _hears(model, "position_ids", positions_of)
    except Exception:  # models of texts and images take three numbers of each position, and whatever else
        return False


def positions_of(ids: Int[Tensor, "batch token"]) -> Int[Tensor, "batch token"]:
    """Where each token of a text stands, from 0."""
    return torch.arange(ids.shape[1], device=ids.device).expand(len(ids), -1)


def _hears(model: nn.Module, name: str, told: Callable[[Tensor], Tensor]) -> bool:
    """Whether something that a model is told beside its tokens changes what it answers."""
    ids = some_ids(model.get_input_embeddings().weight)  # type: ignore[operator]
    with torch.no_grad(), evaluating(model):
        one, other = (numbers_in(model(input_ids=ids, **more)) for more in ({name: told(ids)}, {}))
    return not all(torch.allclose(*pair, rtol=1e-4, atol=1e-5) for pair in zip(one, other, strict=True))


def numbers_in(output: Any) -> list[Tensor]:
    """What a model answers, as far as it is tensors of numbers: a mapping of them, a tuple, or one."""
    values = output.values() if isinstance(output, dict) else output if isinstance(output, tuple) else (output,)
    return [value for value in values if isinstance(value, Tensor) and value.is_floating_point()]
