"""What the doctor says of a model's size and cost, against arithmetic by hand."""

import json
from pathlib import Path
from typing import Any

import pytest
from images_for_tests import tiny_vision
from tiny_models import tiny_model
from transformers.models.llama.modeling_llama import LlamaAttention

from interpret.doctor.availability import available_analyses
from interpret.doctor.building import default_config
from interpret.doctor.check_result import CheckResult
from interpret.doctor.configs import describe_config, read_config
from interpret.doctor.costs import MeasuredPass, estimate_costs, measure_pass
from interpret.doctor.description import CallShape, Description, describe_model
from interpret.doctor.diagnosis import Diagnosis, diagnose, diagnose_config
from interpret.doctor.examination import Examination
from interpret.doctor.trial import Trial, try_analysis
from interpret.errors import InputError
from interpret.subjects.text import TextSubject

LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 3, "hidden_size": 32,
         "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 40, "vocab_size": 50,
         "max_position_embeddings": 128, "dtype": "bfloat16", "tie_word_embeddings": False}  # fmt: skip

POSSIBLE = "text-generation, text-classification, question-answering, token-classification"


SUPPORTED = (
    "…ForSequenceClassification (text-classification), …ForCausalLM (text-generation), …ForQuestionAnswering "
    "(question-answering), …ForConditionalGeneration (translation), …ForTokenClassification (token-classification) and "
    "…ForImageClassification (image-classification)"
)


def described(**changes: object) -> Description:
    given: dict[str, object] = {
        **dict.fromkeys(("name", "model_class", "architecture", "way_in"), "m"),
        **{"task": "text-generation", "layers": 2, "calls": (CallShape(4, 2, 8, 16),) * 2, "longest": 64},
        **{"kernel": "sdpa", "dtype": "float32", "parameters": 1000},
    }
    return Description(**{**given, **changes})  # type: ignore[arg-type]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA), "utf-8")
    return path


def test_memory_is_counted_and_time_grows_with_the_operations() -> None:
    short, long = estimate_costs(described(), (10, 100), measured=MeasuredPass(tokens=10, seconds=0.5, linear=300))
    assert short.weights_bytes == 4000
    # Two layers, ten tokens: 4 heads of 8 and 16 numbers for queries and outputs, 2 of 8 and 16 for keys and values.
    assert short.recording_bytes == 4 * 2 * 10 * (4 * 8 + 4 * 16 + 2 * 8 + 2 * 16)
    assert short.maps_bytes == 4 * 2 * 4 * 10 * 10
    operations = [2 * 300 * tokens + 2 * (2 * 4 * (8 + 16)) * tokens**2 for tokens in (10, 100)]
    assert short.seconds == pytest.approx(0.5)
    assert long.seconds == pytest.approx(0.5 * operations[1] / operations[0])
    assert short.fits and not long.fits
    (half,) = estimate_costs(described(dtype="bfloat16"), (10,))
    assert half.weights_bytes == 2000 and half.seconds is None


def test_a_pass_is_measured_and_linear_weights_are_counted() -> None:
    model = tiny_model("causal", "gpt2")
    measured = measure_pass(model, 32)
    # GPT-2's layer has 4 + 8 times the square of its width without its feed-forward size; there are two, and the head.
    inner = model.transformer.h[0].mlp.c_fc.weight.numel() * 2 + 4 * 64 * 64
    assert measured.tokens == 32 and measured.seconds > 0
    assert measured.linear == 2 * (inner + 3 * 64 + 64 + model.transformer.h[0].mlp.c_fc.bias.numel() + 64) + 99 * 64


def test_a_model_is_described_by_what_runs() -> None:
    found = describe_model("mine", tiny_model("causal", "gemma2"), "text-generation")
    assert (found.model_class, found.architecture, found.layers) == ("Gemma2ForCausalLM", "gemma2", 2)
    assert found.calls == (CallShape(4, 2, 16, 16),) * 2
    assert (found.kernel, found.dtype, found.longest) == ("eager", "float32", 64)
    assert found.way_in == "transformers' attention interface"
    translator = describe_model("t", tiny_model("translator", "bart"), "translation")
    assert translator.layers == 4 and len(translator.calls) == 6


def test_a_config_says_how_large_the_model_is_without_building_it(config: Path) -> None:
    path, read, task = read_config(str(config.parent), None)
    assert (path, task) == (config, "text-generation")
    found = describe_config("c", read, task, {LlamaAttention})
    layer = 32 * 32 * 2 + 2 * 32 * 16 + 3 * 32 * 40 + 2 * 32  # queries and output, keys and values, gated, two norms
    assert found.parameters == 3 * layer + 2 * 50 * 32 + 32
    assert (found.calls, found.dtype, found.longest) == ((CallShape(4, 2, 8, 8),) * 3, "bfloat16", 128)
    assert read_config(str(config), "text-classification")[2] == "text-classification"


@pytest.mark.parametrize(
    ("architecture", "task", "calls", "parameters"),
    [
        ("gpt2", "text-generation", 12, 124_439_808),  # as published; the embeddings are used twice and count once
        ("t5", "translation", 6 + 6 + 6, 60_506_624),
        ("jamba", "text-generation", 4, None),  # one layer in eight attends
        ("vit", "image-classification", 12, None),
        ("swin", "image-classification", 12, None),
    ],
)
def test_a_config_says_how_often_the_full_model_attends(
    architecture: str, task: str, calls: int, parameters: int | None, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(default_config(architecture).to_json_string(use_diff=False), "utf-8")
    found = diagnose_config(str(tmp_path), task=task, tokens=(64,))
    assert len(found.description.calls) == calls
    assert parameters in (None, found.description.parameters)
    # An image of 224 x 224 in patches of 16, and one position more; windows have no one length.
    assert [cost.tokens for cost in found.costs] == {"vit": [14 * 14 + 1], "swin": []}.get(architecture, [64])


@pytest.mark.parametrize(
    ("changes", "task", "says"),
    [
        ({"num_hidden_layers": 10**6}, None, "{path} says num_hidden_layers = 1000000, which no model has; get this "
         "file again"),
        ({"model_type": "lama"}, None, "{folder} is of the type 'lama', which transformers {version} doesn't know; a "
         "newer transformers may, or config.json is damaged"),
        ({"architectures": None}, None, "config.json of {folder} doesn't say what it was made for (architectures); "
         "name it with --task (task= in Python): supported are " + SUPPORTED),
        ({"architectures": ["LlamaModel"]}, None, "{folder} is a LlamaModel, which isn't supported; supported are "
         + SUPPORTED),
        ({}, "image-classification", "a llama can't be built for 'image-classification'; possible are " + POSSIBLE),
    ],
)  # fmt: skip
def test_configs_that_cant_be_used_say_why(config: Path, changes: dict[str, object], task: str, says: str) -> None:
    import transformers

    config.write_text(json.dumps(LLAMA | changes), "utf-8")
    with pytest.raises(InputError) as caught:
        read_config(str(config.parent), task)
    version = transformers.__version__
    assert str(caught.value) == says.format(path=config, folder=config.parent, version=version)


def test_a_config_that_isnt_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.json"
    with pytest.raises(InputError) as caught:
        read_config(str(path), None)
    assert str(caught.value) == f"there is no config {path}; give a folder with a config.json, that file, or a hub id"


def test_analyses_are_withheld_for_what_was_found() -> None:
    heads = CheckResult(
        "a silenced head is one with zeroed columns of the output projection", "failed", 0.1, 1e-5, "4 heads"
    )
    rows = CheckResult("recorded weights, put back, give the same answer", "passed", 0.0, 1e-4)
    gradients = CheckResult("gradients are finite", "passed")
    found = Examination("M", 1, ("interface",), (heads, rows, gradients))
    described_ = described(calls=(CallShape(4, 4, 8, 8),))
    refused = Trial(refusal="it refuses")
    reasons = {each.analyses.split(",")[0]: each.reason for each in available_analyses(described_, found, refused)}
    assert reasons == {
        "attention weights": "",
        "attention rollout": "only 1 of 2 layers have attention that can be read",
        "heads silenced and changed": f"not so: {heads.check} (4 heads)",
        "attention weights changed": "",
        "gradients by the input and by heads": "",
        "interpret analyze": "it refuses",
        "interpret pair and study": "it refuses",
    }
    nothing = available_analyses(described(calls=()), Examination("M", 0, (), (), "no attention"), refused)
    assert [each.reason for each in nothing] == ["no attention"] * 5 + ["it refuses"] * 2


@pytest.mark.parametrize(
    ("tried", "analyze", "single"),
    [
        (Trial(), "", ""),
        (Trial(single="they read texts"), "", "they read texts"),
        (Trial(crash="KeyError: 'x'"), "crashes: KeyError: 'x'", "crashes: KeyError: 'x'"),
        (Trial(failed=("a", "b")), "self-checks fail: a, b", "self-checks fail: a, b"),
    ],
)
def test_commands_are_available_where_they_ran(tried: Trial, analyze: str, single: str) -> None:
    found = Examination("M", 2, ("interface",), (CheckResult("gradients are finite", "passed"),))
    available = available_analyses(described(), found, tried)
    reasons = {each.analyses: each.reason for each in available}
    assert (reasons["interpret analyze"], reasons["interpret pair and study"]) == (analyze, single)
    assert reasons["attention rollout"] == ""  # of a chain of layers; and where analyses run, it ran
    assert Diagnosis(described(), found, False, available, ()).passed == (not analyze)


def test_a_diagnosis_of_images_costs_one_image() -> None:
    found = diagnose(tiny_vision(), tokens=(128, 512))
    assert found.passed and not found.small
    assert [cost.tokens for cost in found.costs] == [17]  # 16 patches of 4 by 4 pixels, and one to read from
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["passed"] is True


def test_a_model_that_is_too_slow_to_be_tried_is_planned_only(bert: TextSubject) -> None:
    tried = try_analysis(bert, most_seconds=0)
    assert not tried.problem and tried.note.startswith("not tried, for a short text takes ")


def saved_config(folder: Path, architecture: str, made_for: str, **changes: object) -> Path:
    """A folder with nothing but the config that transformers makes, and a few settings."""
    values = {**default_config(architecture).to_dict(), "architectures": [made_for], **changes}
    (folder / "config.json").write_text(json.dumps(values, default=str), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("architecture", "made_for", "changes", "says"),
    [
        ("fnet", "FNetForSequenceClassification", {}, "has no attention that can be read: nothing in it goes through"),
        ("jamba", "JambaForCausalLM", {}, "has attention that can be read in 2 of its 4 layers only"),
        ("hrm_text", "HrmTextForCausalLM", {}, "drops gradients inside: 2 of its 12 attention calls are computed with"),
        ("bert", "BertLMHeadModel", {}, "lets its positions see later ones, so it predicts no next token"),
        ("bart", "BartForSequenceClassification", {}, "is an encoder-decoder model, and those are read for tra"),
        ("llama", "LlamaForCausalLM", {"quantization_config": {"quant_method": "awq"}}, "has quantized weights, which"),
        ("bert", "BertForSequenceClassification", {"pruned_heads": {"0": [1]}}, "had heads pruned (pruned_heads in c"),
        ("swin", "SwinForImageClassification", {}, "looks at 196 windows of 16 positions each; use ViT"),
        ("siglip", "SiglipForImageClassification", {}, "vision_model.head.attention looks from 1 position at 196, and "
         "others from and at 196; use ViT"),
        ("vit", "ViTForImageClassification", {"image_size": 225}, "its images of 225 x 225 pixels can't be cut into "
         "its patches of 16 x 16"),
    ],
)  # fmt: skip
def test_a_config_promises_no_analysis_where_loading_or_analysing_refuses(
    architecture: str, made_for: str, changes: dict[str, object], says: str, tmp_path: Path
) -> None:
    found = diagnose_config(str(saved_config(tmp_path, architecture, made_for, **changes)))
    reasons = {each.analyses: each.reason for each in found.analyses}
    assert says in reasons["interpret analyze"] and not found.passed
    assert reasons["interpret analyze"].startswith(str(tmp_path)), reasons  # not the folder of the small model
    small = reasons["interpret analyze"].endswith(" (numbers are of a small model of this config)")
    assert small != (architecture in ("bart", "llama") or "pruned_heads" in changes)


def test_what_lies_beside_a_config_is_looked_at_as_loading_does(bert_folder: Path, saved: Path, tmp_path: Path) -> None:
    def reason(folder: Path, **options: Any) -> str:
        found = diagnose_config(str(folder), **options)
        return next(each.reason for each in found.analyses if each.analyses == "interpret analyze")

    assert reason(bert_folder) == "" == reason(bert_folder / "config.json")
    (bert_folder / "tokenizer.json").unlink()
    assert reason(bert_folder).startswith(f"{bert_folder} has no tokenizer: there must be a tokenizer.json")
    (bert_folder / "model.safetensors").rename(bert_folder / "pytorch_model.bin")
    assert "as pickle files only, which can carry code" in reason(bert_folder)
    assert "has no tokenizer" in reason(bert_folder, allow_pickle=True)
    (bert_folder / "adapter_config.json").write_text("{}", "utf-8")
    assert "holds an adapter, not a whole model" in reason(bert_folder)
    other = tmp_path / "settings.json"  # by another name it is a config and no more
    other.write_text((saved / "gpt2" / "config.json").read_text("utf-8"), "utf-8")
    assert reason(other) == ""
