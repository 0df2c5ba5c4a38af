"""Images as subjects: their patches, their decisions, and what is left without a patch."""

from pathlib import Path

import numpy as np
import pytest
import torch
from images_for_tests import (
    FAMILIES,
    PATCH,
    SIDE,
    SeesRed,
    processor,
    save_noise,
    save_red_patch,
    sees_red,
    tiny_vision,
    tiny_vision_model,
)
from PIL import Image

import interpret
from interpret.errors import InputError
from interpret.subjects.decision import margin
from interpret.subjects.tasks.image_classification import ImageClassification


@pytest.fixture
def noise(tmp_path):
    return str(save_noise(tmp_path / "noise.png"))


def test_positions_hold_normalised_pixels(noise):
    example = tiny_vision("deit with teacher").encode(noise)
    pixels = np.asarray(Image.open(noise)).astype(float)
    assert example.ids.shape == (18, 3 * PATCH * PATCH) and not example.ids[:2].any()
    for row, column in ((0, 0), (1, 3), (3, 2)):
        tile = pixels[PATCH * row : PATCH * (row + 1), PATCH * column : PATCH * (column + 1)]
        expected = ((tile / 255 - 0.5) / 0.5).transpose(2, 0, 1).ravel()
        assert np.allclose(example.ids[2 + 4 * row + column].numpy(), expected, atol=1e-6)


def test_units_are_patches_by_row_and_column(noise):
    example = tiny_vision("deit with teacher").encode(noise)
    assert [unit.text for unit in example.units[3:5]] == ["row 1, column 4", "row 2, column 1"]
    assert [unit.tokens for unit in example.units] == [(place,) for place in range(2, 18)]
    assert example.tokens[:4] == ("[CLS]", "[DIST]", "1,1", "1,2") and example.tokens[-1] == "4,4"
    assert example.separators == (0, 1) and example.text == noise


def test_positions_in_front_have_names(noise):
    names = {family: tiny_vision(family).encode(noise).tokens for family in ("ijepa", "dinov2_with_registers")}
    assert names["ijepa"][0] == "1,1"
    assert names["dinov2_with_registers"][:6] == ("[CLS]", "[REG 1]", "[REG 2]", "[REG 3]", "[REG 4]", "1,1")


def test_the_picture_is_what_the_model_sees(tmp_path):
    path = save_noise(tmp_path / "wide.png", width=40, height=24)
    picture = tiny_vision().encode(str(path)).picture
    resized = np.asarray(Image.open(path).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    assert picture.pixels.shape == (SIDE, SIDE, 3) and (picture.rows, picture.columns) == (4, 4)
    assert np.abs(picture.pixels.numpy().astype(int) - resized.astype(int)).max() <= 1


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_the_models_own(family, noise):
    subject = tiny_vision(family)
    example = subject.encode(noise)
    pixels = subject.processor(images=Image.open(noise), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        expected = subject.model(pixel_values=pixels).logits
        assert torch.equal(subject.logits(example.ids[None]), expected)
        again = subject.logits_from(subject.embed(example.ids[None]), example.ids[None])
    assert torch.equal(again, expected)
    assert subject.decide(example).label == ("cat", "dog", "ship")[int(expected.argmax())]


def test_a_model_that_answers_by_a_tuple_is_read(noise):
    model = tiny_vision_model("clip")
    expected = ImageClassification.from_transformers("by name", model, processor())
    example = expected.encode(noise)
    logits = expected.logits(example.ids[None])
    model.config.return_dict = False
    subject = ImageClassification.from_transformers("by place", model, processor())
    assert isinstance(model(pixel_values=subject.model_inputs(example)["pixel_values"]), tuple)
    assert torch.equal(subject.logits(example.ids[None]), logits)
    assert all(check.passed for check in subject.record(example)[1])


@pytest.mark.parametrize("family", FAMILIES)
def test_recordings_check_out_and_a_batch_equals_single_images(family, noise, tmp_path):
    subject = tiny_vision(family)
    examples = [subject.encode(noise), subject.encode(str(save_noise(tmp_path / "other.png", seed=1)))]
    records = [subject.record(example) for example in examples]
    assert all(check.passed for _, checks in records for check in checks)
    with torch.no_grad(), interpret.recording(subject.model) as both:
        logits = subject.logits(torch.stack([example.ids for example in examples]))
    for index, example in enumerate(examples):
        assert torch.allclose(both.stacked(index), records[index][0].stacked(), atol=1e-6)
        assert torch.allclose(logits[index], subject.logits(example.ids[None])[0], atol=1e-5)
    assert not torch.allclose(logits[0], logits[1], atol=1e-3)


def test_gradients_are_those_of_pixels(noise):
    subject = tiny_vision("beit")
    example = subject.encode(noise)
    embeddings = subject.embed(example.ids[None]).requires_grad_()
    margin(subject.logits_from(embeddings, example.ids[None]), 1)[0].backward()
    pixels = subject.processor(images=Image.open(noise), return_tensors="pt")["pixel_values"].requires_grad_()
    logits = subject.model(pixel_values=pixels).logits[0]
    (logits[1] - torch.maximum(logits[0], logits[2])).backward()
    for row, column in ((0, 0), (2, 1), (3, 3)):
        own = pixels.grad[0, :, PATCH * row : PATCH * (row + 1), PATCH * column : PATCH * (column + 1)]
        assert torch.allclose(embeddings.grad[0, 1 + 4 * row + column], own.flatten(), atol=1e-6)


def test_decisions_are_read_where_the_head_reads(noise):
    def readout(family, **settings):
        model = tiny_vision_model(family, **settings)
        subject = ImageClassification.from_transformers(family, model, processor())
        return subject.decide(subject.encode(noise)).readout

    assert readout("vit")[0] == 1 and readout("beit", use_mean_pooling=False)[0] == 1
    assert bool((readout("beit")[1:] > 0).all()) and float(readout("beit").sum()) == pytest.approx(1)
    assert bool((readout("deit with teacher")[:2] > 0).all()) and not readout("deit with teacher")[2:].any()


def test_each_filling_reaches_the_model_where_the_patch_was(noise):
    subject = tiny_vision()
    example = subject.encode(noise)
    gone = torch.zeros(17, dtype=torch.bool)
    gone[1 + 4 * 1 + 2] = True
    assert subject.erasers == ("mean", "blur", "noisy linear")
    filled = {eraser: subject.without(example.ids, gone, eraser) for eraser in subject.erasers}
    for numbers in filled.values():
        assert (
            torch.equal(numbers[~gone], example.ids[~gone])
            and not torch.isclose(numbers[gone], example.ids[gone]).any()
        )
    mean = example.ids[1:].view(16, 3, 16).mean(dim=(0, 2))
    assert torch.allclose(filled["mean"][7].view(3, 16), mean[:, None].expand(3, 16), atol=1e-6)
    image = subject.grid.joined(example.ids[None])[0].double().numpy()
    weights = np.exp(-(np.subtract.outer(np.arange(16), np.arange(16)) ** 2) / (2 * PATCH**2))
    weights /= weights.sum(axis=1, keepdims=True)
    blur = np.einsum("yv,cvu,xu->cyx", weights, image, weights)[:, 4:8, 8:12]
    assert np.allclose(filled["blur"][7].numpy(), blur.ravel(), atol=1e-5)
    assert len({tuple(numbers[gone][0].tolist()) for numbers in filled.values()}) == 3


@pytest.mark.parametrize("eraser", ["mean", "blur", "noisy linear"])
def test_erasing_runs_the_model_on_filled_images(eraser, noise):
    subject = tiny_vision("dinov2")
    example = subject.encode(noise)
    removed = torch.rand(7, 16, generator=torch.Generator().manual_seed(3)) < 0.4
    removed[0], removed[1] = False, removed[2]
    scores = subject.erase(example, removed, target=1, eraser=eraser)
    for row in range(7):
        numbers = subject.without(example.ids, torch.cat([torch.tensor([False]), removed[row]]), eraser)
        logits = subject.model(pixel_values=subject.grid.joined(numbers[None])).logits[0].detach()
        assert float(scores.margin[row]) == pytest.approx(float(logits[1] - logits[[0, 2]].max()), abs=1e-5)
        assert float(scores.probability[row]) == pytest.approx(float(logits.softmax(-1)[1]), abs=1e-5)


def test_an_eraser_of_words_is_refused_in_the_words_of_images(noise):
    subject = tiny_vision()
    with pytest.raises(InputError) as error:
        subject.chosen_eraser("mask", subject.encode(noise))
    assert str(error.value) == f"{subject.name} can remove patches by mean or blur or noisy linear, not by 'mask'"


def test_many_variants_are_split_into_passes(noise, monkeypatch):
    subject = tiny_vision()
    example = subject.encode(noise)
    removed = torch.eye(16, dtype=torch.bool)
    whole = subject.erase(example, removed, target=0, eraser="mean")
    monkeypatch.setattr(subject, "tokens_at_once", 3 * 17)
    sizes = []
    subject.model.register_forward_pre_hook(
        lambda _, args, kwargs: sizes.append(len(kwargs["pixel_values"])), with_kwargs=True
    )
    assert torch.allclose(subject.erase(example, removed, target=0, eraser="mean").margin, whole.margin, atol=1e-5)
    assert sizes == [3, 3, 3, 3, 3, 1]


def test_a_red_patch_decides_and_its_absence_undecides(tmp_path):
    subject = sees_red()
    example = subject.encode(str(save_red_patch(tmp_path / "red.png", 2, 1)))
    decision = subject.decide(example)
    assert decision.label == "red" and decision.margin > 0.5
    for eraser in subject.erasers:
        margins = subject.erase(example, torch.eye(16, dtype=torch.bool), target=0, eraser=eraser).margin
        assert int(margins.argmin()) == 4 * 2 + 1


def test_labels_by_name_and_number():
    subject = tiny_vision()
    assert [subject.find_label(name) for name in ("dog", " SHIP ", "0")] == [1, 2, 0]
    with pytest.raises(InputError) as caught:
        subject.find_label("cow")
    assert str(caught.value) == "tiny vit has no label 'cow'; its labels are cat, dog, ship, or their numbers 0 to 2"


def refused(path, message, **arguments):
    with pytest.raises(InputError) as caught:
        sees_red().encode(path, **arguments)
    assert str(caught.value) == message


def test_what_is_no_image_is_refused_in_one_line(tmp_path, noise):
    refused("A film.", "there is no image file 'A film.'; this model looks at images")
    text = tmp_path / "text.png"
    text.write_text("not an image")
    refused(str(text), f"{str(text)!r} is no image that can be read; give a JPEG or PNG file")
    refused(noise, "sees red is for image-classification, which reads one image, and two were given", second=noise)
    cut = tmp_path / "cut.png"
    cut.write_bytes(Path(noise).read_bytes()[:400])
    with pytest.raises(InputError, match=r"the image '.*cut.png' can't be read \(.+\); save it again, or give a"):
        sees_red().encode(str(cut))
    refused(str(tmp_path), f"{str(tmp_path)!r} is a folder; give the path of one image")


def test_an_image_of_too_many_pixels_is_refused(noise, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    refused(noise, f"{noise!r} has more pixels than can be trusted; give a smaller image")


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK"])
def test_every_colour_mode_is_read(mode, tmp_path):
    path = tmp_path / "image.tiff"
    Image.new(mode, (20, 12), color=tuple([90] * len(Image.new(mode, (1, 1)).getbands()))).save(path)
    assert sees_red().encode(str(path)).ids.shape == (17, 48)


def test_a_picture_is_turned_as_its_camera_says(tmp_path):
    straight, turned = tmp_path / "straight.png", tmp_path / "turned.png"
    save_noise(straight)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it by a quarter to the right
    Image.open(straight).transpose(Image.Transpose.ROTATE_90).save(turned, exif=exif)
    assert torch.equal(sees_red().encode(str(turned)).ids, sees_red().encode(str(straight)).ids)


def test_large_pictures_travel_as_jpeg(noise, monkeypatch):
    picture = sees_red().encode(noise).picture
    kind, png = picture.encoded()
    assert kind == "image/png" and png.startswith(b"\x89PNG")
    monkeypatch.setattr("interpret.subjects.inputs.picture.LARGEST_PNG", 10)
    kind, jpeg = picture.encoded()
    assert kind == "image/jpeg" and jpeg.startswith(b"\xff\xd8")


def test_a_processor_that_keeps_the_shape_is_refused():
    def keeps_shape(images, **options):
        return {"pixel_values": torch.zeros(1, 3, images.height, images.width)}

    with pytest.raises(InputError) as caught:
        ImageClassification("wide", SeesRed(), keeps_shape, labels=("red", "not red"))
    assert str(caught.value) == (
        "the image processor of wide gives pixels of the shapes [(3, 48, 64), (3, 64, 48)], and only images that are "
        "all made the same size (height x width) are supported yet"
    )


def test_a_processor_that_fails_is_told():
    def fails(images, **options):
        raise RuntimeError("no memory")

    with pytest.raises(InputError, match="the image processor of broken fails on this image: no memory"):
        ImageClassification("broken", SeesRed(), fails, labels=("red", "not red"))


def test_a_head_for_something_else_is_refused():
    model = tiny_vision_model("vit", problem_type="multi_label_classification")
    with pytest.raises(InputError, match="tiny says of each label by itself whether it applies, and that is read"):
        ImageClassification.from_transformers("tiny", model, processor())
