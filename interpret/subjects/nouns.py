"""Nouns for what is ranked: words of a text, or patches of an image."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Nouns:
    """Names of the units of an input and of what belongs to it, for sentences about either kind.

    Attributes:
        one: One unit.
        many: Several units.
        whole: The input.
        wholes: Several inputs.
        a_whole: One input, with its article.
        size: Extent of an input.
        piece: What one position of the model stands for.
        blank: The input that has nothing in it, where the path of integrated gradients begins.
        added: What models add to an input.
    """

    one: str
    many: str
    whole: str
    wholes: str
    a_whole: str
    size: str
    piece: str
    blank: str
    added: str

    def say(self, sentence: str) -> str:
        """Fills nouns into a sentence: "{many}" for `many`, "{Many}" at its beginning. Other braces stay as they are.

        Say a sentence before the user's own texts are put into it.
        """
        for name, noun in asdict(self).items():
            sentence = sentence.replace(f"{{{name}}}", noun)
            sentence = sentence.replace(f"{{{name.capitalize()}}}", f"{noun[0].upper()}{noun[1:]}")
        return sentence


WORDS = Nouns(
    one="word",
    many="words",
    whole="text",
    wholes="texts",
    a_whole="a text",
    size="length",
    piece="piece of a word",
    blank="a text without words",
    added="marks of their own to a text, such as a start or an end mark",
)
PATCHES = Nouns(
    one="patch",
    many="patches",
    whole="image",
    wholes="images",
    a_whole="an image",
    size="size",
    piece="patch",
    blank="a plain image in the mean colour of the model’s data",
    added="positions of their own to an image, such as a class token or registers",
)


def nouns_of(unit_kind: str) -> Nouns:
    """Nouns for units of a kind: "word", "token" (a text's all the same) or "patch"."""
    return PATCHES if unit_kind == "patch" else WORDS
