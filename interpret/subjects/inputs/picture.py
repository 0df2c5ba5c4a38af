"""An image file, and the image as a model sees it."""

import base64
import io
import os
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from jaxtyping import UInt8
from torch import Tensor
from typing_extensions import TypedDict

from interpret.errors import InputError
from interpret.system.files import read_file
from interpret.system.refusals import first_line

if TYPE_CHECKING:
    from PIL.Image import Image

Mode = Literal["RGB", "L"]

LARGEST_PNG = 120_000  # bytes; larger pictures are written as JPEG, to limit the size of a report page
_QUALITY = 90


class PictureDict(TypedDict):
    """The picture as a model sees it, in a document.

    Attributes:
        rows: Number of rows of patches.
        columns: Number of columns of patches.
        height: Height in pixels.
        width: Width in pixels.
        media_type: Format of the file.
        data: The file in base64.
    """

    rows: int
    columns: int
    height: int
    width: int
    media_type: str
    data: str


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as a model sees it: resized and cropped to its size, colours not normalised.

    Attributes:
        pixels: Colours from 0 to 255.
        rows: Number of rows of patches.
        columns: Number of columns of patches.
    """

    pixels: UInt8[Tensor, "y x channel"] = field(repr=False)
    rows: int
    columns: int

    def encoded(self) -> tuple[str, bytes]:
        """Encodes the picture as a file: its media type and its bytes; PNG, or JPEG if the PNG would be large."""
        from PIL import Image

        values = self.pixels.cpu().numpy()
        image = Image.fromarray(values[:, :, 0] if values.shape[2] == 1 else values)
        png = _written(image, "PNG", optimize=True)
        return ("image/png", png) if len(png) <= LARGEST_PNG else ("image/jpeg", _written(image, "JPEG"))

    def to_dict(self) -> PictureDict:
        """Converts to plain numbers and strings, ready for JSON; `data` is the file in base64."""
        kind, content = self.encoded()
        height, width, _ = self.pixels.shape
        return {
            "rows": self.rows,
            "columns": self.columns,
            "height": height,
            "width": width,
            "media_type": kind,
            "data": base64.b64encode(content).decode("ascii"),
        }


def open_image(path: str | os.PathLike[str], mode: Mode = "RGB") -> "Image":
    """Reads an image file, rotated by its EXIF orientation; the first picture if it holds several.

    Args:
        path: Path of the file.
        mode: "RGB" for red, green and blue, "L" for grey.

    Raises:
        InputError: There is no such file, or it isn't a readable image.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(read_file(path))) as file:
                return ImageOps.exif_transpose(file).convert(mode)
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"there is no image file {os.fspath(path)!r}; this model looks at images") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{os.fspath(path)!r} is no image that can be read; give a JPEG or PNG file") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise InputError(f"{os.fspath(path)!r} has more pixels than can be trusted; give a smaller image") from error
    except IsADirectoryError as error:
        raise InputError(f"{os.fspath(path)!r} is a folder; give the path of one image") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:  # what Pillow raises on damaged files
        raise InputError(
            f"the image {os.fspath(path)!r} can't be read ({first_line(error)}); save it again, or give another"
        ) from error


def _written(image: "Image", kind: str, **options: bool) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **({"quality": _QUALITY} if kind == "JPEG" else options))
    return content.getvalue()
