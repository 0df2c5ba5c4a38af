"""Errors for users. Each message says what was expected, what came, and what to do."""


class InputError(ValueError):
    """The user's input can't be used: a model, a text, a target, a file.

    The command line prints it as one line and exits with code 2.

    Example:
        >>> subject = interpret.load()
        >>> try:
        ...     example = subject.encode("")
        ... except interpret.InputError as error:
        ...     print(error)
        the text is empty; give one of at least two words
    """


class CaptureError(RuntimeError):
    """Attention can't be read or edited, or what was read differs from what ran.

    Example:
        >>> subject = interpret.load()
        >>> example = subject.encode("Slow at first, then wonderful.")
        >>> try:
        ...     with interpret.editing(subject.model, interpret.zero_head(5, 0)):
        ...         decision = subject.decide(example)
        ... except interpret.CaptureError as error:
        ...     print(error)
        the edit of layer 5 changed nothing: layers 0 to 2 ran in this block
    """
