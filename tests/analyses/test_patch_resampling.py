"""Patches that stand in the place of others, pixel by pixel."""

import pytest
import torch
from images_for_tests import save_noise, sees_red, tiny_vision

from analyses.verdicts.patch_resampling import PatchesOfImages, PatchesOfTheImage, images_of
from interpret.errors import InputError
from interpret.subjects.inputs.example import Example, Unit


@pytest.fixture
def examples(tmp_path):
    return [sees_red().encode(str(save_noise(tmp_path / f"{seed}.png", seed=seed))) for seed in range(4)]


def test_patches_of_the_same_image_are_any_but_its_own(examples):
    example, uniform = examples[0], [(place + 0.5) / 15 for place in range(15)]
    drawn = PatchesOfTheImage().draw(example, 5, uniform)
    assert drawn.shape == (15, 1, 48)
    assert torch.equal(drawn[:, 0], example.ids[[1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]])
    assert torch.equal(PatchesOfTheImage().draw(example, 5, [1.0])[0, 0], example.ids[16])


def test_other_images_give_the_patch_at_the_same_place(examples):
    source = PatchesOfImages(examples)
    drawn = source.draw(examples[1], 5, [0.0, 0.3, 0.4, 0.99])
    assert torch.equal(drawn[:, 0], torch.stack([examples[other].ids[6] for other in (0, 0, 2, 3)]))


def test_an_image_that_is_the_whole_corpus_replaces_itself(examples):
    drawn = PatchesOfImages(examples[:1]).draw(examples[0], 5, [0.1, 0.9])
    assert torch.equal(drawn[:, 0], examples[0].ids[[6, 6]])


@pytest.mark.parametrize("kind", ["same", "others"])
def test_replaced_and_shuffled_images(kind, examples):
    source = PatchesOfTheImage() if kind == "same" else PatchesOfImages(examples[1:])
    replaced = source.replaced(examples[0], 16, 3, torch.Generator().manual_seed(0))
    assert replaced.shape == (16, 3, 17, 48)
    changed = (replaced != examples[0].ids).any(dim=-1)
    assert torch.equal(changed, torch.eye(16, 17).roll(1, dims=1).bool()[:, None].expand(-1, 3, -1))
    shuffled = source.shuffled(examples[0], 5, torch.Generator().manual_seed(0))
    assert shuffled.shape == (5, 17, 48) and not shuffled[:, 0].any()
    assert bool((shuffled[:, 1:] != examples[0].ids[1:]).any(dim=-1).all())


def test_how_often_a_patch_occurs_is_not_known(examples):
    assert all(share != share for share in PatchesOfTheImage().frequency(examples[0]))


def test_a_corpus_must_fit(examples, tmp_path):
    with pytest.raises(InputError, match="a corpus without images can't give replacements; give some"):
        PatchesOfImages([])
    other = tiny_vision("ijepa").encode(str(save_noise(tmp_path / "other.png")))
    with pytest.raises(InputError) as caught:
        PatchesOfImages(examples).draw(other, 0, [0.5])
    assert str(caught.value) == (
        "the corpus has images of (17, 48) positions and numbers, and this one has (16, 48); encode both with the same "
        "model"
    )


def test_one_patch_has_no_others():
    example = Example("one", torch.zeros(2, 12), ("[CLS]", "1,1"), (Unit("row 1, column 1", (1,), 0, 0),), (0,))
    with pytest.raises(InputError, match="an image of one patch has no others to replace it by; give a model with"):
        PatchesOfTheImage().draw(example, 0, [0.5])


def test_a_folder_of_images_is_a_corpus(examples, tmp_path):
    (tmp_path / "notes.txt").write_text("not an image")
    source = images_of(tmp_path, sees_red())
    assert torch.equal(
        source.draw(examples[3], 0, [0.0, 0.99]), PatchesOfImages(examples).draw(examples[3], 0, [0, 0.99])
    )


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(InputError) as caught:
        images_of(tmp_path, sees_red())
    assert str(caught.value) == (
        f"the folder {tmp_path} has no images; their names must end with one of .jpg, .jpeg, .png, .webp, .bmp, .gif, "
        ".tif, .tiff"
    )
    with pytest.raises(InputError, match=r"there is no folder .*nowhere; for images, a corpus is a folder of them"):
        images_of(tmp_path / "nowhere", sees_red())
