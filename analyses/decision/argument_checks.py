"""Validation of an analysis's arguments, before any work."""

from typing import Any

from analyses.planning.effort import EFFORTS
from analyses.translation.alignment import Alignment
from analyses.verdicts.resampling import Resampler
from interpret.errors import InputError
from interpret.indices import whole_number
from interpret.subjects.subject import Subject

MOST_SEED = 2**32 - 1  # largest seed of numpy's generators


def require_asked(
    subject: Any,
    *,
    corpus: Any = None,
    alignment: Any = None,
    effort: Any = "standard",
    seed: Any = 0,
    max_memory: Any = None,
) -> None:
    """Raises an error for arguments that no analysis could use.

    Args:
        subject: Must be a `Subject`.
        corpus: Must be a `Resampler` or `None`.
        alignment: Must be an `Alignment` or `None`.
        effort: Must be one of `EFFORTS`.
        seed: Must be a whole number from 0 to 2^32 - 1.
        max_memory: Must be a whole number of bytes of at least 1, or `None`.

    Raises:
        InputError: One of them can't be used; the message says which, and what is accepted.
    """
    if not isinstance(subject, Subject):
        raise InputError(
            "the model must be a subject, as interpret.load(model, tokenizer=...) makes it, not "
            f"{type(subject).__name__}"
        )
    if not (corpus is None or isinstance(corpus, Resampler)):
        raise InputError(
            "corpus must be a source of words, such as CorpusUnigram([subject.encode(text) for text in texts]), not "
            f"{type(corpus).__name__}"
        )
    if not (alignment is None or isinstance(alignment, Alignment)):
        raise InputError(
            f"alignment must be what analyses.translation.alignment.alignment gives, not {type(alignment).__name__}"
        )
    if max_memory is not None and whole_number("max_memory, in bytes,", max_memory) < 1:
        raise InputError(f"max_memory must be at least 1 byte, not {max_memory}")
    if not isinstance(effort, str) or effort not in EFFORTS:
        raise InputError(f"effort must be one of {', '.join(EFFORTS)}, not {effort!r}")
    if not 0 <= whole_number("seed", seed) <= MOST_SEED:
        raise InputError(f"seed must be from 0 to {MOST_SEED}, not {seed}")
