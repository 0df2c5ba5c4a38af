"""Options and helpers that commands share: input text, model, and errors in one line."""

import errno
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from interpret.cli.streams import BadInput
from interpret.errors import CaptureError, InputError
from interpret.system.files import LONGEST_TEXT_BYTES, read_file, read_stream, require_model

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
    click.option("--source-language", help="Of a translator of several languages: the source's, such as en_XX."),
    click.option("--target-language", help="The same for the language that is written, such as de_DE."),
    click.option("--allow-pickle", is_flag=True, help="Load weights that are only there as pickle files."),
    click.option(
        "--sink",
        type=click.Choice(["drop", "keep"]),
        default="drop",
        show_default=True,
        help="Whether a causal model's first word, where attention is parked, is left out of rankings.",
    ),
    click.option(
        "--units",
        type=click.Choice(["word", "token"]),
        default="word",
        show_default=True,
        help="What is ranked; texts without words, such as DNA, are ranked by tokens in any case.",
    ),
)


def model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that choose and load the model; their values are the arguments of `interpret.load`."""
    for option in reversed(_MODEL_OPTIONS):
        command = option(command)
    return command


FAILED_CHECK = 3  # exit code of an answer of which a self-check failed
STANDARD_OUTPUT = Path("-")
SEEDS = click.IntRange(0, 2**32 - 1)


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Ends the command with one line and exit code 2 on input that can't be used."""
    try:
        yield
    except (InputError, CaptureError) as error:
        raise BadInput(str(error)) from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of the pipe is gone, which click handles
            raise
        what = error.filename or "a file or folder"
        raise BadInput(f"{what} can't be used ({error.strerror or error}); give another place") from error
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "can't allocate memory" not in str(error):
            raise
        raise BadInput("the memory doesn't suffice; give less, smaller numbers, or more memory") from error


class TextType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """Text in UTF-8, whatever the locale."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Decodes the text; fails if its bytes aren't UTF-8."""
        try:
            return str(value).encode("utf-8", "surrogateescape").decode("utf-8")
        except UnicodeError:
            self.fail("this is not UTF-8 text; convert it first", param, ctx)


class FileType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """The name of a file, whether or not it exists."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Converts to a path; fails for an empty name or one that ends like a folder's."""
        name = os.fspath(value)
        if not name.strip():
            self.fail("the name is empty; give that of a file", param, ctx)
        if name.endswith((os.sep, os.altsep or os.sep)):
            self.fail(f"{name!r} ends as the name of a folder does; give that of a file", param, ctx)
        return Path(name)


class NamesType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """Names, separated by commas."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Splits into names, without spaces around them."""
        return value if isinstance(value, list) else [name.strip() for name in value.split(",") if name.strip()]

    def as_typed(self, value: list[str]) -> str:
        """Writes the names as they are typed."""
        return ",".join(value)


class SizeType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """A size of memory, such as 4GB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Converts to bytes; fails for anything that isn't a size."""
        from interpret.errors import InputError
        from interpret.system.memory import parse_bytes

        try:
            return value if isinstance(value, int) else parse_bytes(str(value))
        except OverflowError:
            self.fail("this is more memory than there can be.", param, ctx)
        except InputError as error:
            self.fail(f"{error}.", param, ctx)


TEXT, FILE = TextType(), FileType()


def read_text(text: str | None, file: Path | None) -> str:
    """Reads the text from an argument, a file or standard input."""
    if text is not None and file is not None:
        raise InputError("the text was given twice, as an argument and by --file; give one")
    if text is not None:
        return text
    if file is None and sys.stdin.isatty():
        raise InputError(f'no text was given; for example: interpret analyze "{EXAMPLE}"')
    name = "standard input" if file is None else str(file)
    try:
        if file is None:
            data = read_stream(sys.stdin.buffer, name, most=LONGEST_TEXT_BYTES)
        else:
            data = read_file(file, most=LONGEST_TEXT_BYTES)
        return data.decode("utf-8-sig").strip()  # a byte order mark belongs to the file, not to the text
    except OSError as error:
        raise InputError(f"{name} can't be read ({error.strerror}); give the name of a text file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text (byte {error.start}); convert it first") from error


def require_no_file_name(subject: Any, text: str) -> None:
    """Raises if the text is the name of an existing file.

    Raises:
        InputError: There is such a file, and the model reads texts.
    """
    if subject.reads_images or not _is_file(text):
        return
    raise InputError(
        f"{text!r} is the name of a file, and {subject.name} reads texts; read the text in it with --file, or give "
        "--model one that looks at images"
    )


def require_other(path: Path, *given: str | Path | None) -> None:
    """Raises if the output file is one of the input files.

    Raises:
        InputError: It is.
    """
    for name in given:
        if name is not None and _is_file(str(name)) and path.exists() and path.samefile(name):
            raise InputError(f"{path} is what is to be read; give another name for what is written")


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # too long for a name, or with a NUL character
        return False


def command_line(context: click.Context) -> str:
    """Rebuilds the command line, so that it can be run again."""
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
            for each in value if parameter.multiple else [value]:
                words += [parameter.opts[0], _as_typed(parameter.type, each)]
        elif isinstance(parameter, click.Option) and value in (True, parameter.flag_value):
            words.append(parameter.opts[0])
    if any(argument.startswith("-") for argument in arguments):
        words.append("--")
    return shlex.join([*words, *arguments])


def _as_typed(kind: object, value: Any) -> str:
    """Writes a value as it is typed; types that convert to something else have a function for it."""
    return str(getattr(kind, "as_typed", str)(value))


def shown(label: str) -> str:
    """Strips a label for display; escapes one that is only white space."""
    return label.strip() or repr(label)


def load_subject(options: dict[str, Any]) -> Any:
    """Loads the model, removing the values of `model_options` from `options`."""
    from interpret.loading.sources import load

    names = ("task", "device", "dtype", "allow_pickle", "sink", "source_language", "target_language", "units")
    if options["model"] is not None:
        require_model(options["model"])
    return load(options.pop("model"), **{name: options.pop(name) for name in names})


def load_text_subject(options: dict[str, Any]) -> Any:
    """Loads a model whose whole input is one text.

    Raises:
        InputError: The model reads images, or needs more than one text.
    """
    from interpret.subjects.tasks import require_single_text

    subject = load_subject(options)
    require_single_text(subject)
    return subject
