"""Targets of encoder-decoder models: their tokens, what starts them, and what their tokens are called."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from jaxtyping import Int
from torch import Tensor, nn

from interpret.errors import InputError
from interpret.subjects.inputs.text_example import require_text
from interpret.subjects.models.greedy import generated
from interpret.subjects.models.languages import first_token_of, forced_language, require_target_language
from interpret.subjects.token_labels import TokenLabels
from interpret.system.refusals import refusing

LONGEST_TARGET = 128  # tokens that are generated if no target is given


class TargetTexts:
    """Targets that a model writes, or is given.

    Attributes:
        tokenizer: Transformers' own tokenizer, which turns targets into ids and back.
        language: Code of the target language; `None` leaves it to the model's settings.
        longest: Most tokens that the decoder has positions for; `None` without a limit.
    """

    def __init__(
        self, name: str, model: nn.Module, tokenizer: Any, *, language: str | None, longest: int | None
    ) -> None:
        self.tokenizer = tokenizer
        self.language = language
        # In a few models the decoder has another number of positions than the encoder.
        self.longest: int | None = getattr(model.config, "max_decoder_position_embeddings", longest)
        self._name = name
        self._model = model

    def given(self, text: str) -> list[int]:
        """Token ids of a given target.

        Raises:
            InputError: It is empty or too long, or its language isn't known.
        """
        require_text(text, "target")
        require_target_language(self._name, self.tokenizer)
        with refusing(f"the tokenizer of {self._name} fails on this target"):
            target: list[int] = self.tokenizer(text_target=text).input_ids[: None if self._code is None else -1]
        if self.longest is not None and len(target) > self.longest:
            raise InputError(
                f"the target has {len(target)} tokens, more than the {self.longest} that {self._name} writes"
            )
        return target

    def written(self, source: Int[Tensor, "1 source"], most: int | None) -> list[int]:
        """Token ids of the target that the model generates.

        Args:
            source: Token ids of the source.
            most: Maximum number of tokens.
        """
        room = self.longest and self.longest - 1
        most = min(each for each in (most or LONGEST_TARGET, room) if each is not None)
        found = generated(self._model, source, most, **forced_language(self.tokenizer, self.language))
        return [int(each) for each in found.sequences[0, 1:]]

    def text(self, ids: Sequence[int]) -> str:
        """Text of some tokens."""
        return "".join(self.labels[each] for each in ids).strip()

    def pieces_before(self, target: Sequence[int]) -> list[str]:
        """Text of each token of the decoder's input: what starts it, and some tokens of the target."""
        return [self.tokenizer.convert_ids_to_tokens(self.start), *(self.labels[each].strip() for each in target)]

    @property
    def start(self) -> int:
        """Id of the decoder's start token."""
        if self._code is not None:
            return self._code
        said: int | None = self._model.generation_config.decoder_start_token_id  # type: ignore[union-attr, assignment]
        start: int = self._model.config.decoder_start_token_id if said is None else said  # type: ignore[union-attr, assignment]
        return start

    @cached_property
    def labels(self) -> TokenLabels:
        """Names of the tokens of the target's vocabulary."""
        count: int = self._model.get_output_embeddings().weight.shape[0]  # type: ignore[operator]
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is not None:
            return TokenLabels.of(backend, count)
        pieces = self.tokenizer.convert_ids_to_tokens(range(count))
        return TokenLabels([str(piece).replace("▁", " ") for piece in pieces])

    @cached_property
    def _code(self) -> int | None:
        """Id of the language code that starts the decoder, if there is one."""
        return first_token_of(self.tokenizer)
