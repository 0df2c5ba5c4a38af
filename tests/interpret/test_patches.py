"""Where the patches of an image stand among a model's positions, and which models have none."""

from types import SimpleNamespace

import pytest
import torch
from images_for_tests import FAMILIES, PATCH, SIDE, SeesRed, tiny_vision_model
from torch import nn
from transformers import AutoConfig, AutoModelForImageClassification

from interpret.errors import InputError
from interpret.subjects.inputs.patches import PatchGrid
from interpret.subjects.models.patch_probing import find_grid


def grid_of(model, side=SIDE, name="tiny"):
    return find_grid(name, model.eval(), channels=3, height=side, width=side)


def test_each_position_holds_the_pixels_of_its_patch():
    grid = PatchGrid(rows=2, columns=3, height=2, width=4, channels=3, extra=2)
    pixels = torch.arange(2 * 3 * 4 * 12.0).view(2, 3, 4, 12)
    cut = grid.cut(pixels)
    assert cut.shape == (2, 8, 24) and grid.tokens == 8
    for image in range(2):
        for row in range(2):
            for column in range(3):
                expected = [
                    float(pixels[image, channel, 2 * row + y, 4 * column + x])
                    for channel in range(3)
                    for y in range(2)
                    for x in range(4)
                ]
                assert cut[image, 2 + 3 * row + column].tolist() == expected
    assert not cut[:, :2].any()


def test_patches_joined_again_are_the_image():
    grid = PatchGrid(rows=3, columns=2, height=4, width=2, channels=1, extra=1)
    pixels = torch.randn(4, 1, 12, 4)
    assert torch.equal(grid.joined(grid.cut(pixels)), pixels)


def test_positions_that_are_no_patch_get_no_gradient():
    grid = PatchGrid(rows=2, columns=2, height=2, width=2, extra=1)
    numbers = grid.cut(torch.randn(1, 3, 4, 4)).requires_grad_()
    grid.joined(numbers).square().sum().backward()
    assert not numbers.grad[0, 0].any() and bool((numbers.grad[0, 1:] == 2 * numbers[0, 1:]).all())


@pytest.mark.parametrize("family", FAMILIES)
def test_finds_the_patches_of_every_family(family):
    grid = grid_of(tiny_vision_model(family))
    assert grid == PatchGrid(rows=4, columns=4, height=PATCH, width=PATCH, channels=3, extra=FAMILIES[family])


def test_patches_need_not_be_square():
    model = tiny_vision_model("vit", image_size=[16, 24], patch_size=[4, 8])
    grid = find_grid("tiny", model, channels=3, height=16, width=24)
    assert (grid.rows, grid.columns, grid.height, grid.width, grid.extra) == (4, 3, 4, 8, 1)


def test_another_size_than_the_models_own_is_found_where_it_can_be_read():
    assert grid_of(tiny_vision_model("dinov2"), side=24) == PatchGrid(6, 6, 4, 4, channels=3, extra=1)


def from_config(family, **settings):
    return AutoModelForImageClassification.from_config(AutoConfig.for_model(family, **settings))


def test_refuses_windows():
    swin = from_config(
        "swin", image_size=32, patch_size=4, embed_dim=16, depths=[1, 1], num_heads=[2, 2], window_size=4
    )
    with pytest.raises(InputError) as caught:
        grid_of(swin, side=32)
    assert str(caught.value) == (
        "tiny (SwinForImageClassification) has no global attention over patches: swin.encoder.layers.0.blocks.0."
        "attention looks at 4 windows of 16 positions each; use ViT, DeiT, DINOv2, BEiT and CLIP"
    )


def test_refuses_a_call_that_pools_and_channels_that_the_model_has_no_weights_for():
    settings = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    siglip = from_config("siglip", vision_config={**settings, "image_size": SIDE, "patch_size": PATCH})
    with pytest.raises(
        InputError, match=r"patches: vision_model.head.attention looks from 1 position at 16, and other"
    ):
        grid_of(siglip)
    with pytest.raises(
        InputError, match=r"reads images of 1 channels, and its image processor gives 3; give it the pr"
    ):
        grid_of(tiny_vision_model("vit", num_channels=1))


def test_refuses_convolutions():
    settings = dict(hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1])
    with pytest.raises(
        InputError, match=r"ConvNextForImageClassification\) has no global attention over patches: no attention"
    ):
        grid_of(from_config("convnext", **settings), side=32)
    with pytest.raises(InputError, match=r"ResNetFor.* no global attention over patches: no attention of it can be"):
        grid_of(from_config("resnet", embedding_size=8, **settings), side=32)


def test_refuses_images_that_dont_fit():
    with pytest.raises(InputError, match="images of 18 x 18 pixels can't be cut into its patches of 4 x 4; use ViT"):
        grid_of(tiny_vision_model("vit"), side=18)
    with pytest.raises(InputError, match=r"tiny \(ViTForImageClassification\) doesn't run on images of 20 x 20: "):
        grid_of(tiny_vision_model("vit"), side=20)
    with pytest.raises(InputError, match="reads images of 3 channels, and its image processor gives 1; give it"):
        find_grid("tiny", tiny_vision_model("vit"), channels=1, height=SIDE, width=SIDE)


def test_refuses_a_model_that_hides_some_layers():
    model = SeesRed()
    model.config.num_hidden_layers = 3
    with pytest.raises(InputError, match="by attention: it can be read in 1 of its 3 layers only; use ViT, DeiT"):
        grid_of(model)


class Before(nn.Module):
    """`SeesRed` on other pixels."""

    def __init__(self, change):
        super().__init__()
        self.inside, self.change = SeesRed(), change
        self.config = self.inside.config

    def forward(self, pixel_values) -> SimpleNamespace:
        return self.inside(pixel_values=self.change(pixel_values))


@pytest.mark.parametrize(
    "change",
    [
        lambda pixels: pixels.transpose(2, 3),  # column by column
        lambda pixels: pixels.flip(3),
        lambda pixels: pixels + 0.1 * pixels.roll(PATCH, dims=3),  # patches that overlap
        lambda pixels: pixels.roll(PATCH, dims=2),
        lambda pixels: torch.cat([pixels[:, :, :-PATCH], 0 * pixels[:, :, -PATCH:]], dim=2),  # the last row is lost
    ],
)
def test_refuses_patches_at_other_places(change):
    assert grid_of(Before(lambda pixels: pixels)).extra == 1
    with pytest.raises(InputError, match="no global attention over patches: a patch of its images has no position of"):
        grid_of(Before(change))
