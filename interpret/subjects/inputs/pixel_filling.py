"""Fillings for pixels that are removed from an image: mean colour, blur or noisy linear imputation."""

import math
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

NOISE = 0.01  # standard deviation of the "noisy linear" noise, in normalised pixel units; from the paper's code
_NEIGHBOURS = (
    *(((down, right), 1 / 6) for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0))),
    *(((down, right), 1 / 12) for down, right in ((1, 1), (1, -1), (-1, 1), (-1, -1))),
)

Filling = Callable[[Float[Tensor, "channel y x"], Bool[Tensor, "y x"]], Float[Tensor, "channel y x"]]


def mean_colour(pixels: Float[Tensor, "channel y x"], gone: Bool[Tensor, "y x"]) -> Float[Tensor, "channel y x"]:
    """Fills removed pixels with the mean colour of the whole image.

    Args:
        pixels: The untouched image.
        gone: True where a pixel is removed.
    """
    return torch.where(gone, pixels.mean(dim=(1, 2), keepdim=True), pixels)


def blurred(
    pixels: Float[Tensor, "channel y x"], gone: Bool[Tensor, "y x"], *, deviation: float
) -> Float[Tensor, "channel y x"]:
    """Fills removed pixels with a Gaussian blur of the untouched image.

    Args:
        pixels: The untouched image.
        gone: True where a pixel is removed.
        deviation: Standard deviation of the Gaussian, in pixels. At the border of the image its weights are scaled to
            sum to 1.

    Source: Fong and Vedaldi (2017), arXiv:1704.03296, section 4.1, equation 3. They blur with 10 pixels on images of
    224; the caller chooses.
    """
    down, right = (_gaussian(size, deviation).to(pixels) for size in pixels.shape[1:])
    return torch.where(gone, down @ pixels @ right.T, pixels)


def noisy_linear(pixels: Float[Tensor, "channel y x"], gone: Bool[Tensor, "y x"]) -> Float[Tensor, "channel y x"]:
    """Fills each removed pixel with the weighted mean of its eight neighbours, removed ones included, plus noise.

    A plain fill shows the shape of the hole, which can tell the model what was in it; this one hides the hole.
    Neighbours that share a side weigh 1/6 and others 1/12; at the border of the image the weights are scaled to sum to
    1. The noise is the same at each call. If every pixel is removed, all become the mean colour plus noise.

    Args:
        pixels: The untouched image.
        gone: True where a pixel is removed.

    Source: Rong, Leemann, Borisov, Kasneci and Kasneci (2022), arXiv:2202.00449, noisy linear imputation.
    """
    if not gone.any():
        return pixels
    generator = torch.Generator().manual_seed(0)
    noise = NOISE * torch.randn(pixels.shape, generator=generator).to(pixels)
    if gone.all():
        return pixels.mean(dim=(1, 2), keepdim=True) + noise
    filled = pixels.clone()
    filled[:, gone] = _solved(pixels.double().cpu().numpy(), gone.cpu().numpy()).to(pixels)
    return torch.where(gone, filled + noise, pixels)


def _solved(pixels: Float[np.ndarray, "channel y x"], gone: Bool[np.ndarray, "y x"]) -> Float[Tensor, "channel pixel"]:
    """Solves for the removed pixels, each the weighted mean of its neighbours."""
    from scipy.sparse import coo_array, diags_array
    from scipy.sparse.linalg import splu

    number = np.full(gone.shape, -1)
    number[gone] = np.arange(gone.sum())
    ys, xs = np.nonzero(gone)
    total, known = np.zeros(len(ys)), np.zeros((len(ys), len(pixels)))
    links: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for (down, right), weight in _NEIGHBOURS:
        y, x = ys + down, xs + right
        inside = np.nonzero((y >= 0) & (y < gone.shape[0]) & (x >= 0) & (x < gone.shape[1]))[0]
        total[inside] += weight
        others = number[y[inside], x[inside]]
        there = inside[others < 0]
        known[there] += weight * pixels[:, y[there], x[there]].T
        links.append((inside[others >= 0], others[others >= 0], np.full(int((others >= 0).sum()), -weight)))
    row, column, value = (np.concatenate(part) for part in zip(*links, strict=True))
    unknown = coo_array((value, (row, column)), shape=(len(ys), len(ys)))
    return torch.from_numpy(splu((diags_array(total) + unknown).tocsc()).solve(known).T.copy())


def _gaussian(size: int, deviation: float) -> Float[Tensor, "place other"]:
    places = torch.arange(size, dtype=torch.float64)
    return (-((places[:, None] - places) ** 2) / (2 * math.pow(deviation, 2))).softmax(dim=1)
