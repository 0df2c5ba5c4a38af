"""Length: longer words first, whatever they say."""

from analyses.explanations.attribution import Attribution
from interpret.errors import CaptureError
from interpret.subjects.inputs.example import Example


def longer_first(example: Example) -> Attribution:
    """Ranks words by their number of characters, the longest highest.

    Long words tend to be the rare ones that carry content, so this order is often better than chance.

    Args:
        example: The text.

    Returns:
        Unsigned scores in characters; words of the same length are ranked in the order of the text.

    Raises:
        CaptureError: The input is an image, whose patches are all of one size.

    Source: Zipf (1935), The Psycho-Biology of Language: the length of a word falls with its frequency.

    Example:
        >>> example = interpret.load().encode("Slow at first, then wonderful.")
        >>> longer_first(example).scores.tolist()
        [4.0, 2.0, 5.0, 1.0, 4.0, 9.0, 1.0]
    """
    if example.unit_kind == "patch":
        raise CaptureError(
            "words are ranked by their length, and the patches of an image are all of one size; choose another "
            'baseline, such as "baseline: random order"'
        )
    lengths = [unit.end - unit.start for unit in example.units]
    return Attribution.from_scores("baseline: longer first", example, lengths, family="baseline", signed=False)
