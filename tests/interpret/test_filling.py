"""What stands in the place of missing pixels, against plain loops, dense systems and sums by hand."""

import math

import numpy as np
import pytest
import torch

from interpret.subjects.inputs.pixel_filling import NOISE, blurred, mean_colour, noisy_linear

GONE = torch.tensor(
    [
        [True, True, False, False, False],
        [True, True, False, True, False],
        [False, False, False, True, True],
        [False, False, False, True, True],
    ]
)


def image(seed=0):
    return torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(seed))


def neighbours(y, x, height=4, width=5):
    """Pixels around one and what they weigh, in plain Python."""
    found = []
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if (down, right) != (0, 0) and 0 <= y + down < height and 0 <= x + right < width:
                found.append((y + down, x + right, 1 / 6 if 0 in (down, right) else 1 / 12))
    total = sum(weight for *_, weight in found)
    return [(ny, nx, weight / total) for ny, nx, weight in found]


@pytest.mark.parametrize("fill", [mean_colour, noisy_linear, lambda p, g: blurred(p, g, deviation=1.5)])
def test_what_is_left_stays_as_it_was(fill):
    filled = fill(image(), GONE)
    assert torch.equal(filled[:, ~GONE], image()[:, ~GONE])
    assert not torch.isclose(filled[:, GONE], image()[:, GONE]).any()
    assert torch.equal(fill(image(), torch.zeros_like(GONE)), image())
    assert torch.equal(filled, fill(image(), GONE))


def test_mean_colour_is_that_of_the_whole_image():
    pixels = torch.tensor([[[0.0, 1.0], [2.0, 5.0]], [[1.0, 1.0], [1.0, 3.0]]])
    filled = mean_colour(pixels, torch.tensor([[True, False], [False, True]]))
    assert filled.tolist() == [[[2.0, 1.0], [2.0, 2.0]], [[1.5, 1.0], [1.0, 1.5]]]


def test_blur_is_a_gaussian_mean_of_the_untouched_image():
    filled, pixels = blurred(image(), GONE, deviation=1.5), image()
    for y, x in GONE.nonzero().tolist():
        weights = [[math.exp(-((y - v) ** 2 + (x - u) ** 2) / (2 * 1.5**2)) for u in range(5)] for v in range(4)]
        total = sum(map(sum, weights))
        for channel in range(3):
            expected = sum(weights[v][u] * float(pixels[channel, v, u]) for v in range(4) for u in range(5)) / total
            assert float(filled[channel, y, x]) == pytest.approx(expected, abs=1e-5)


def noise():
    return NOISE * torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0))


def test_noisy_linear_leaves_no_residual():
    smooth = torch.where(GONE, noisy_linear(image(), GONE) - noise(), image())
    for y, x in GONE.nonzero().tolist():
        mean = sum(weight * smooth[:, ny, nx] for ny, nx, weight in neighbours(y, x))
        assert torch.allclose(mean, smooth[:, y, x], atol=1e-6)


def test_noisy_linear_is_the_solution_of_the_dense_system():
    pixels, places = image().double().numpy(), [tuple(place) for place in GONE.nonzero().tolist()]
    system, known = np.eye(len(places)), np.zeros((len(places), 3))
    for row, (y, x) in enumerate(places):
        for ny, nx, weight in neighbours(y, x):
            if (ny, nx) in places:
                system[row, places.index((ny, nx))] -= weight
            else:
                known[row] += weight * pixels[:, ny, nx]
    expected = np.linalg.solve(system, known)
    filled = (noisy_linear(image(), GONE) - noise())[:, GONE].T
    assert np.allclose(filled.numpy(), expected, atol=1e-6)


def test_one_pixel_by_hand():
    pixels = torch.arange(9.0).view(1, 3, 3)
    middle = torch.zeros(3, 3, dtype=torch.bool)
    middle[1, 1] = True
    pixels[0, 0, 1] = 7.0  # was 1, weighs 1/6
    pixels[0, 2, 2] = 2.0  # was 8, weighs 1/12
    shift = NOISE * torch.randn(1, 3, 3, generator=torch.Generator().manual_seed(0))[0, 1, 1]
    assert float(noisy_linear(pixels, middle)[0, 1, 1] - shift) == pytest.approx(4 + 6 / 6 - 6 / 12, abs=1e-6)


def test_a_plain_image_stays_plain_but_for_the_noise():
    filled = noisy_linear(torch.full((3, 40, 40), 0.25), torch.rand(40, 40) < 0.7) - 0.25
    assert 0 < float(filled.abs().max()) < 6 * NOISE
    everything = noisy_linear(torch.full((3, 40, 40), 0.25), torch.ones(40, 40, dtype=torch.bool)) - 0.25
    assert float(everything.std()) == pytest.approx(NOISE, rel=0.05)
    assert abs(float(everything.mean())) < 4 * NOISE / math.sqrt(4800)


def test_noisy_linear_with_nothing_left_starts_from_the_mean_colour():
    filled = noisy_linear(image(), torch.ones(4, 5, dtype=torch.bool))
    assert torch.allclose(filled - noise(), image().mean(dim=(1, 2), keepdim=True).expand(3, 4, 5), atol=1e-6)
