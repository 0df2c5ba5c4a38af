"""Image classification by vision transformers, in which patches take the place of words."""

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
from interpret.subjects.inputs.batch import Text
from interpret.subjects.inputs.example import Example, Unit
from interpret.subjects.inputs.picture import Mode, Picture, open_image
from interpret.subjects.inputs.pixel_filling import Filling, blurred, mean_colour, noisy_linear
from interpret.subjects.label_names import NamedLabels, is_multi_label, labels_of
from interpret.subjects.models.patch_probing import find_grid
from interpret.subjects.plain_call import PlainCall
from interpret.subjects.subject import Subject
from interpret.system.refusals import refusing

if TYPE_CHECKING:
    from PIL.Image import Image

_MODES: dict[int, Mode] = {1: "L", 3: "RGB"}
_SIZES = ((64, 48), (48, 64))  # two test images, to see whether the processor makes all shapes the same


class ImageClassification(NamedLabels, Subject):
    """An image classifier with global attention over patches.

    `Example.ids` holds, for every attention position, the pixels of its patch as the model's image processor gives
    them: resized, cropped and normalised; zeros at positions that are no patch. Gradients are with respect to these
    pixels, and "zero" means the colour that normalisation maps to zero, the mean colour of the data that the processor
    was made for.

    Attributes:
        processor: Turns images into pixels.
        labels: Names of the classes, in the order of the logits.
        grid: The patch grid.
        auto_class: The class of transformers that builds models for the task.
        model_classes: Name pattern of such models' classes.
        missing_head: Error text for a checkpoint that lacks the head for the task.
    """

    task = "image-classification"
    reads_images = True
    auto_class = "AutoModelForImageClassification"
    model_classes = "…ForImageClassification"
    missing_head = "this checkpoint has no trained image classification head"

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
        """Builds the subject from a transformers model and image processor.

        Raises:
            InputError: The model doesn't choose one of several labels, or has no global attention over patches.
        """
        if is_multi_label(model.config):
            raise InputError(f"{name} says of each label by itself whether it applies, and that is read for texts only")
        return cls(name, model, processor, labels=labels_of(name, model.config), **options)

    def encode_one(self, text: Text, second: str | None = None, *, truncate: bool = False) -> Example:
        """Reads an image file and cuts it into patches.

        Args:
            text: Path of the image.
            second: Must be `None`, because images come alone.
            truncate: Has no effect, because every image is resized to fit.

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
            unit_kind="patch",
        )

    def embed(self, ids: Float[Tensor, "batch token number"]) -> Float[Tensor, "batch token number"]:
        """Returns the patches themselves, because gradients are with respect to pixels."""
        return ids.to(self.device)

    def logits(self, ids: Float[Tensor, "batch token number"]) -> Float[Tensor, "batch label"]:
        """Logits of all labels."""
        return self._scores(self.grid.joined(ids.to(next(self.model.parameters()))))

    def model_inputs(self, example: Example) -> dict[str, Tensor]:
        """Pixels of the image, by argument name."""
        return {"pixel_values": self.grid.joined(example.ids[None].to(next(self.model.parameters())))}

    def plain_call(self, example: Example) -> PlainCall:
        """Runs `model(**processor(image))`."""
        pixels = self._pixels(open_image(example.text, self._mode)).to(next(self.model.parameters()))
        return PlainCall({"pixel_values": pixels[None]}, self._scores(pixels[None])[0])

    def _scores(self, pixels: Float[Tensor, "batch channel y x"]) -> Float[Tensor, "batch label"]:
        with evaluating(self.model):
            logits: Tensor = self.model(pixel_values=pixels)[0]  # the first entry of a tuple or of named outputs
        return logits

    def logits_from(
        self, embeddings: Float[Tensor, "batch token number"], ids: Float[Tensor, "#batch token number"]
    ) -> Float[Tensor, "batch label"]:
        """Logits of all labels, from other pixels; `ids` isn't used."""
        return self.logits(embeddings)

    @property
    def erasers(self) -> tuple[str, ...]:
        """Names of the fillings that replace removed patches, the default first."""
        return tuple(self._fillings)

    def without(
        self, ids: Float[Tensor, "token number"], gone: Bool[Tensor, " token"], eraser: str
    ) -> Float[Tensor, "token number"]:
        """Fills the pixels of removed patches with the mean colour, a blur, or values from their neighbours."""
        numbers = gone.to(ids.device)[:, None].expand(ids.shape).float()
        pixels, holes = self.grid.joined(torch.stack([ids, numbers]))
        return self.grid.cut(self._fillings[eraser](pixels, holes[0].bool())[None])[0]

    @property
    def _fillings(self) -> dict[str, Filling]:
        deviation = (self.grid.height + self.grid.width) / 2  # blurs away details smaller than a patch
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
        """The processed image before normalisation."""
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
    """Pillow's image mode for a model's channels: grey, or red, green and blue.

    Raises:
        InputError: The model has another number of channels.
    """
    config: Any = getattr(model.config, "vision_config", model.config)
    channels = getattr(config, "num_channels", None) or 3
    if channels not in _MODES:
        raise InputError(
            f"{name} looks at images of {channels} channels, and image files give 1 (grey) or 3 (red, green, blue)"
        )
    return _MODES[channels]


def _names_of_extra(model: nn.Module, count: int) -> tuple[str, ...]:
    """Names of the positions in front of the patches: class token, distillation token, registers."""
    parameters = [name.rpartition(".")[2] for name, _ in model.named_parameters()]
    second = "[DIST]" if "distillation_token" in parameters else None
    further = "[REG {}]" if "register_tokens" in parameters else "[EXTRA {}]"
    names = ["[CLS]", *([second] if second else [])][:count]
    return (*names, *(further.format(place + 1) for place in range(count - len(names))))
