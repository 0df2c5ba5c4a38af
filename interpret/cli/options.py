"""What commands share: where the text comes from, which model reads it, and how errors end a command."""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from interpret.errors import CaptureError, InputError

EXAMPLE = "A gripping, funny and moving film."

_MODEL_OPTIONS = (
    click.option("--model", help="Folder, GGUF file or hub id; by default the sentiment model that comes with this."),
    click.option(
        "--task",
        help="Such as question-answering; by default what the model was made for.",
    ),
    click.option("--device", default="cpu", show_default=True, help="Where to compute, such as cpu or cuda."),
    click.option(
        "--dtype",
        type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
        default="auto",
        show_default=True,
        help="Precision of the weights.",
    ),
    click.option("--allow-pickle", is_flag=True, help="Load weights that are only there as pickle files."),
    click.option(
        "--sink",
        type=click.Choice(["drop", "keep"]),
        default="drop",
        show_default=True,
        help="Whether a causal model's first position, where attention is parked, is left out of rankings.",
    ),
)


class BadInput(click.ClickException):
    """One line on standard error, and exit code 2."""

    exit_code = 2


def model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that say which model is examined; their values are the arguments of `interpret.load`."""
    for option in reversed(_MODEL_OPTIONS):
        command = option(command)
    return command


SEEDS = click.IntRange(0, 2**32 - 1)


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Ends the command with one line and exit code 2 when something given can't be used."""
    try:
        yield
    except (InputError, CaptureError) as error:
        raise BadInput(str(error)) from error
    except OSError as error:
        if error.filename is None:  # a pipe that nobody reads any more, which click ends
            raise
        raise BadInput(f"{error.filename} can't be used ({error.strerror}); give another place") from error


def read_text(text: str | None, file: Path | None) -> str:
    """The text from the one place where it was given: an argument, a file or standard input."""
    if text is not None and file is not None:
        raise InputError("the text was given twice, as an argument and by --file; give one")
    if text is not None:
        return text
    if file is None and sys.stdin.isatty():
        raise InputError(f'no text was given; for example: interpret analyze "{EXAMPLE}"')
    name = "standard input" if file is None else str(file)
    try:
        data = sys.stdin.buffer.read() if file is None else file.read_bytes()
        return data.decode("utf-8").strip()
    except OSError as error:
        raise InputError(f"{name} can't be read ({error.strerror}); give the name of a text file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text (byte {error.start}); convert it first") from error


def require_no_file_name(subject: Any, text: str) -> None:
    """Refuses the name of a file as a text: of an image, or of a text that is to be read.

    Raises:
        InputError: There is such a file, and the model reads texts.
    """
    if subject.task == "image-classification" or not _is_file(text):
        return
    raise InputError(
        f"{text!r} is the name of a file, and {subject.name} reads texts; read the text in it with --file, or give "
        "--model one that looks at images"
    )


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # too long for a name, or with a NUL character
        return False


def command_line(context: click.Context) -> str:
    """The command as it was given, for those who want to run it again."""
    words = ["interpret", context.info_name or ""]
    arguments = []
    for parameter in context.command.params:
        name = parameter.name or ""
        value = context.params.get(name)
        if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE or value is None:
            continue
        if isinstance(parameter, click.Argument):
            arguments.append(str(value))
        elif isinstance(parameter, click.Option) and not parameter.is_flag:
            words += [parameter.opts[0], str(value)]
        elif isinstance(parameter, click.Option) and value in (True, parameter.flag_value):
            words.append(parameter.opts[0])
    if any(argument.startswith("-") for argument in arguments):
        words.append("--")
    return shlex.join([*words, *arguments])


def progress_line() -> Callable[[str], None]:
    """Shows the step at work on a terminal; says nothing when standard error is piped."""
    if not sys.stderr.isatty():
        return lambda step: None
    return lambda step: click.echo(f"\r\x1b[2K{step}{' ...' if step else ''}", nl=False, err=True)


def shown(label: str) -> str:
    """A label on one line: without the space around it, or escaped where it is nothing but space."""
    return label.strip() or repr(label)


def load_subject(options: dict[str, Any]) -> Any:
    """Takes the values of `model_options` out of `options` and loads that model."""
    from interpret.loading.sources import load

    names = ("task", "device", "dtype", "allow_pickle", "sink")
    return load(options.pop("model"), **{name: options.pop(name) for name in names})


def load_text_subject(options: dict[str, Any]) -> Any:
    """Loads a model of which one text is a whole input.

    Raises:
        InputError: It looks at images, or reads something beside the text.
    """
    from interpret.subjects.single import require_single_text

    subject = load_subject(options)
    require_single_text(subject)
    return subject
