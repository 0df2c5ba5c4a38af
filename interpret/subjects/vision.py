"""Image classification: a vision transformer, whose words are the patches of an image."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn

from interpret.errors import InputError
from interpret.modes.evaluating import evaluating
from interpret.subjects.example import Example, Unit
from interpret.subjects.filling import Filling, blurred, mean_colour, noisy_linear
from interpret.subjects.labels import NamedLabels, is_multi_label, labels_of
from interpret.subjects.patches import find_grid
from interpret.subjects.picture import Mode, Picture, open_image
from interpret.subjects.plain_call import PlainCall
from interpret.subjects.subject import Subject
from interpret.system.refusals import refusing

if TYPE_CHECKING:
    from PIL.Image import Image

_MODES: dict[int, Mode] = {1: "L", 3: "RGB"}
_SIZES = ((64, 48), (48, 64))  # of images that are tried, to see what the processor makes of their shape


class ImageClassification(NamedLabels, Subject):
    """A classifier of images that cuts them into patches and lets all of them attend to each other.

    `Example.ids` holds, for every attention position, the pixels of its patch as the model's image processor gives
    them: resized, cut and normalised; zeros where a position is no patch. Gradients are with respect to those
    numbers, and "zero" means the colour that normalisation moves to zero, which is the mean colour of the data that the
    processor was made for.

    Attributes:
        processor: Turns images into pixels.
        labels: Names of the classes, in the order of the logits.
        grid: Where the patches are.
        auto: The class of transformers that builds models for the task.
        heads: What such models are called.
        without_head: What is wrong with a checkpoint that has all but the head for the task.
        second: What a second input is called; images come alone.
    """

    task = "image-classification"
    auto = "AutoModelForImageClassification"
    heads = "…ForImageClassification"
    without_head = "this checkpoint has no trained image classification head"
    second: str | None = None

    def __init__(
        self,
        name: str,
        model: nn.Module,
        processor: Callable[..., Any],
        *,
        labels: Sequence[str],
        sink: str = "drop",
        weight_files: Sequence[Path] = (),
    ) -> None:
        super().__init__(name, model, mask_id=None, is_causal=False, sink=sink)
        self.processor = processor
        self.labels = tuple(labels)
        self.weight_files = tuple(weight_files)
        self._mode = _colours(name, model)
        channels, height, width = self._size()
        self.grid = find_grid(name, self.model, channels=channels, height=height, width=width)
        self._specials = _names_of_extra(model, self.grid.extra)

    @classmethod
    def from_transformers(cls, name: str, model: Any, processor: Any, **options: Any) -> "ImageClassification":
        """A subject made of a model and an image processor of transformers.

        Raises:
            InputError: It is made for something else than choosing one of several labels, or has no global attention
                over patches.
        """
        if is_multi_label(model.config):
            raise InputError(f"{name} says of each label by itself whether it applies, and that is read for texts only")
        return cls(name, model, processor, labels=labels_of(name, model.config), **options)

    def encode(self, text: str | os.PathLike[str], second: str | None = None, *, truncate: bool = False) -> Example:
        """Reads an image file and cuts it into patches.

        Args:
            text: Path of the image.
            second: Nothing; images come alone.
            truncate: Has no effect, for every image is made to fit.

        Raises:
            InputError: The file can't be read as an image, or a second one is given.
        """
        if second is not None:
            raise InputError(f"{self.name} is for {self.task}, which reads one image, and two were given")
        image, grid = open_image(text, self._mode), self.grid
        units = tuple(
            Unit(f"row {row + 1}, column {column + 1}", (grid.extra + row * grid.columns + column,), 0, 0)
            for row in range(grid.rows)
            for column in range(grid.columns)
        )
        places = (f"{row + 1},{column + 1}" for row in range(grid.rows) for column in range(grid.columns))
        return Example(
            text=os.fspath(text),
            ids=grid.cut(self._pixels(image)[None])[0],
            tokens=(*self._specials, *places),
            units=units,
            separators=tuple(range(grid.extra)),
            spans=((0, 0),) * grid.tokens,
            picture=Picture(self._seen(image), grid.rows, grid.columns),
        )

    def embed(self, ids: Float[Tensor, "batch token number"]) -> Float[Tensor, "batch token number"]:
        """The patches themselves: gradients are with respect to pixels."""
        return ids.to(self.device)

    def logits(self, ids: Float[Tensor, "batch token number"]) -> Float[Tensor, "batch label"]:
        """Scores of every label."""
        return self._scores(self.grid.joined(ids.to(next(self.model.parameters()))))

    def given_of(self, example: Example) -> dict[str, Tensor]:
        """The pixels."""
        return {"pixel_values": self.grid.joined(example.ids[None].to(next(self.model.parameters())))}

    def plain_call(self, example: Example) -> PlainCall:
        """`model(**processor(image))`."""
        pixels = self._pixels(open_image(example.text, self._mode)).to(next(self.model.parameters()))
        return PlainCall({"pixel_values": pixels[None]}, self._scores(pixels[None])[0])

    def _scores(self, pixels: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch label"]:
        with evaluating(self.model):
            logits: Tensor = self.model(pixel_values=pixels)[0]  # the first of a tuple, or of what has names
        return logits

    def logits_from(
        self, embeddings: Float[Tensor, "batch token number"], ids: Float[Tensor, "#batch token number"]
    ) -> Float[Tensor, "batch label"]:
        """Scores of every label, from other pixels; nothing else of the inputs is told the model."""
        return self.logits(embeddings)

    @property
    def erasers(self) -> tuple[str, ...]:
        """Ways to take patches out, the default first: what their pixels are filled with."""
        return tuple(self._fillings)

    def without(
        self, ids: Float[Tensor, "token number"], gone: Bool[Tensor, " token"], eraser: str
    ) -> Float[Tensor, "token number"]:
        """An image with the pixels of some patches filled: by its mean colour, its blur or from their neighbours."""
        numbers = gone.to(ids.device)[:, None].expand(ids.shape).float()
        pixels, holes = self.grid.joined(torch.stack([ids, numbers]))
        return self.grid.cut(self._fillings[eraser](pixels, holes[0].bool())[None])[0]

    @property
    def _fillings(self) -> dict[str, Filling]:
        deviation = (self.grid.height + self.grid.width) / 2  # nothing that is smaller than a patch is left
        return {
            "mean": mean_colour,
            "blur": partial(blurred, deviation=deviation),
            "noisy linear": noisy_linear,
        }

    def _pixels(self, image: "Image") -> Float[Tensor, "channel y x"]:
        with refusing(f"the image processor of {self.name} fails on this image"):
            pixels: Tensor = self.processor(images=image, return_tensors="pt")["pixel_values"][0].float()
        return pixels

    def _seen(self, image: "Image") -> UInt8[Tensor, "y x channel"]:
        """The image as it is before its numbers are normalised."""
        with refusing(f"the image processor of {self.name} fails on this image"):
            options = {"return_tensors": "pt", "do_rescale": False, "do_normalize": False}
            pixels: Tensor = self.processor(images=image, **options)["pixel_values"][0]
        return pixels.float().round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)

    def _size(self) -> tuple[int, int, int]:
        """Channels, height and width of the pixels that the processor gives."""
        from PIL import Image

        shapes = {tuple(self._pixels(Image.new(self._mode, size)).shape) for size in _SIZES}
        if len(shapes) > 1 or len(next(iter(shapes))) != 3:
            raise InputError(
                f"the image processor of {self.name} gives pixels of the shapes {sorted(shapes)}, and only images that "
                "are all made the same size (height x width) are supported yet"
            )
        channels, height, width = shapes.pop()
        return channels, height, width


def _colours(name: str, model: nn.Module) -> Mode:
    """How Pillow calls the colours that a model looks at: grey, or red, green and blue.

    Raises:
        InputError: It looks at another number of channels.
    """
    config: Any = getattr(model.config, "vision_config", model.config)
    channels = getattr(config, "num_channels", None) or 3
    if channels not in _MODES:
        raise InputError(
            f"{name} looks at images of {channels} channels, and image files give 1 (grey) or 3 (red, green, blue)"
        )
    return _MODES[channels]


def _names_of_extra(model: nn.Module, count: int) -> tuple[str, ...]:
    """What positions in front of the patches are called: class token, distillation token, registers."""
    parameters = [name.rpartition(".")[2] for name, _ in model.named_parameters()]
    second = "[DIST]" if "distillation_token" in parameters else None
    further = "[REG {}]" if "register_tokens" in parameters else "[EXTRA {}]"
    names = ["[CLS]", *([second] if second else [])][:count]
    return (*names, *(further.format(place + 1) for place in range(count - len(names))))
