"""Unique names for the tokens of a vocabulary, based on their text."""

from collections.abc import Mapping, Sequence

from tokenizers import Tokenizer


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


def find_token(name: str, numbers: Mapping[str, int], count: int) -> int | None:
    """Id of a token by its text; `None` if no single token has it.

    A word without a space in front is taken to be a whole word, " mat" rather than the "mat" of "doormat", if there is
    such a token. `#1663` is the token with that id.

    Args:
        name: The user's name for it.
        numbers: Ids by label.
        count: Number of tokens.
    """
    spaced = (f" {name}", name) if name[:1].isalnum() else (name, f" {name}")
    for candidate in (name,) if name[:1].isspace() else spaced:
        if candidate in numbers:
            return numbers[candidate]
    number = name.removeprefix("#")
    return int(number) if name.startswith("#") and number.isdecimal() and int(number) < count else None
