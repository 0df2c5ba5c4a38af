"""Check for commands that read one text at a time."""

from typing import Any

from interpret.errors import InputError


def require_single_text(subject: Any) -> None:
    """Raises if a single text isn't a whole input of the model.

    Args:
        subject: A loaded model.

    Raises:
        InputError: It looks at images, or reads something beside the text.
    """
    if subject.reads_images:
        raise InputError(
            f"{subject.name} looks at images, and this command reads texts; interpret analyze takes images"
        )
    if subject.beside is not None:
        raise InputError(
            f"{subject.name} is for {subject.task}, and this command reads single texts; interpret analyze takes "
            f"--{subject.beside} too"
        )
