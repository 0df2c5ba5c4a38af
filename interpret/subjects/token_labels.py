"""Names for the tokens of a vocabulary, each as it would stand in a text, no two alike."""

from collections.abc import Mapping, Sequence

from tokenizers import Tokenizer


def decoded_tokens(tokenizer: Tokenizer, count: int) -> list[str]:
    """Each token's text with its leading space; its name where it has none.

    Args:
        tokenizer: Of the vocabulary.
        count: How many tokens, from number 0 on.
    """
    # Decoded after another token, for the first token of a text loses its leading space in some tokenizers.
    before = tokenizer.encode("a", add_special_tokens=False).ids[-1:]
    start = len(tokenizer.decode(before, skip_special_tokens=False))
    texts = tokenizer.decode_batch([[*before, index] for index in range(count)], skip_special_tokens=False)
    return [text[start:] or tokenizer.id_to_token(index) or "" for index, text in enumerate(texts)]


def distinct(texts: Sequence[str]) -> list[str]:
    """The texts; one that is a part of a character, or reads like one before it, has its number added: "A (#68)"."""
    labels: list[str] = []
    known: set[str] = set()
    for index, text in enumerate(texts):
        labels.append(f"{text} (#{index})" if not text or "\ufffd" in text or text in known else text)
        known.add(text)
    return labels


def find_token(name: str, numbers: Mapping[str, int], count: int) -> int | None:
    """Number of a token by its text; `None` where no single token has it.

    A word without a space in front is taken to be a word of its own, " mat" rather than the "mat" of "doormat", if
    there is such a token. `#1663` is the token of that number.

    Args:
        name: What the user called it.
        numbers: Of all labels.
        count: How many tokens there are.
    """
    spaced = (f" {name}", name) if name[:1].isalnum() else (name, f" {name}")
    for candidate in (name,) if name[:1].isspace() else spaced:
        if candidate in numbers:
            return numbers[candidate]
    number = name.removeprefix("#")
    return int(number) if name.startswith("#") and number.isdecimal() and int(number) < count else None
