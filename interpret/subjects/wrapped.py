"""A user's own module, called as the models of this project are: by token ids, or by vectors in their place."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from interpret.errors import InputError

Inputs = Callable[[Tensor], Any]
"""From token ids to what a module is called with: a mapping of names, a tuple, or one thing."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a wrapped module answers.

    Attributes:
        logits: Its scores: `[batch, label]`, or `[batch, token, label]` of what may follow each position.
    """

    logits: Float[Tensor, "batch *token label"]


def wrapped(module: nn.Module, inputs: Inputs | None = None) -> "WrappedModule":
    """The module in a class of its own name, which is what errors and reports call it.

    Args:
        module: The user's.
        inputs: What it is called with; by default the ids alone.
    """
    named: type[WrappedModule] = type(type(module).__name__, (WrappedModule,), {})
    return named(module, inputs).eval()


class WrappedModule(nn.Module):
    """A module that reads token ids, whose own code looks them up in one `nn.Embedding`; made by `wrapped`.

    Vectors in the place of ids are what that embedding answers while the module runs; the ids are given to it as well,
    for the masks that it makes of them.

    Args:
        module: The user's.
        inputs: What it is called with; by default the ids alone.
    """

    def __init__(self, module: nn.Module, inputs: Inputs | None = None) -> None:
        super().__init__()
        self.module = module
        self._inputs = inputs or (lambda ids: (ids,))
        self._embedding: list[nn.Embedding] = []  # a list, so that its weights have no second name
        self._is_turned = False

    def find_embedding(self, name: str, ids: Int[Tensor, "batch token"]) -> None:
        """Runs the module once, to see which embedding is given the ids, or the ids with the batch last.

        Args:
            name: What the user called the module.
            ids: Of several texts, as many as no text has tokens.

        Raises:
            InputError: There is none, or several.
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
        """The table of token vectors."""
        return self._embedding[0]

    def forward(
        self, input_ids: Int[Tensor, "batch token"], inputs_embeds: Float[Tensor, "batch token hidden"] | None = None
    ) -> Answer:
        """Runs the module.

        Args:
            input_ids: Token ids, special tokens included.
            inputs_embeds: Token vectors that are read in their place.
        """
        given = self._inputs(input_ids)
        with self._reading(inputs_embeds):
            if isinstance(given, Mapping):
                answer = self.module(**given)
            else:
                answer = self.module(*given) if isinstance(given, tuple) else self.module(given)
        logits = getattr(answer, "logits", answer)
        if not isinstance(logits, Tensor) or logits.ndim not in (2, 3) or not logits.is_floating_point():
            came = f"a tensor of shape {list(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
            raise InputError(
                f"{type(self.module).__name__} must answer with scores of the shape [batch, label], or [batch, token, "
                f"label] for text-generation (a tensor, or something that has it as .logits), and came {came}"
            )
        return Answer(logits)

    @contextmanager
    def _reading(self, vectors: Tensor | None) -> Iterator[None]:
        if vectors is None:
            yield
            return
        turned = vectors.transpose(0, 1) if self._is_turned else vectors
        handle = self._embedding[0].register_forward_hook(lambda *_: turned)
        try:
            yield
        finally:
            handle.remove()
