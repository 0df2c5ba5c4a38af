"""Unique names for the tokens of a vocabulary, based on their text."""

from collections.abc import Sequence
from functools import cached_property

from tokenizers import Tokenizer


class TokenLabels:
    """Names of the tokens of a vocabulary; no two tokens have the same one.

    The id is added to a part of a character and to a text that an earlier token has: "A (#68)". A token without a text
    is named by its id: "#1663".
    """

    def __init__(self, texts: Sequence[str], count: int | None = None) -> None:
        """Makes the texts of tokens unique.

        Args:
            texts: Text of each token, from id 0 on, with its leading space.
            count: Number of tokens that the model knows; by default, one for each text.
        """
        self.names = distinct(texts)
        self.count = len(self.names) if count is None else count

    @classmethod
    def of(cls, tokenizer: Tokenizer, count: int) -> "TokenLabels":
        """Names of the first `count` tokens of a tokenizer."""
        return cls(decoded_tokens(tokenizer, count))

    def __getitem__(self, index: int) -> str:
        return self.names[index] if index < len(self.names) else f"#{index}"

    def find(self, name: str) -> int | None:
        """Id of a token by its text; `None` if no single token has it.

        A word without a space in front is taken to be a whole word, " mat" rather than the "mat" of "doormat", if there
        is such a token. `#1663` is the token with that id.

        Args:
            name: The user's name for it.
        """
        spaced = (f" {name}", name) if name[:1].isalnum() else (name, f" {name}")
        for candidate in (name,) if name[:1].isspace() else spaced:
            if candidate in self._numbers:
                return self._numbers[candidate]
        number = name.removeprefix("#")
        return int(number) if name.startswith("#") and number.isdecimal() and int(number) < self.count else None

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.names)}


def decoded_tokens(tokenizer: Tokenizer, count: int) -> list[str]:
    """Decodes each token, with its leading space; uses its vocabulary entry if that is empty.

    Args:
        tokenizer: Tokenizer of the vocabulary.
        count: Number of tokens, from id 0 on.
    """
    # Decoded after another token, because some tokenizers drop the leading space of a text's first token.
    before = tokenizer.encode("a", add_special_tokens=False).ids[-1:]
    start = len(tokenizer.decode(before, skip_special_tokens=False))
    texts = tokenizer.decode_batch([[*before, index] for index in range(count)], skip_special_tokens=False)
    return [text[start:] or tokenizer.id_to_token(index) or "" for index, text in enumerate(texts)]


def distinct(texts: Sequence[str]) -> list[str]:
    """Makes texts unique: adds the id to a part of a character and to a repeated text, as in "A (#68)"."""
    labels: list[str] = []
    known: set[str] = set()
    for index, text in enumerate(texts):
        labels.append(f"{text} (#{index})" if not text or "\ufffd" in text or text in known else text)
        known.add(text)
    return labels
