"""Check that a model gives the same scores from token embeddings as from token ids."""

from contextlib import suppress

import torch

from interpret.errors import InputError
from interpret.subjects.models.probing import require_gradients
from interpret.subjects.text import TextSubject
from interpret.system.refusals import refusing
from interpret.tolerances import apart


def require_same_from_embeddings(subject: TextSubject) -> None:
    """Finds a way to pass embeddings to a model that gives the same scores as ids; raises if there is none.

    Gradients are taken with respect to these embeddings, so other scores would mean explaining another decision. Some
    models use the ids for more than embeddings, for example to find where padding begins.

    Raises:
        InputError: The scores differ, the model takes no embeddings, or it drops gradients.
    """
    _find_embedding_call(subject)
    ids = subject.sample()
    with torch.no_grad():
        between = subject.embed(ids) / 2  # a vector of no token, as in integrated gradients
    require_gradients(subject.name, subject.model, lambda: subject.logits_from(between.requires_grad_(), ids))


def _find_embedding_call(subject: TextSubject) -> None:
    """Sets `embedding_call` to the first way to pass embeddings that gives the scores of the ids."""
    wanted = f"{subject.name} ({type(subject.model).__name__}) can't be run from token vectors, which gradients need"
    *others, last = subject.embedding_calls
    for subject.embedding_call in others:
        with suppress(Exception):  # a model may raise anything on embeddings that it doesn't take
            if _same_from_embeddings(subject):
                return
    subject.embedding_call = last
    with refusing(wanted):
        if not _same_from_embeddings(subject):
            raise InputError(f"{wanted}: it then gives other scores")


def _same_from_embeddings(subject: TextSubject) -> bool:
    with torch.no_grad():
        pairs = [(subject.logits(ids), subject.logits_from(subject.embed(ids), ids)) for ids in subject.samples()]
    return all(apart(again.float(), answer.float()) <= 1e-3 for answer, again in pairs)
