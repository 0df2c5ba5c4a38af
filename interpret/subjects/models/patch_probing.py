"""Finds the patch grid of a vision transformer, and checks that its attention is over these patches."""

import inspect
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from interpret.attention.recording import Recording, recording
from interpret.errors import CaptureError, InputError
from interpret.subjects.inputs.patches import PatchGrid
from interpret.subjects.models.probing import require_gradients
from interpret.system.refusals import refusing

VISION = "ViT, DeiT, DINOv2, BEiT and CLIP"

_ALONE = 1e-6  # largest change that a patch may make at another position, as a share of that at its own


def find_grid(name: str, model: nn.Module, *, channels: int, height: int, width: int) -> PatchGrid:
    """Finds the patch grid of images of one size, and checks that the model's attention is over these patches.

    The patch size comes from the config and the number of positions from the recorded attention. A test run checks
    that each patch has its own position, row by row: changed pixels in one patch must change the first layer's value
    vectors at one position only.

    Args:
        name: The user's name for the model.
        model: Called as `model(pixel_values=pixels)`.
        channels: Channels of a pixel.
        height: Height of the images, in pixels.
        width: Width of the images, in pixels.

    Raises:
        InputError: The model has no global attention over patches, or its attention can't be read in every layer.
    """
    config: Any = getattr(model.config, "vision_config", model.config)
    _require_pixels(name, model, getattr(config, "num_channels", None), channels)
    size = getattr(config, "patch_size", None)
    high, wide = (size, size) if isinstance(size, int) else tuple(size or (0, 0))
    if high and wide and (height % high or width % wide):
        cut = f"its images of {height} x {width} pixels can't be cut into its patches of {high} x {wide}"
        raise _no_patches(name, model, cut)
    pixels = torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(0))
    record = _recorded(name, model, pixels)
    layers = getattr(config, "num_hidden_layers", None)
    if isinstance(layers, int) and 0 < len(record.calls) < layers:
        seen = f"it can be read in {len(record.calls)} of its {layers} layers only"
        raise InputError(f"{name} ({type(model).__name__}) can't be explained by attention: {seen}; use {VISION}")
    tokens = _positions(name, model, record)
    if not high or not wide:
        raise _no_patches(name, model, "its config.json has no patch_size")
    rows, columns = height // high, width // wide
    if tokens < rows * columns:
        raise _no_patches(name, model, f"its layers look at {tokens} positions, and there are {rows * columns} patches")
    grid = PatchGrid(rows, columns, high, wide, channels, tokens - rows * columns)
    _require_places(name, model, grid, pixels)
    coloured = pixels.to(next(model.parameters())).requires_grad_()
    require_gradients(name, model, lambda: model(pixel_values=coloured)[0])
    return grid


def _require_pixels(name: str, model: nn.Module, wanted: int | None, channels: int) -> None:
    """Raises if a model doesn't read images with this number of channels."""
    if "spatial_shapes" in inspect.signature(model.forward).parameters:
        raise InputError(
            f"{name} ({type(model).__name__}) reads patches that are cut beforehand, from images of any size; use "
            f"{VISION}"
        )
    if isinstance(wanted, int) and wanted != channels:
        raise InputError(
            f"{name} ({type(model).__name__}) reads images of {wanted} channels, and its image processor gives "
            f"{channels}; give it the processor that belongs to it"
        )


def _positions(name: str, model: nn.Module, record: Recording) -> int:
    """Number of queries and keys, which must be the same in all layers; an error names the first layer that differs."""
    if not record.calls:
        raise _no_patches(name, model, "no attention of it can be read")
    usual = max(call.weights.shape[-1] for call in record.calls)
    for call in record.calls:
        examples, _, queries, keys = call.weights.shape
        if examples > 1:
            raise _no_patches(name, model, f"{call.name} looks at {examples} windows of {keys} positions each")
        if queries != usual or keys != usual:
            looks = f"{call.name} looks from {_counted(queries)} at {keys}, and others from and at {usual}"
            raise _no_patches(name, model, looks)
    return usual


def _counted(positions: int) -> str:
    return "1 position" if positions == 1 else f"{positions} positions"


def _require_places(name: str, model: nn.Module, grid: PatchGrid, pixels: Float[Tensor, "1 channel y x"]) -> None:
    """Raises if patches at or beside corners aren't at the positions that the grid gives them."""
    probed = sorted({0, min(1, grid.patches - 1), grid.columns - 1, grid.columns % grid.patches, grid.patches - 1})
    numbers = grid.cut(pixels).repeat(1 + len(probed), 1, 1)
    for row, patch in enumerate(probed, start=1):
        numbers[row, grid.extra + patch] = -numbers[row, grid.extra + patch]
    values = _recorded(name, model, grid.joined(numbers)).calls[0].values_per_head.float()
    moved = (values[1:] - values[:1]).abs().amax(dim=(1, 3))
    for patch, change in zip(probed, moved, strict=True):
        own = float(change[grid.extra + patch])
        change[grid.extra + patch] = 0
        if not own > 0 or float(change.max()) > _ALONE * own:
            raise _no_patches(name, model, "a patch of its images has no position of its own")


def _recorded(name: str, model: nn.Module, pixels: Float[Tensor, "batch channel y x"]) -> Recording:
    weight = next(model.parameters())
    with (
        refusing(f"{name} ({type(model).__name__}) doesn't run on images of {pixels.shape[2]} x {pixels.shape[3]}"),
        torch.no_grad(),
        recording(model) as record,
    ):
        try:
            model(pixel_values=pixels.to(weight))
        except CaptureError as error:
            raise InputError(f"{name} can't be explained: {error}; use {VISION}") from error
    return record


def _no_patches(name: str, model: nn.Module, why: str) -> InputError:
    return InputError(f"{name} ({type(model).__name__}) has no global attention over patches: {why}; use {VISION}")
