"""One file for each task. To add a task, write its file and list its class here."""

from typing import Any

from interpret.errors import InputError
from interpret.subjects.tasks.answering import QuestionAnswering
from interpret.subjects.tasks.classification import TextClassification
from interpret.subjects.tasks.image_classification import ImageClassification
from interpret.subjects.tasks.language_model import NextToken
from interpret.subjects.tasks.tagging import TokenClassification
from interpret.subjects.tasks.translation import Translation
from interpret.subjects.text import TextSubject

_SUBJECTS: tuple[type[TextSubject] | type[ImageClassification], ...] = (
    TextClassification,
    NextToken,
    QuestionAnswering,
    Translation,
    TokenClassification,
    ImageClassification,
)
TASKS = {subject.task: subject for subject in _SUBJECTS}


def require_single_text(subject: Any) -> None:
    """Raises if a single text isn't a whole input of the model.

    Args:
        subject: A loaded model.

    Raises:
        InputError: It looks at images, or reads something beside the text.
    """
    if subject.task == "image-classification":
        raise InputError(
            f"{subject.name} looks at images, and this command reads texts; interpret analyze takes images"
        )
    if subject.completing_option is not None:
        raise InputError(
            f"{subject.name} is for {subject.task}, and this command reads single texts; interpret analyze takes "
            f"--{subject.completing_option} too"
        )
