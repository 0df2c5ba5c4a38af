"""Models that generate an image token by token after a text, as DALL-E does."""

from dataclasses import replace
from typing import Any

import torch
from tokenizers import Encoding, Tokenizer

from interpret.errors import InputError
from interpret.subjects.inputs.continuation import Continuation
from interpret.subjects.inputs.example import Example, Part, Unit
from interpret.subjects.models.wrapped import WrappedModule
from interpret.subjects.tasks.own_module import OwnLanguageModel


class ImageTokenModel(OwnLanguageModel):
    """A causal model over the tokens of a text and then of an image, row by row; the decision is the next token.

    The image tokens so far are given as a second text of ids: "12 7 7 31". Each is a unit, and together they form a
    part of the example with columns, which reports show as a grid.

    Source: Ramesh et al. (2021), Zero-shot text-to-image generation, arXiv:2102.12092, section 2.

    Attributes:
        rows: Rows of image tokens.
        columns: Columns of image tokens.
    """

    second_text = "image"
    part_names = ("text", "image")

    def __init__(
        self, name: str, model: WrappedModule, tokenizer: Tokenizer, *, grid: tuple[int, int], **options: Any
    ) -> None:
        super().__init__(name, model, tokenizer, **options)
        self.rows, self.columns = grid

    def encode_one(self, text: str, second: str | None = None, *, truncate: bool = False, **chat: Any) -> Example:
        """Turns a text and the image tokens generated so far into the model's input.

        Args:
            text: The text.
            second: Ids of image tokens, row by row, as the model numbers them; `None` before the first.
            truncate: Whether to cut a text that is too long by itself.
            chat: Chat options, as in `NextToken.encode_one`.

        Raises:
            InputError: As for other texts; or an image token isn't an id that the model knows, or the image is full.
        """
        written = super().encode_one(text, truncate=truncate, **chat)
        if second is None:
            return written
        places = _numbers(second)
        ids = [int(second[start:stop]) for start, stop in places]
        first, shift = len(written.ids), len(written.text) + 1
        if not 0 < len(ids) < self.rows * self.columns:
            raise InputError(
                f"{self.name} writes images of {self.rows} x {self.columns} tokens, and says what follows 1 to "
                f"{self.rows * self.columns - 1} of them, not {len(ids)}; leave them out for the first"
            )
        if max(ids) >= self._vocabulary:
            raise InputError(f"the tokens of {self.name} are numbers from 0 to {self._vocabulary - 1}, not {max(ids)}")
        self._require_room(first + len(ids), "the text and its image have")
        spans = [(start + shift, stop + shift) for start, stop in places]
        cells = tuple(
            Unit(f"row {index // self.columns + 1}, column {index % self.columns + 1}", (first + index,), start, stop)
            for index, (start, stop) in enumerate(spans)
        )
        return replace(
            written,
            text=f"{written.text}\n{second}",
            ids=torch.cat([written.ids, torch.tensor(ids)]),
            tokens=(*written.tokens, *(f"#{number}" for number in ids)),
            units=(*written.units, *cells),
            spans=(*written.spans, *spans),
            parts=(Part("text", 0, first), Part("image", first, first + len(ids), columns=self.columns)),
            texts=(),
        )

    def continuation(self, text: str, second: str | None = None, **options: Any) -> Continuation:
        """Raises an error, because an image is explained one token at a time.

        Raises:
            InputError: Always; the message says how to explain one token after the other.
        """
        raise InputError(
            f"{self.name} writes an image, which is explained one token at a time; give the image tokens before the "
            "one that is explained as the second text"
        )

    def _kept(self, encoding: Encoding) -> int:
        """Number of all tokens, because special tokens after the text separate it from the image."""
        return len(encoding.ids)


def _numbers(text: str) -> list[tuple[int, int]]:
    """First character of each number and one past its last."""
    places, start = [], 0
    for piece in text.split():
        if not (piece.isascii() and piece.isdecimal()):
            raise InputError(f"image tokens are given by their numbers, such as '12 7 7 31', not by {piece!r}")
        start = text.index(piece, start)
        places.append((start, start + len(piece)))
        start += len(piece)
    return places
