"""The errors a user can meet. Each says what was wanted, what came, and the way out."""


class InputError(ValueError):
    """Something the user gave can't be used: a model, a text, a target, a file.

    The command line prints it as one line and exits with code 2.
    """


class CaptureError(RuntimeError):
    """Attention could not be read or edited, or what was read is not what ran."""
