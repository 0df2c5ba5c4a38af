"""Models of transformers as people have them in memory: spread over devices, quantized, in half precision."""

import pytest
import torch
from quantized_layers import EightBits, FourBits, quantized
from saved_models import random_model, save_bert, word_pieces
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import interpret
from analyses.decision.analyze import analyze
from interpret.attention.recording import recording
from interpret.doctor.examination import examine
from interpret.errors import InputError

TEXT = "The old cat sat on the mat while the rain kept falling."
PARTS = ("embeddings", "pooler", "encoder.layer.0", "encoder.layer.1")


@pytest.fixture
def spread(bert_folder, tmp_path):
    """Loads the BERT with some of its parts on a disk."""

    def load(*on_disk):
        places = {f"bert.{part}": "disk" if part in on_disk else "cpu" for part in PARTS}
        return AutoModelForSequenceClassification.from_pretrained(
            bert_folder, device_map={**places, "classifier": "cpu"}, offload_folder=tmp_path / "offloaded"
        )

    return load


def outcomes(model):
    return {found.check: found.outcome for found in examine(model, weight_tolerance=1e-4).results}


@pytest.mark.parametrize("on_disk", [("encoder.layer.1",), ("encoder.layer.0", "encoder.layer.1", "pooler")])
def test_layers_on_a_disk_give_the_analysis_of_the_whole_model(bert_folder, spread, on_disk):
    tokenizer = AutoTokenizer.from_pretrained(bert_folder)
    whole = interpret.load(bert_folder)
    parted = interpret.load(spread(*on_disk), tokenizer=tokenizer)
    assert parted.model.bert.encoder.layer[1].output.dense.weight.is_meta
    wanted, found = (analyze(subject, TEXT, effort="quick") for subject in (whole, parted))
    assert torch.equal(found.attention.weights, wanted.attention.weights)
    assert found.decision.margin == wanted.decision.margin
    assert torch.equal(found.zeroed.drop, wanted.zeroed.drop)
    for one, other in zip(found.maps, wanted.maps, strict=True):
        assert torch.equal(one.scores, other.scores), one.method
    assert found.verdict == wanted.verdict
    in_memory = interpret.load(AutoModelForSequenceClassification.from_pretrained(bert_folder), tokenizer=tokenizer)
    assert parted.facts.sha256 == in_memory.facts.sha256


def test_doctor_finds_layers_on_a_disk_well(spread):
    assert "failed" not in outcomes(spread("encoder.layer.0")).values()


def test_a_model_that_was_placed_by_itself_is_read(bert_folder):
    model = AutoModelForSequenceClassification.from_pretrained(bert_folder, device_map="auto")
    subject = interpret.load(model, tokenizer=AutoTokenizer.from_pretrained(bert_folder))
    example = subject.encode(TEXT)
    assert subject.decide(example).margin == interpret.load(bert_folder).decide(example).margin


def test_embeddings_on_a_disk_are_refused(bert_folder, spread):
    with pytest.raises(InputError) as refused:
        interpret.load(spread("embeddings"), tokenizer=AutoTokenizer.from_pretrained(bert_folder))
    assert str(refused.value) == (
        "BertForSequenceClassification keeps its token embeddings on a disk or another device between passes; load it "
        "with a device_map that puts them where it computes, other layers may stay there"
    )


@pytest.mark.parametrize("kind", [EightBits, FourBits])
def test_quantized_weights_give_the_maps_that_the_model_shows(bert_folder, kind):
    model = quantized(save_bert(bert_folder), kind)
    ids = torch.tensor([word_pieces().encode(TEXT).ids])
    with torch.no_grad(), recording(model) as record:
        model(input_ids=ids)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        shown = model(input_ids=ids, output_attentions=True).attentions
    torch.testing.assert_close(record.weights(0), shown[0], atol=1e-6, rtol=0)
    rounding = 2e-2 if kind is EightBits else 1e-6  # inputs of the layers above are rounded, so kernels go apart
    torch.testing.assert_close(record.weights(1), shown[1], atol=rounding, rtol=0)


@pytest.mark.parametrize("kind", [EightBits, FourBits])
def test_doctor_finds_quantized_weights_well(bert_folder, kind):
    model = quantized(save_bert(bert_folder), kind)
    assert "failed" not in outcomes(model).values()
    heads = next(found for found in examine(model).results if found.check.startswith("a silenced head"))
    assert heads.outcome == "passed"
    assert heads.detail == f"8 heads in 2 layers; zeros in the input of {kind.__name__}, which reads them"


@pytest.mark.parametrize("kind", [EightBits, FourBits])
def test_a_quantized_model_is_analysed(bert_folder, kind):
    model = quantized(save_bert(bert_folder), kind)
    subject = interpret.load(model, tokenizer=AutoTokenizer.from_pretrained(bert_folder))
    found = analyze(subject, TEXT, effort="quick")
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([word_pieces().encode(TEXT).ids])).logits[0]
    assert found.decision.margin == pytest.approx(float(logits.max() - logits.min()), abs=1e-4)
    assert all(check.passed for check in found.checks)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_doctor_finds_a_deep_model_in_half_precision_well(dtype):
    model = random_model("classifier", "bert", word_pieces(), num_hidden_layers=10).to(dtype)
    assert "failed" not in outcomes(model).values()


def test_doctor_finds_a_trained_model_in_half_precision_well(shared):
    subject = interpret.load(shared / "models" / "minilm-sst2", dtype="bfloat16")
    assert "failed" not in outcomes(subject.model).values()
