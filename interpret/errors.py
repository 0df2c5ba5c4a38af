"""Errors for users. Each message says what was expected, what came, and what to do."""


class InputError(ValueError):
    """The user's input can't be used: a model, a text, a target, a file.

    The command line prints it as one line and exits with code 2.
    """


class CaptureError(RuntimeError):
    """Attention can't be read or edited, or what was read differs from what ran."""
