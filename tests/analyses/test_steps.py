"""Every token of a continuation is explained as `analyze` and the single methods explain the text cut there."""

import json
import re

import pytest
import torch
from saved_models import byte_pairs, random_model, save_tokenizer
from transformers import AutoConfig, AutoModelForSeq2SeqLM

import interpret
from analyses.decision.analyze import analyze
from analyses.explanations.attention_only.last_layer import last_layer_attention
from analyses.explanations.attention_only.rollout import attention_rollout, rollout_attribution
from analyses.explanations.gradient_based.input_x_gradient import input_x_gradient
from analyses.explanations.input_edits.leave_one_out import leave_one_out
from analyses.generation.steps import analyze_steps
from analyses.heads.gradients import head_gradients
from analyses.verdicts.resampling import CorpusUnigram
from analyses.verdicts.vocabulary import VocabularyUnigram
from interpret.errors import InputError
from interpret.subjects.inputs.chat import UNUSED

TEXT, CONTINUATION = "The cat sat on the mat while", "the rain kept."
METHODS = ["last-layer attention", "attention rollout", "input x gradient", "leave-one-out"]
FAMILIES = ("llama", "gpt2", "gemma2", "mixtral")


def one_line(text):
    return f"^{re.escape(text)}$"


@pytest.fixture(scope="module", params=FAMILIES)
def causal(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    random_model("causal", request.param, byte_pairs()).save_pretrained(folder)
    save_tokenizer(folder, byte_pairs())
    return interpret.load(folder)


@pytest.fixture(scope="module", params=["t5", "marian"])
def translator(request, tmp_path_factory):
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "encoder_layers": 2, "decoder_layers": 2}
    sizes |= {"num_heads": 4, "encoder_attention_heads": 4, "decoder_attention_heads": 4, "init_std": 0.3}
    sizes |= {"encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "pad_token_id": 0, "eos_token_id": 1}
    sizes |= {"decoder_start_token_id": 0, "vocab_size": byte_pairs().get_vocab_size(), "forced_eos_token_id": None}
    config = AutoConfig.for_model(request.param, **sizes, decoder_vocab_size=byte_pairs().get_vocab_size())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForSeq2SeqLM.from_config(config).eval()
    folder = tmp_path_factory.mktemp(request.param)
    model.save_pretrained(folder)
    save_tokenizer(folder, byte_pairs(), pad_token="<pad>", eos_token="<end>")
    return interpret.load(folder)


def maps_by_themselves(subject, example, eraser):
    """The four maps of one input, each from passes over this input alone."""
    decision = subject.decide(example)
    record, _ = subject.record(example)
    weights = subject.maps(record, example).weights
    return decision, (
        last_layer_attention(weights, example, decision),
        rollout_attribution(attention_rollout(weights), example, decision),
        input_x_gradient(subject, example, decision),
        leave_one_out(subject, example, decision, eraser=eraser),
    )


def test_steps_are_what_the_cut_text_gives_by_itself(causal):
    found = analyze_steps(causal, TEXT, CONTINUATION, verdicts=False)
    whole = f"{TEXT} {CONTINUATION}"
    encoding = causal.tokenizer.encode(whole)
    first = sum(stop <= len(TEXT) for _, stop in encoding.offsets)
    assert len(found.steps) == len(encoding.ids) - first
    for place, step in enumerate(found.steps, first):
        cut = causal.encode(whole[: encoding.offsets[place - 1][1]])
        assert torch.equal(cut.ids, step.example.ids) and cut.units == step.example.units
        assert step.decision.target == encoding.ids[place]
        decision, maps = maps_by_themselves(causal, step.example, "delete")
        assert decision.margin == step.decision.margin and decision.predicted == causal.decide(cut).label
        assert [each.method for each in step.maps] == METHODS
        for mine, theirs in zip(step.maps, maps, strict=True):
            assert torch.allclose(mine.scores, theirs.scores, atol=2e-4), mine.method
            assert torch.allclose(mine.tokens, theirs.tokens, atol=2e-4), mine.method
        heads = head_gradients(causal, cut, step.decision)
        assert torch.allclose(heads.drop, step.heads.drop, atol=1e-5)
    assert all(check.passed for check in found.checks)


def test_translated_tokens_are_what_encode_gives_at_their_position(translator):
    source, target = "The cat sat on the mat", "A quiet film, slow at first"
    found = analyze_steps(translator, source, target, verdicts=False)
    assert len(found.steps) == len(translator.tokens_of(source, target))
    for position, step in enumerate(found.steps):
        alone = translator.encode(source, target, position=position)
        assert torch.equal(alone.ids, step.example.ids) and alone.text == step.example.text
        decision, maps = maps_by_themselves(translator, alone, "delete")
        assert decision.target == step.decision.target
        for mine, theirs in zip(step.maps, maps, strict=True):
            assert torch.allclose(mine.scores, theirs.scores, atol=2e-4), mine.method
    assert all(check.passed for check in found.checks)
    assert [unit.text for unit in found.continuation.units] == source.split()


def test_a_verdict_is_that_of_the_same_text_by_itself(llama):
    found = analyze_steps(llama, TEXT, "the", seed=3)
    (step,) = found.steps
    alone = analyze(llama, TEXT, target=step.decision.label, effort="quick", seed=3)
    assert alone.decision.target == step.decision.target
    assert alone.verdict == step.judgement.verdict and alone.error_rate == step.judgement.error_rate
    assert alone.measurement.input_rank == step.judgement.measurement.input_rank
    assert alone.replacements == found.replacements == VocabularyUnigram.name
    written, model = found.to_dict(), alone.to_dict()["model"]
    assert written["model"] == model
    assert written["steps"][0]["verdict"]["components"] == alone.to_dict()["verdict"]["components"]


def test_a_corpus_is_where_replacements_come_from(llama):
    corpus = CorpusUnigram([llama.encode(text) for text in (TEXT, f"{TEXT} {CONTINUATION}")])
    found = analyze_steps(llama, TEXT, "the", corpus=corpus)
    assert found.replacements == corpus.name == found.to_dict()["verdict"]["replacements"]


def test_what_the_model_writes_is_explained_as_if_it_were_given(gpt2):
    written = analyze_steps(gpt2, TEXT, most=4, verdicts=False)
    given = analyze_steps(gpt2, gpt2.continuation(TEXT, most=4), verdicts=False)
    assert all(step.decision.label == step.decision.predicted for step in written.steps)
    assert [step.decision.target for step in written.steps] == [step.decision.target for step in given.steps]
    assert written.to_dict()["generated"] is True


def test_a_table_has_no_number_where_a_word_was_not_there_yet(llama):
    found = analyze_steps(llama, TEXT, CONTINUATION, verdicts=False)
    for method in METHODS:
        table = found.table(method)
        assert table.shape == (len(found.steps), len(found.continuation.units))
        for row, step in zip(table, found.steps, strict=True):
            there = [unit.tokens[0] < len(step.example.ids) for unit in found.continuation.units]
            assert (~row.isnan()).tolist() == there
    with pytest.raises(ValueError, match=r"method must be one of last-layer attention, .*, not 'saliency'"):
        found.table("saliency")


def test_all_of_it_as_plain_numbers(llama):
    found = analyze_steps(llama, TEXT, CONTINUATION, verdicts=False)
    written = json.loads(json.dumps(found.to_dict("interpret analyze x"), allow_nan=False))
    assert written["schema"] == "interpret-attention/steps/2"
    assert written["run"]["command"] == "interpret analyze x" and written["verdict"] is None
    assert written["parts"] == [{"name": "text", "start": 0}, {"name": "continuation", "start": len(TEXT)}]
    label = written["steps"][-1]["decision"]["label"]
    assert written["text"] + label == f"{TEXT} {CONTINUATION}"
    for step, row in zip(written["steps"], found.steps, strict=True):
        assert written["text"][: step["read"]] == row.example.text
        assert [len(each["scores"]) for each in step["maps"]] == [step["units"]] * 4
        assert step["decision"]["runner_up"][0] != step["decision"]["label"]
    flags = [unit["is_written"] for unit in written["units"]]
    assert flags == sorted(flags) and sum(not flag for flag in flags) == len(TEXT.split())


def test_what_to_keep_in_mind(llama, gpt2):
    given = analyze_steps(llama, TEXT, CONTINUATION, verdicts=False).to_dict()["caveats"]
    assert "tokens the model itself prefers another one than stands there." in given[0]
    written = analyze_steps(gpt2, TEXT, most=2).to_dict()["caveats"]
    assert written[0].startswith("The model took the likeliest token each time")
    assert written[1].startswith("These are 2 answers, each about one token")
    assert UNUSED not in written


def test_a_margin_that_the_whole_pass_gives_otherwise_is_told(llama, monkeypatch):
    right = type(llama).last_logits
    monkeypatch.setattr(type(llama), "last_logits", lambda self, ids, count: right(self, ids, count).roll(1, dims=1))
    found = analyze_steps(llama, TEXT, CONTINUATION, verdicts=False)
    assert [check.name for check in found.checks if not check.passed] == [
        "margins of all tokens are the same in one pass"
    ]
    assert "A self-check failed" in found.to_dict()["caveats"][-1]


def test_what_cannot_be_explained_by_token(bert, llama):
    wanted = f"{bert.name} is for text-classification, which writes no tokens; give a language model or a translator"
    with pytest.raises(InputError, match=one_line(wanted)):
        analyze_steps(bert, TEXT, CONTINUATION)
    with pytest.raises(InputError, match=one_line(f"{llama.name} can remove words by delete, not by 'mask'")):
        analyze_steps(llama, TEXT, CONTINUATION, eraser="mask", verdicts=False)


def test_a_first_word_that_cannot_be_taken_out(saved):
    kept = interpret.load(saved / "gpt2", sink="keep")
    wanted = "the first word can't be taken out, for nothing stands before it; give a longer text"
    with pytest.raises(InputError, match=one_line(wanted)):
        analyze_steps(kept, "The", "cat sat", verdicts=False)


def test_smollm2_token_by_token(smollm2):
    found = analyze_steps(smollm2, "The capital of France is", "Paris.", verdicts=False)
    assert [step.decision.label for step in found.steps] == [" Paris", "."]
    table = found.table("leave-one-out")
    assert [unit.text for unit in found.continuation.units] == ["capital", "of", "France", "is", "Paris"]
    assert float(table[0, 2]) > 3 and bool(table[0, 4].isnan())
    assert UNUSED in found.to_dict()["caveats"]
