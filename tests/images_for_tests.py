"""Small images, tiny random vision transformers, and one whose decision is planted in the reddest patch."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForImageClassification, ViTImageProcessorPil
from transformers.modeling_outputs import ImageClassifierOutput

from interpret.attention.interface import attend
from interpret.subjects.tasks.image_classification import ImageClassification

SIDE, PATCH = 16, 4
_SIZES: dict[str, Any] = {
    **dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48),
    **dict(image_size=SIDE, patch_size=PATCH, initializer_range=0.3),
}
FAMILIES = {  # positions that are no patch, by what models are called here
    "vit": 1,
    "deit": 2,
    "deit with teacher": 2,
    "dinov2": 1,
    "dinov2_with_registers": 5,
    "beit": 1,
    "clip": 1,
    "ijepa": 0,
}


def tiny_vision_model(family: str, **settings: Any) -> nn.Module:
    """A random image classifier of three classes on images of 16 x 16 pixels and patches of 4 x 4."""
    named = {"id2label": {0: "cat", 1: "dog", 2: "ship"}, "label2id": {"cat": 0, "dog": 1, "ship": 2}}
    kind = family.removesuffix(" with teacher")
    sizes = {**_SIZES, **settings}
    if kind == "clip":
        small = {key: value for key, value in _SIZES.items() if "size" not in key or key.startswith(("h", "inter"))}
        text = {**small, "vocab_size": 50, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
        config = AutoConfig.for_model(kind, vision_config=sizes, text_config=text, **named)
    else:
        config = AutoConfig.for_model(kind, **sizes, **named)
    if kind == "deit":
        config.architectures = [f"DeiTForImageClassification{'WithTeacher' if kind != family else ''}"]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForImageClassification.from_config(config).eval()
        for parameter in model.parameters():  # some heads and position tables begin as zeros
            if not parameter.any():
                nn.init.normal_(parameter, std=0.2)
    return model


def processor(side: int = SIDE, **settings: Any) -> ViTImageProcessorPil:
    """Makes every image a square; colours become numbers from -1 to 1."""
    return ViTImageProcessorPil(size={"height": side, "width": side}, **settings)


def tiny_vision(family: str = "vit") -> ImageClassification:
    """A subject made of one of `FAMILIES`."""
    return ImageClassification.from_transformers(f"tiny {family}", tiny_vision_model(family), processor())


def save_noise(path: Path, *, seed: int = 0, width: int = SIDE, height: int = SIDE) -> Path:
    """An image of random colours."""
    generator = torch.Generator().manual_seed(seed)
    colours = torch.randint(0, 256, (height, width, 3), generator=generator, dtype=torch.uint8)
    Image.fromarray(colours.numpy()).save(path)
    return path


def save_red_patch(path: Path, row: int, column: int) -> Path:
    """A dark image of slightly different greys with one patch that is red."""
    shade = torch.arange(SIDE // PATCH).repeat_interleave(PATCH)
    colours = (20 + 3 * shade[:, None] + 7 * shade)[..., None].repeat(1, 1, 3).to(torch.uint8)
    colours[PATCH * row : PATCH * (row + 1), PATCH * column : PATCH * (column + 1)] = torch.tensor([250, 10, 10]).byte()
    Image.fromarray(colours.numpy()).save(path)
    return path


def eager_attention_forward(module, query, key, value, attention_mask, **extras):  # type: ignore[no-untyped-def]
    """softmax(query . key) values, the eager function of `SeesRed`."""
    weights = (query @ key.transpose(-1, -2)).softmax(dim=-1)
    return (weights @ value).transpose(1, 2), weights


class SeesRed(nn.Module):
    """One layer of attention: a class position looks at patches by how red they are, and reads nothing else."""

    def __init__(self, sharpness: float = 6.0) -> None:
        super().__init__()
        self.config = SimpleNamespace(patch_size=PATCH, num_channels=3, num_hidden_layers=1)
        self.sharpness = nn.Parameter(torch.tensor(sharpness))

    def forward(self, pixel_values: Tensor) -> ImageClassifierOutput:
        batch, _, height, width = pixel_values.shape
        tiles = pixel_values.view(batch, 3, height // PATCH, PATCH, width // PATCH, PATCH).mean(dim=(3, 5)).flatten(2)
        red = torch.cat([tiles.new_zeros(batch, 1), tiles[:, 0] - tiles[:, 1:].mean(dim=1)], dim=1)[:, None, :, None]
        query = self.sharpness * torch.ones_like(red)
        written, _ = attend(self, query, red, red, None, kernel=eager_attention_forward, kernel_name="eager")
        return ImageClassifierOutput(logits=torch.cat([written[:, 0, :, 0], torch.zeros(batch, 1)], dim=1))


def sees_red() -> ImageClassification:
    """`SeesRed` as a subject, which says "red" or "not red"."""
    return ImageClassification("sees red", SeesRed(), processor(), labels=("red", "not red"))
