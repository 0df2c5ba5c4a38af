"""Replacements of image patches, from other images or from the same one."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from analyses.verdicts.resampling import Resampler
from interpret.errors import InputError
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

IMAGE_FILES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class PatchesOfTheImage(Resampler):
    """Resampler that draws other patches of the same image uniformly, for one image without a corpus.

    They share the image's light and colours, but aren't typical of the new position; where a collection of images is
    available, `PatchesOfImages` is the better source.
    """

    name = "other patches of the same image"

    def draw(self, example: Example, unit: int, uniform: Sequence[float]) -> Float[Tensor, "draw token number"]:
        """Draws pixels of replacements, never those of the unit itself.

        Raises:
            InputError: The image has one patch only.
        """
        others = len(example.units) - 1
        if others < 1:
            raise InputError("an image of one patch has no others to replace it by; give a model with smaller patches")
        places = picked(uniform, others)
        chosen = torch.where(places >= unit, places + 1, places).tolist()
        return example.ids[torch.tensor([example.units[other].tokens for other in chosen])]


class PatchesOfImages(Resampler):
    """Resampler that draws the patch at the same position of other images, uniformly over images."""

    name = "the same place in other images"

    def __init__(self, examples: Sequence[Example]) -> None:
        """Keeps the images.

        Args:
            examples: Images encoded by the model under examination.

        Raises:
            InputError: There are no images.
        """
        if not examples:
            raise InputError("a corpus without images can't give replacements; give some")
        self._images = torch.stack([example.ids for example in examples])

    def draw(self, example: Example, unit: int, uniform: Sequence[float]) -> Float[Tensor, "draw token number"]:
        """Draws pixels of replacements, without images equal to the example where there are others.

        Raises:
            InputError: The images have another size.
        """
        if self._images.shape[1:] != example.ids.shape:
            raise InputError(
                f"the corpus has images of {tuple(self._images.shape[1:])} positions and numbers, and this one has "
                f"{tuple(example.ids.shape)}; encode both with the same model"
            )
        same = (self._images == example.ids).flatten(1).all(dim=1)
        images = self._images if same.all() else self._images[~same]
        return images[picked(uniform, len(images))][:, list(example.units[unit].tokens)]


def images_of(folder: str | os.PathLike[str], subject: Subject) -> PatchesOfImages:
    """Makes a source of replacement patches from the images of a folder, in the order of their names.

    Args:
        folder: Folder with image files; files with other suffixes are ignored.
        subject: A vision model.

    Raises:
        InputError: There is no such folder, it has no images, or one of them can't be read.
    """
    path = Path(folder)
    if not path.is_dir():
        raise InputError(f"there is no folder {path}; for images, a corpus is a folder of them")
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_FILES)
    if not files:
        raise InputError(f"the folder {path} has no images; their names must end with one of {', '.join(IMAGE_FILES)}")
    return PatchesOfImages([subject.encode(str(file)) for file in files])


def picked(uniform: Sequence[float], count: int) -> Tensor:
    """Maps each number from 0 to 1 to an index below `count`."""
    return (torch.tensor(uniform, dtype=torch.float64) * count).long().clamp(max=count - 1)
