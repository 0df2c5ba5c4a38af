"""Pairs of sentences, and questions with their context, as transformers reads them."""

import pytest
import torch
from click.testing import CliRunner
from saved_models import (
    byte_pairs,
    random_model,
    roberta_pieces,
    save_answering,
    save_bert,
    save_tokenizer,
    word_pieces,
)
from transformers import AutoTokenizer

import interpret
from interpret.cli import main
from interpret.errors import InputError
from interpret.subjects.inputs.example import Part
from interpret.subjects.models.conventions import joins_texts

QUESTION, CONTEXT = "Who sat?", "The cat sat on the mat. The bread was dry."


@pytest.fixture(params=["bert", "roberta"])
def answering(request, tmp_path) -> interpret.Subject:
    tokenizer = word_pieces() if request.param == "bert" else roberta_pieces()
    save_answering(tmp_path, request.param, tokenizer)
    return interpret.load(tmp_path)


def test_a_pair_is_read_as_transformers_reads_it(tmp_path):
    model = save_bert(tmp_path)
    subject = interpret.load(tmp_path)
    example = subject.encode(QUESTION, CONTEXT)
    inputs = AutoTokenizer.from_pretrained(tmp_path)(QUESTION, CONTEXT, return_tensors="pt")
    assert example.ids.tolist() == inputs.input_ids[0].tolist()
    types = inputs.token_type_ids
    with torch.no_grad():
        expected = model(input_ids=inputs.input_ids, token_type_ids=types).logits
        blind = model(input_ids=inputs.input_ids).logits
    assert types.sum() == 13 and not torch.allclose(expected, blind, atol=1e-3)
    assert torch.allclose(subject.logits(example.ids[None]), expected, atol=1e-5)
    again = subject.logits_from(subject.embed(example.ids[None]), example.ids[None])
    assert torch.allclose(again, expected, atol=1e-5)


def test_words_and_places_of_both_texts_are_found_in_what_is_shown(tmp_path):
    save_bert(tmp_path)
    example = interpret.load(tmp_path).encode(QUESTION, CONTEXT)
    assert example.text == f"{QUESTION}\n{CONTEXT}"
    words = [unit.text for unit in example.units]
    assert " ".join(words) == "Who sat ? The cat sat on the mat . The bread was dry ."
    assert all(example.text[unit.start : unit.end] == unit.text for unit in example.units)
    assert all(
        example.text[slice(*example.spans[unit.tokens[0]])] == example.tokens[unit.tokens[0]] for unit in example.units
    )
    first, second = example.parts
    assert (first.name, second.name) == ("text", "second text")
    assert [unit.text for unit in example.units if unit.tokens[0] in range(first.start, first.stop)] == words[:3]
    assert [unit.text for unit in example.units if unit.tokens[0] in range(second.start, second.stop)] == words[3:]


def test_a_word_less_leaves_the_second_text_the_second(tmp_path):
    model = save_bert(tmp_path)
    subject = interpret.load(tmp_path)
    example = subject.encode(QUESTION, CONTEXT)
    removed = torch.zeros(1, len(example.units), dtype=torch.bool)
    removed[0, [0, 5]] = True
    gone = [token for unit in (0, 5) for token in example.units[unit].tokens]
    kept = [place for place in range(len(example.ids)) if place not in gone]
    types = torch.tensor([subject.tokenizer.encode(QUESTION, CONTEXT).type_ids])[:, kept]
    with torch.no_grad():
        logits = model(input_ids=example.ids[kept][None], token_type_ids=types).logits[0]
    found = subject.erase(example, removed, target=1, eraser="delete")
    assert found.margin.item() == pytest.approx(float(logits[1] - logits[0]), abs=1e-5)


def test_an_answer_is_the_span_of_the_largest_sum(answering, tmp_path):
    example = answering.encode(QUESTION, CONTEXT)
    decision = answering.decide(example)
    inputs = {"input_ids": example.ids[None]}
    encoding = answering.tokenizer.encode(QUESTION, CONTEXT)
    if 1 in encoding.type_ids:
        inputs["token_type_ids"] = torch.tensor([encoding.type_ids])
    with torch.no_grad():
        output = answering.model(**inputs)
    starts, ends = output.start_logits[0].tolist(), output.end_logits[0].tolist()
    context = [place for place, number in enumerate(encoding.sequence_ids) if number == 1]
    spans = {
        (first, last): starts[first] + ends[last] for first in context for last in context if first <= last < first + 30
    }
    best, second = sorted(spans.values(), reverse=True)[:2]
    first, last = max(spans, key=spans.__getitem__)
    assert divmod(decision.target, 30) == (first, last - first)
    assert decision.margin == pytest.approx(best - second, abs=1e-4)
    weights = torch.tensor(list(spans.values())).softmax(0)
    assert decision.probability == pytest.approx(float(weights.max()), abs=1e-5)
    start, end = decision.place
    assert example.text[start:end] == decision.label.split(" (token")[0]
    assert start > len(QUESTION)
    again = answering.logits_from(answering.embed(example.ids[None]), example.ids[None])
    assert torch.allclose(again, answering.logits(example.ids[None]), atol=1e-4)


def test_the_readout_of_an_answer_is_where_spans_begin_and_end(answering):
    example = answering.encode(QUESTION, CONTEXT)
    decision = answering.decide(example, "cat sat")
    start, length = divmod(decision.target, 30)
    assert decision.readout[start] > 0.05 and decision.readout[start + length] > 0.05
    assert decision.readout.sum() == pytest.approx(1, abs=1e-5)


def test_answers_are_named_by_their_text_and_the_first_one_is_meant(answering):
    example = answering.encode(QUESTION, CONTEXT)
    cat = answering.find_label_in(example, " cat sat ")
    assert answering.label_in(example, cat) == "cat sat"
    the = answering.find_label_in(example, "The")
    later = [unit.tokens[0] for unit in example.units if unit.text == "The"][1]
    name = f"The (token {later})"
    assert answering.label_in(example, answering.find_label_in(example, name)) == name
    assert answering.label_in(example, the) == f"The (token {the // 30})" and the // 30 < later
    assert answering.label(the) == f"tokens {the // 30} to {the // 30}"
    assert answering.place_in(example, cat) == (13, 20)


@pytest.mark.parametrize("target", ["Who", "mat on", "", "dog"])
def test_what_is_no_span_of_the_context_is_refused(answering, target):
    with pytest.raises(InputError) as caught:
        answering.decide(answering.encode(QUESTION, CONTEXT), target)
    assert str(caught.value) == (
        f"the target {target!r} is no span of the context, or one of more than 30 tokens; give some of its words as "
        "they stand there"
    )


def test_only_masks_take_words_out_of_a_context(answering):
    example = answering.encode(QUESTION, CONTEXT)
    removed = torch.zeros(1, len(example.units), dtype=torch.bool)
    with pytest.raises(InputError, match="can remove words by mask, not by 'delete'"):
        answering.erase(example, removed, target=0, eraser="delete")
    with pytest.raises(InputError, match=r"spans of a context, and none was given for the answer 'cat'"):
        answering.find_label("cat")


def test_a_long_context_is_cut_and_the_question_stays(tmp_path):
    save_answering(tmp_path)
    subject = interpret.load(tmp_path)
    example = subject.encode(QUESTION, "The cat sat. " * 40, truncate=True)
    assert len(example.ids) == 66 and example.truncated == 102
    assert example.text.startswith(f"{QUESTION}\nThe cat") and example.parts[0] == Part("question", 1, 6)
    with pytest.raises(InputError, match="tokens, 102 more than the 66 that"):
        subject.encode(QUESTION, "The cat sat. " * 40)


def test_texts_too_few_or_too_many_are_refused(answering, gpt2, bert):
    with pytest.raises(
        InputError, match=r"is for question-answering, which needs a context too; give it with --context"
    ):
        answering.encode(QUESTION)
    with pytest.raises(InputError, match="is for text-generation, which reads one text, and two were given"):
        gpt2.encode(QUESTION, CONTEXT)
    with pytest.raises(InputError, match="the second text is empty; give one of at least two words"):
        bert.encode(QUESTION, " ")


def test_a_separator_that_is_typed_parts_no_texts(answering, tmp_path):
    example = answering.encode("Who [SEP] sat?", CONTEXT)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    encoding = tokenizer("Who [SEP] sat?", CONTEXT, return_tensors="pt")
    assert example.ids.tolist() == encoding.input_ids[0].tolist()
    second = [number == 1 for number in encoding.sequence_ids(0)]
    assert answering.find_label_in(example, "cat sat") // 30 >= second.index(True)
    assert all(second[token] for token in range(example.parts[1].start, example.parts[1].stop))
    (check,) = (each for each in answering.record(example)[1] if each.name == "scores are those of the plain call")
    assert check.passed


def test_tokenizers_that_do_not_join_texts_are_told_apart():
    assert not joins_texts(byte_pairs()) and not joins_texts(byte_pairs(start=True))
    assert joins_texts(word_pieces()) and joins_texts(roberta_pieces())


def test_without_a_mask_or_a_separator_questions_are_refused(tmp_path):
    random_model("answering", "gpt2", byte_pairs()).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, byte_pairs(), pad_token="<pad>", eos_token="<end>")
    with pytest.raises(InputError, match="must join question and context by a separator and have a mask token"):
        interpret.load(tmp_path)


@pytest.mark.parametrize("arguments", [("study", "data.csv", "--out", "out"), ("pair", "a b c", "a", "b", "c")])
def test_commands_that_read_single_texts_say_so(tmp_path, monkeypatch, arguments):
    save_answering(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.csv").write_text("text\nThe cat sat.\nThe bread was dry.\n")
    result = CliRunner().invoke(main, [*arguments, "--model", "model"])
    assert result.exit_code == 2 and not (tmp_path / "out").exists()
    assert result.stderr == (
        "Error: model is for question-answering, and this command reads single texts; interpret analyze takes "
        "--context too\n"
    )
