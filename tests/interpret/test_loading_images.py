"""Image classifiers in a folder, and the command on an image."""

import json

import pytest
import torch
from click.testing import CliRunner
from images_for_tests import processor, save_noise, tiny_vision_model
from PIL import Image
from transformers import ViTConfig, ViTModel

import interpret
from interpret.cli import main
from interpret.errors import InputError
from interpret.subjects.tasks.image_classification import ImageClassification


@pytest.fixture
def folder(tmp_path):
    tiny_vision_model("vit").save_pretrained(tmp_path / "vit")
    processor().save_pretrained(tmp_path / "vit")
    return tmp_path / "vit"


def test_a_folder_becomes_a_subject(folder, tmp_path):
    subject = interpret.load(folder)
    assert isinstance(subject, ImageClassification) and subject.task == "image-classification"
    assert subject.labels == ("cat", "dog", "ship") and subject.facts.architecture == "ViTForImageClassification"
    path = save_noise(tmp_path / "wide.png", width=30, height=18)
    pixels = subject.processor(images=Image.open(path), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        expected = tiny_vision_model("vit")(pixel_values=pixels).logits
        assert torch.allclose(subject.logits(subject.encode(str(path)).ids[None]), expected, atol=1e-6)


def test_without_an_image_processor_it_is_refused(folder):
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(InputError) as caught:
        interpret.load(folder)
    assert str(caught.value) == (
        f"{folder} has no image processor: there must be a preprocessor_config.json; save the model's image processor "
        "into the folder"
    )


def test_a_damaged_image_processor_is_told(folder):
    (folder / "preprocessor_config.json").write_text('{"image_processor_type": "NoSuch"}')
    with pytest.raises(InputError, match=r"^the image processor in .* can't be loaded: "):
        interpret.load(folder)


def test_another_task_is_refused(folder):
    with pytest.raises(InputError, match="is a ViTForImageClassification, not a …ForSequenceClassification: this chec"):
        interpret.load(folder, task="text-classification")


def test_a_model_without_a_head_is_refused(tmp_path):
    config = ViTConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=4, image_size=16, patch_size=4)
    config.architectures = ["ViTForImageClassification"]
    ViTModel(config).save_pretrained(tmp_path / "body")
    processor().save_pretrained(tmp_path / "body")
    description = json.loads((tmp_path / "body" / "config.json").read_text())
    (tmp_path / "body" / "config.json").write_text(
        json.dumps({**description, "architectures": ["ViTForImageClassification"]})
    )
    with pytest.raises(InputError, match="this checkpoint has no trained image classification head"):
        interpret.load(tmp_path / "body")


def test_the_command_takes_an_image_and_a_folder_of_others(folder, tmp_path):
    (tmp_path / "others").mkdir()
    for seed in (1, 2, 3):
        save_noise(tmp_path / "others" / f"{seed}.png", seed=seed)
    path, out = save_noise(tmp_path / "noise.png"), tmp_path / "report.html"
    arguments = ["analyze", str(path), "--model", str(folder), "--quick", "--out", str(out), "--eraser", "blur"]
    ran = CliRunner().invoke(main, [*arguments, "--corpus", str(tmp_path / "others"), "--json", "-"])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    assert found["text"] == str(path) and found["image"]["rows"] == 4
    assert found["faithfulness"]["eraser"] == found["classic"]["eraser"] == "blur"
    assert found["verdict"]["replacements"] == "the same place in other images"
    assert len(found["maps"]) == 7 and len(found["maps"][0]["scores"]) == 16
    assert "<img" in out.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no.png"], "there is no image file 'no.png'; this model looks at images"),
        (["no.png", "--pair", "other.png"], "is for image-classification, which reads one input only, not --pair"),
        (["noise.png", "--corpus", "nowhere"], "there is no folder nowhere; for images, a corpus is a folder of them"),
    ],
)
def test_what_cannot_be_used_is_one_line(folder, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_noise(tmp_path / "noise.png")
    ran = CliRunner().invoke(main, ["analyze", *arguments, "--model", str(folder)])
    assert ran.exit_code == 2 and message in ran.stderr and ran.stderr.count("\n") == 1


def test_commands_that_read_texts_refuse_it(folder):
    ran = CliRunner().invoke(main, ["pair", "The cat sat.", "cat", "sat", "the", "--model", str(folder)])
    assert ran.exit_code == 2
    assert f"{folder} looks at images, and this command reads texts; interpret analyze takes images" in ran.stderr


def test_a_real_vision_transformer(shared):
    if not (shared / "models" / "vit-cifar10").is_dir():
        pytest.skip("there is no vit-cifar10 among the real models")
    subject = interpret.load(shared / "models" / "vit-cifar10")
    images = sorted((shared / "data" / "cifar10").glob("*_0000.jpg"))
    right = 0
    for path in images:
        example = subject.encode(str(path))
        assert all(check.passed for check in subject.record(example)[1])
        right += subject.decide(example).label == path.name.split("_")[0]
    assert subject.grid.rows == subject.grid.columns == 8 and right >= 0.5 * len(images)
