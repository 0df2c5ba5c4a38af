"""Word heat maps (DAAM): cross-attention of a generated image to each word of its prompt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from analyses.results.frames import tidy_frame
from analyses.results.pictures import ImageOverlay
from analyses.results.result import PlottedResult
from analyses.results.wording import quoted, ranked, sizes
from interpret.attention.interface import AttentionCall, Tap, tapped
from interpret.attention.pass_inputs import PassInputs
from interpret.errors import CaptureError, InputError
from interpret.subjects.inputs.example import Unit
from interpret.subjects.inputs.text_example import require_text
from interpret.subjects.inputs.words import find_units

if TYPE_CHECKING:
    from pandas import DataFrame

WANTED = "a text-to-image pipeline of diffusers whose unet attends to the prompt, such as StableDiffusionPipeline"


@dataclass(frozen=True, eq=False, repr=False)
class WordHeatMaps(PlottedResult):
    """Cross-attention heat maps of a generated image, one for each word of its prompt.

    Attributes:
        prompt: The prompt.
        words: Its words and punctuation marks.
        heat: Attention from each pixel to each word, summed over heads, layers and steps; at least 0, except where
            bicubic interpolation overshoots.
        image: The generated image, from 0 to 255.
        maps: Number of maps in the sum, each of one head at one step.
        steps: Passes of the unet.

    Example:
        >>> found = word_heat_maps(pipeline, "a cat", steps=1)
        >>> [word.text for word in found.words]
        ['a', 'cat']
        >>> found.of("cat").shape == found.image.shape[:2]
        True
    """

    prompt: str
    words: tuple[Unit, ...]
    heat: Float[Tensor, "word height width"]
    image: UInt8[Tensor, "height width 3"]
    maps: int
    steps: int

    def of(self, word: str) -> Float[Tensor, "height width"]:
        """Returns the heat map of a word, summed over its occurrences in the prompt.

        Raises:
            InputError: The prompt has no such word.
        """
        places = [place for place, unit in enumerate(self.words) if unit.text == word]
        if not places:
            raise InputError(f"the prompt has no word {word!r}; it has {', '.join(unit.text for unit in self.words)}")
        return self.heat[places].sum(dim=0)

    def summary(self) -> list[str]:
        """Returns the prompt, the shape, and the words with the most heat."""
        words, height, width = self.heat.shape
        names, total = [unit.text for unit in self.words], self.heat.sum(dim=(1, 2))
        return [
            f"WordHeatMaps of “{quoted(self.prompt)}”",
            f"{sizes({'word': words})} over {height} x {width} pixels, {self.maps} maps of {self.steps} steps",
            f"share of the heat: {ranked(names, (total / total.sum()).tolist())}",
        ]

    def to_frame(self) -> "DataFrame":
        """Returns a row for each word and pixel: the word, its number, the pixel's row and column, and its heat."""
        frame = tidy_frame(("unit", "row", "column"), {"heat": self.heat})
        frame.insert(1, "word", frame["unit"].map(dict(enumerate(unit.text for unit in self.words))))
        return frame

    def pictures(self) -> Mapping[str, Callable[[], ImageOverlay]]:
        """Returns the heat map of each word over the image; a word that comes twice has one picture."""
        words = dict.fromkeys(unit.text for unit in self.words)
        return {word: partial(self._overlay, word) for word in words}

    def _overlay(self, word: str) -> ImageOverlay:
        return ImageOverlay(self.image, self.of(word), word, float(self.heat.max()))


def word_heat_maps(
    pipeline: Any,
    prompt: str,
    *,
    steps: int = 50,
    guidance: float = 7.5,
    seed: int = 0,
    height: int | None = None,
    width: int | None = None,
) -> WordHeatMaps:
    """Generates an image from a prompt, and sums the cross-attention to each word.

    With classifier-free guidance, only the half of the batch with the prompt counts. A word of several tokens gets the
    mean of their maps.

    Args:
        pipeline: Pipeline of diffusers with a `unet`, and a `tokenizer` that gives character offsets.
        prompt: The prompt.
        steps: Number of denoising steps.
        guidance: Guidance scale; up to 1 there is no guidance.
        seed: Seed of the initial noise.
        height: Height of the image in pixels; by default the pipeline's.
        width: Width, likewise.

    Raises:
        InputError: The pipeline has no such unet or tokenizer, or the prompt is empty or longer than it reads.
        CaptureError: The unet's cross-attention can't be read, or isn't over its latent pixels.

    Source: Tang et al. (2022), What the DAAM: interpreting Stable Diffusion using cross attention, arXiv:2210.04885,
    section 2.2: attention of the down- and upsampling blocks, enlarged to the image by bicubic interpolation and summed
    over heads, blocks and time steps; the block in the middle is left out. Since interpolation is linear, maps of the
    same size are added first, which gives the same sum.

    Example:
        >>> found = word_heat_maps(pipeline, "a cat and a dog", steps=2, guidance=1.0)
        >>> found.heat.shape[0] == len(found.words)
        True
        >>> found.steps
        2
    """
    unet = getattr(pipeline, "unet", None)
    if not isinstance(unet, nn.Module):
        raise InputError(f"word heat maps need {WANTED}; {type(pipeline).__name__} has no unet")
    pooling, words = _words(pipeline, prompt)
    listener = _CrossAttention(unet, tokens=pooling.shape[1])
    with tapped(unet, listener):
        painted = pipeline(
            prompt,
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=torch.Generator().manual_seed(seed),
            height=height,
            width=width,
            output_type="pil",
        )
    if not listener.sums:
        raise InputError(f"word heat maps need {WANTED}; the {type(unet).__name__} of this one has no cross-attention")
    image = _pixels(painted.images[0])
    heat = [
        nn.functional.interpolate(
            (pooling.to(summed) @ summed).view(1, len(words), *size), size=image.shape[:2], mode="bicubic"
        )[0]
        for size, summed in listener.sums.items()
    ]
    return WordHeatMaps(prompt, words, torch.stack(heat).sum(dim=0).cpu(), image, listener.maps, listener.passes)


class _CrossAttention(Tap):
    """Tap that sums cross-attention while a unet runs, so that no map outlives its layer.

    Attributes:
        sums: Summed maps of every token, by height and width of the map.
        maps: Number of maps in the sums.
        passes: Number of passes of the unet.
    """

    def __init__(self, unet: nn.Module, *, tokens: int) -> None:
        super().__init__(unet)
        self.tokens = tokens
        self.sums: dict[tuple[int, int], Float[Tensor, "token place"]] = {}
        self.maps = self.passes = 0

    def begin_pass(self, inputs: PassInputs) -> None:
        super().begin_pass(inputs)
        latent: Tensor = inputs.by_name["sample"]
        self.sizes = _sizes(*latent.shape[-2:])
        self.passes += 1

    def on_call(self, layer: int, call: AttentionCall) -> None:
        is_cross = getattr(call.module, "is_cross_attention", call.name.endswith("attn2"))
        if not is_cross or call.name.startswith("mid_block"):
            return
        weights = call.weights[-1].float()  # guidance puts the prompt after the empty one
        heads, queries, keys = weights.shape
        if keys != self.tokens or queries not in self.sizes:
            raise CaptureError(
                f"{call.name} attends from {queries} places to {keys} tokens, where the prompt has {self.tokens} and "
                f"the image {', '.join(map(str, self.sizes))} at its sizes; its maps can't be laid over the image"
            )
        size, summed = self.sizes[queries], weights.sum(dim=0).T
        self.sums[size] = self.sums[size] + summed if size in self.sums else summed
        self.maps += heads


def _sizes(height: int, width: int) -> dict[int, tuple[int, int]]:
    """Height and width of the latent image after each halving, by its number of positions."""
    sizes = {height * width: (height, width)}
    while height * width > 1:
        height, width = (height + 1) // 2, (width + 1) // 2
        sizes[height * width] = (height, width)
    return sizes


def _words(pipeline: Any, prompt: str) -> tuple[Float[Tensor, "word token"], tuple[Unit, ...]]:
    """Returns the words of a prompt, and the pooling weight of each token in them."""
    require_text(prompt)
    tokenizer: Any = getattr(pipeline, "tokenizer", None)
    if not getattr(tokenizer, "is_fast", False):
        raise InputError(
            f"word heat maps need a fast tokenizer, which says where its tokens stand; the pipeline has "
            f"{type(tokenizer).__name__}"
        )
    longest: int = tokenizer.model_max_length
    encoded = tokenizer(
        prompt, padding="max_length", max_length=longest, return_offsets_mapping=True, return_special_tokens_mask=True
    )
    count = len(encoded["input_ids"])
    if count > longest:
        raise InputError(f"the prompt has {count} tokens, {count - longest} more than the {longest} that are read")
    special: Sequence[bool] = [bool(flag) for flag in encoded["special_tokens_mask"]]
    words = find_units(prompt, encoded["offset_mapping"], special)
    if not words:
        raise InputError("the prompt has no word; give one")
    pooling = torch.zeros(len(words), count)
    for row, unit in enumerate(words):
        pooling[row, list(unit.tokens)] = 1 / len(unit.tokens)
    return pooling, words


def _pixels(image: Any) -> UInt8[Tensor, "height width 3"]:
    import numpy as np

    return torch.from_numpy(np.array(image.convert("RGB")))
