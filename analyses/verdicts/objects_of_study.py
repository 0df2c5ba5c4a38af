"""Objects that a study can test: rows of attention, maps over all layers, or explanations by any method."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from analyses.explanations.methods import method_of_name
from analyses.verdicts.claim import CLAIM, OBJECT
from analyses.verdicts.measure import measure
from analyses.verdicts.measurement import Measurement
from analyses.verdicts.thresholds import BARS, ComponentName
from analyses.verdicts.whole_maps import measure_map, measure_method
from interpret.errors import InputError
from interpret.subjects.nouns import WORDS

KEYS = ("row", "head:LAYER.HEAD", "mean", "rollout", "columns", "method:NAME")
METHOD = "method:"  # and its name


@dataclass(frozen=True)
class ObjectOfStudy:
    """Kind of weights that a study tests, chosen before anything is measured.

    Attributes:
        key: Key, in which layers and heads count from 0; on the command line they count from 1.
        name: Name in words.
        claim: The claim about it.
        parts: Components that the claim is judged by; the others don't apply.
        measure: Function of a subject, equally long examples, their decisions and a resampler, with the options
            `draws`, `seed` and `told`, like `measure.measure`.
        failures: Meaning of failed components, in words, where it isn't that of `BARS`.
    """

    key: str
    name: str
    claim: str
    parts: tuple[ComponentName, ...]
    measure: Callable[..., list[Measurement]] = field(repr=False, compare=False)
    failures: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


def object_of_study(key: str = "row") -> ObjectOfStudy:
    """Returns the object that a key names.

    Args:
        key: "row" for the last layer's decision row, mean over heads; "head:3.5" for the row of head 5 in layer 3,
            counted from 0; "mean" for the mean of the decision's rows over all layers and heads; "rollout" for
            attention rollout; "columns" for the mean attention that a word gets in all layers and heads;
            "method:saliency" for a method that explains, built in or registered.

    Raises:
        InputError: The key is none of these, or there is no such method.
    """
    if key == "row":
        return ObjectOfStudy(key, OBJECT, WORDS.say(CLAIM), tuple(BARS), measure)
    if named := re.fullmatch(_HEAD, key):
        layer, head = map(int, named.groups())
        name = (
            f"the attention row of the decision's position in layer {layer}, head {head} (counted from 0; layer "
            f"{layer + 1}, head {head + 1} in commands and on pages), chosen by the user, special tokens left out"
        )
        return ObjectOfStudy(key, name, WORDS.say(CLAIM), tuple(BARS), partial(measure, layer=layer, head=head))
    if key == "mean":
        name = "the mean attention of the decision's position over all layers and heads, special tokens left out"
        return ObjectOfStudy(key, name, _claim("these means rank"), _PARTS, partial(measure_map, name="mean"))
    if key == "rollout":
        name = "attention rollout at the decision's position, special tokens left out at the end"
        return ObjectOfStudy(key, name, _claim("rollout ranks"), _PARTS, partial(measure_map, name="rollout"))
    if key == "columns":
        name = "the mean attention that each word gets from other positions, over all layers and heads"
        return ObjectOfStudy(key, name, _claim("these means rank"), _PARTS, partial(measure_map, name="columns"))
    if key.startswith(METHOD):
        method = method_of_name(key.removeprefix(METHOD)).name
        name = f"the magnitude of each word's score by the method {method!r}"
        measured = partial(measure_method, name=method)
        return ObjectOfStudy(key, name, _CLAIM_OF_METHODS, ("input rank", "top"), measured, _FAILURES)
    raise InputError(f"there is no object {key!r}; give one of {', '.join(KEYS)}, such as head:3.5")


def require_head(chosen: ObjectOfStudy, heads: Sequence[int]) -> None:
    """Raises an error for a named head that the model doesn't have.

    Args:
        chosen: The object to test.
        heads: Number of heads of each layer.

    Raises:
        InputError: The model has no such layer, or the layer has no such head.
    """
    if named := re.fullmatch(_HEAD, chosen.key):
        layer, head = map(int, named.groups())
        if layer >= len(heads) or head >= heads[layer]:
            raise InputError(
                f"the model has no {chosen.key}; it has layers 0 to {len(heads) - 1}, with heads 0 to {max(heads) - 1} "
                f"(1 to {len(heads)} and 1 to {max(heads)} in commands)"
            )


_HEAD = r"head:(\d+)\.(\d+)"
_PARTS: tuple[ComponentName, ...] = ("rank", "input rank", "top")


_CLAIM_OF_METHODS = (
    "these scores rank the input words by what replacing them does to the logit margin, and the words with the largest "
    "scores move it more than random words when they are knocked out of all attention; use, rank and share are asked "
    "of a row of attention only"
)
_FAILURES = {
    "input rank": "words with larger scores by this method do not matter more",
    "top": "the words that this method ranks first do no more than random words",
}


def _claim(subject: str) -> str:
    return (
        f"{subject} the input words by what knocking them out of all attention, and replacing them, does to the logit "
        "margin; whether the decision passes through this attention can't be asked of a map over all layers"
    )
