"""Wrapper that calls a user's own module with token ids or with embeddings in their place."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpret.errors import InputError
from interpret.subjects.models.embeddings import replaced_embeddings

Inputs = Callable[[Tensor], Any]
"""From token ids to what a module is called with: a mapping of names, a tuple, or one thing."""

_IDS = "input_ids"
_MASK = "attention_mask"
_TYPES = ("token_type_ids", "token_types", "type_ids", "segment_ids", "segments")


@dataclass(frozen=True, eq=False)
class Answer:
    """Output of a wrapped module.

    Attributes:
        logits: Its logits: `[batch, label]`, or next-token logits `[batch, token, label]`.
    """

    logits: Float[Tensor, "batch *token label"]


def wrapped(module: nn.Module, inputs: Inputs | None = None) -> "WrappedModule":
    """Wraps a module in a class with the module's own class name, for errors and reports.

    Args:
        module: The user's module.
        inputs: Makes its arguments from token ids; by default they follow the names in its `forward`.
    """
    named: type[WrappedModule] = type(type(module).__name__, (WrappedModule,), {})
    return named(module, inputs)


class WrappedModule(nn.Module):
    """A user's module that looks token ids up in one `nn.Embedding`; made by `wrapped`.

    Given embeddings replace the output of that layer while the module runs; the module still gets the ids, because it
    may make masks from them. A `forward` that names `input_ids`, or takes any name, is called by names, as in
    `module(**tokenizer(text))`; any other gets the ids as its first argument. Token types and an attention mask are
    passed if `forward` names them.

    Args:
        module: The user's module.
        inputs: Makes its arguments from token ids instead.
    """

    def __init__(self, module: nn.Module, inputs: Inputs | None = None) -> None:
        super().__init__()
        super().train(module.training)  # the wrapped module stays in its own mode
        self.module = module
        self._inputs = inputs
        named = inspect.signature(module.forward).parameters
        takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in named.values())
        self._by_name = _IDS in named or takes_all
        self.types_name = next((name for name in _TYPES if name in named), _TYPES[0] if takes_all else None)
        self._takes_mask = _MASK in named or takes_all
        self._embedding: list[nn.Embedding] = []  # a list, so that its weights have no second name
        self._is_turned = False

    def find_embedding(self, name: str, ids: Int[Tensor, "batch token"]) -> None:
        """Runs the module once, to find the embedding that looks up the ids, or the ids with the batch last.

        Args:
            name: The user's name for the module.
            ids: Ids of several texts, whose number differs from their length, so that the axes can be told apart.

        Raises:
            InputError: There is no such embedding, or several.
        """
        seen: list[tuple[str, nn.Embedding, bool]] = []

        def look(key: str) -> Callable[[nn.Embedding, tuple[Any, ...]], None]:
            def hook(embedding: nn.Embedding, args: tuple[Any, ...]) -> None:
                for is_turned, wanted in ((False, ids), (True, ids.T)):
                    if args and torch.equal(args[0], wanted):
                        seen.append((key, embedding, is_turned))

            return hook

        with ExitStack() as stack, torch.no_grad():
            for key, module in self.module.named_modules():
                if isinstance(module, nn.Embedding):
                    stack.callback(module.register_forward_pre_hook(look(key)).remove)
            self(ids)
        if not seen:
            raise InputError(
                f"{name} has no nn.Embedding that its token ids go into as they are, and gradients are taken with "
                "respect to the vectors that one gives; look the ids up in an nn.Embedding, and let the tokenizer add "
                "special tokens"
            )
        if len(seen) > 1:
            raise InputError(
                f"the token ids of {name} go into an nn.Embedding {len(seen)} times "
                f"({', '.join(key or 'itself' for key, _, _ in seen)}), and gradients are taken with respect to the "
                "vectors that it gives once; look the ids up once, in one nn.Embedding, and share or split its vectors"
            )
        _, embedding, self._is_turned = seen[0]
        self._embedding = [embedding]

    def get_input_embeddings(self) -> nn.Embedding:
        """Token embedding layer."""
        return self._embedding[0]

    def forward(
        self,
        input_ids: Int[Tensor, "batch token"],
        inputs_embeds: Float[Tensor, "batch token hidden"] | None = None,
        token_type_ids: Int[Tensor, "batch token"] | None = None,
        attention_mask: Int[Tensor, "batch token"] | None = None,
    ) -> Answer:
        """Runs the module.

        Args:
            input_ids: Token ids, special tokens included.
            inputs_embeds: Token embeddings that replace the ids' own.
            token_type_ids: Types of the tokens, for modules that take them.
            attention_mask: 1 for tokens that aren't padding, for modules that take it; by default all.
        """
        args, kwargs = self._asked(input_ids, token_type_ids, attention_mask)
        with self._reading(inputs_embeds):
            answer = self.module(*args, **kwargs)
        return Answer(_scores(type(self.module).__name__, answer))

    def _asked(self, ids: Tensor, types: Tensor | None, mask: Tensor | None) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Positional and keyword arguments of the module."""
        if self._inputs is not None:
            given = self._inputs(ids)
            if isinstance(given, Mapping):
                return (), dict(given)
            return given if isinstance(given, tuple) else (given,), {}
        told: dict[str, Any] = {}
        if self._takes_mask:
            told[_MASK] = torch.ones_like(ids) if mask is None else mask
        if self.types_name is not None and types is not None:
            told[self.types_name] = types
        return ((), {_IDS: ids, **told}) if self._by_name else ((ids,), told)

    @contextmanager
    def _reading(self, vectors: Tensor | None) -> Iterator[None]:
        if vectors is None:
            yield
            return
        with replaced_embeddings(self._embedding[0], vectors.transpose(0, 1) if self._is_turned else vectors):
            yield


def _scores(name: str, answer: Any) -> Float[Tensor, "batch *token label"]:
    """Logits in a module's output: the entry named so, or the only entry of a tuple that could be logits."""
    found = answer.get("logits", answer) if isinstance(answer, Mapping) else getattr(answer, "logits", answer)
    if isinstance(found, tuple | list):
        possible = [each for each in found if _could_be_scores(each)]
        found = found[0] if found and _could_be_scores(found[0]) else possible[0] if len(possible) == 1 else found
    if not _could_be_scores(found):
        came = f"a tensor of shape {list(found.shape)}" if isinstance(found, Tensor) else type(found).__name__
        raise InputError(
            f"{name} must answer with scores of the shape [batch, label], or [batch, token, label] for text-generation "
            f"(a tensor, something that has it as .logits, or a tuple that begins with it), and came {came}"
        )
    scores: Tensor = found
    return scores


def _could_be_scores(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim in (2, 3) and value.is_floating_point()
