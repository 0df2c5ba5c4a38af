"""What follows a text, token by token: given or written, cut into tokens and words as the whole text is."""

import re
from types import SimpleNamespace

import pytest
import torch
from saved_models import byte_pairs, pieces_with_spaces, random_model, save_tokenizer
from transformers import AutoModelForCausalLM, GenerationConfig

import interpret
from interpret.errors import InputError
from interpret.native import LanguageModelConfig, TransformerLanguageModel
from interpret.subjects.inputs.continuation import Writer, joined
from interpret.subjects.tasks.language_model import NextToken

TEXT, CONTINUATION = "The cat sat on the mat", "and it's 3.5 degrees; don't forget."
FAMILIES = ("llama", "gpt2", "gemma2", "qwen3", "opt", "mixtral")


def one_line(text):
    return f"^{re.escape(text)}$"


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    random_model("causal", request.param, byte_pairs()).save_pretrained(folder)
    save_tokenizer(folder, byte_pairs())
    return interpret.load(folder)


def native():
    sizes = dict(vocabulary=byte_pairs().get_vocab_size(), hidden=16, layers=2, heads=2, inner=24, positions=40)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return NextToken("native", TransformerLanguageModel(LanguageModelConfig(**sizes)).eval(), byte_pairs())


def test_a_given_continuation_is_cut_into_tokens_with_its_text(llama):
    found = llama.continuation(TEXT, CONTINUATION)
    whole = llama.tokenizer.encode(f"{TEXT} {CONTINUATION}")
    first = sum(stop <= len(TEXT) for _, stop in whole.offsets)
    assert not found.generated and len(found.tokens) == len(whole.ids) - first
    assert "".join(found.tokens) == f" {CONTINUATION}"
    for place, example in enumerate(found.examples, first):
        assert example.ids.tolist() == whole.ids[:place] and example.expected == whole.ids[place]
        assert example.text == f"{TEXT} {CONTINUATION}"[: whole.offsets[place - 1][1]]
        assert len(example.tokens) == len(example.spans) == place
        assert example.pool(torch.ones(place)).shape == (len(example.units),)


def test_units_grow_and_never_change(llama):
    found = llama.continuation(TEXT, CONTINUATION)
    assert [unit.text for unit in found.units] == [
        *TEXT.split(),
        "and",
        "it's",
        "3.5",
        "degrees",
        ";",
        "don't",
        "forget",
    ]
    assert found.prompt == len(TEXT.split())
    for example in found.examples:
        for mine, last in zip(example.units, found.units, strict=False):
            assert mine.tokens == tuple(token for token in last.tokens if token < len(example.ids))
            assert mine.text == example.text[mine.start : mine.end] and last.text.startswith(mine.text)
        covered = {token for unit in example.units for token in unit.tokens}
        assert covered == {place for place, token in enumerate(example.tokens) if token.strip() and place > 0}


@pytest.mark.parametrize(
    ("text", "continuation", "whole"),
    [
        ("The cat", "sat", "The cat sat"),
        ("The cat", " sat", "The cat sat"),
        ("The cat ", "sat", "The cat sat"),
        ("The cat", ", sat", "The cat, sat"),
        ("The cat\n", "sat", "The cat\nsat"),
        ("Das ist", "3.5", "Das ist 3.5"),
        ("我爱北京", "天安门", "我爱北京天安门"),
    ],
)
def test_a_word_that_follows_is_one_of_its_own(text, continuation, whole):
    assert joined(text, continuation) == whole


def test_a_token_that_begins_in_the_text_counts_as_what_follows(smollm2):
    found = smollm2.continuation("The capital of France is ", "Paris")
    assert found.tokens == (" Paris",) and found.examples[0].text == "The capital of France is"


def test_the_likeliest_tokens_are_those_that_transformers_writes(family):
    plain = AutoModelForCausalLM.from_pretrained(family.weight_files[0].parent)
    ids = torch.tensor([family.tokenizer.encode(TEXT).ids])
    settings = GenerationConfig(max_new_tokens=6, do_sample=False, eos_token_id=1, pad_token_id=0)
    theirs = plain.generate(ids, attention_mask=torch.ones_like(ids), generation_config=settings)[0, ids.shape[1] :]
    stepwise = ids
    for _ in range(len(theirs)):
        with torch.no_grad():
            stepwise = torch.cat([stepwise, plain(input_ids=stepwise).logits[:, -1:].argmax(dim=-1)], dim=1)
    found = family.continuation(TEXT, most=6)
    assert [example.expected for example in found.examples] == theirs.tolist()
    assert theirs.tolist() == stepwise[0, ids.shape[1] :].tolist()
    assert found.generated and len(found.tokens) <= 6
    assert all(family.decide(example).predicted == family.label(example.expected) for example in found.examples)


def test_penalties_of_the_model_are_those_of_what_it_writes(llama):
    before = [example.expected for example in llama.continuation(TEXT, most=6).examples]
    llama.model.generation_config.repetition_penalty = 5.0
    llama.model.generation_config.no_repeat_ngram_size = 1
    ids = torch.tensor([llama.tokenizer.encode(TEXT).ids])
    theirs = llama.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=6, do_sample=False)
    found = [example.expected for example in llama.continuation(TEXT, most=6).examples]
    assert found == theirs[0, ids.shape[1] :].tolist() != before


def test_a_text_ends_with_the_model_s_end_mark(llama):
    wanted = [example.expected for example in llama.continuation(TEXT, most=6).examples]
    end = wanted[2]
    llama.model.generation_config.eos_token_id = [end, 1]
    found = llama.continuation(TEXT, most=6)
    assert [example.expected for example in found.examples] == wanted[: wanted.index(end) + 1]


def test_a_model_without_a_way_to_write_takes_the_likeliest_too():
    subject = native()
    ids = subject.tokenizer.encode(TEXT).ids
    for example in subject.continuation(TEXT, most=5).examples:
        assert example.ids.tolist() == ids
        with torch.no_grad():
            assert example.expected == int(subject.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
        ids = [*ids, example.expected]


def test_a_model_without_a_way_to_write_ends_its_text_too():
    subject = native()
    wanted = [example.expected for example in subject.continuation(TEXT, most=5).examples]
    subject.model.generation_config = SimpleNamespace(eos_token_id=wanted[1])
    found = subject.continuation(TEXT, most=5)
    assert [example.expected for example in found.examples] == wanted[: wanted.index(wanted[1]) + 1]


def test_scores_of_the_last_positions(family):
    plain = AutoModelForCausalLM.from_pretrained(family.weight_files[0].parent)
    rows = torch.stack([family.encode(TEXT).ids.roll(shift) for shift in range(3)])
    with torch.no_grad():
        assert torch.allclose(family.last_logits(rows, 3), plain(input_ids=rows).logits[:, -3:], atol=1e-5)
    assert isinstance(family, Writer)


def written_by(subject, ids):
    """The continuation that a model would write that answers with these tokens."""
    subject._written = lambda prompt, most: ids
    return subject.continuation(TEXT, most=len(ids))


@pytest.mark.parametrize("tokenizer", [byte_pairs, pieces_with_spaces])
@pytest.mark.parametrize("continuation", [" and it's 3.5 degrees; don't forget.", " a 🦮 and a\nnaïve 🦮"])
def test_what_is_written_is_cut_as_the_same_text_given(tokenizer, continuation):
    subject = NextToken("plain", random_model("causal", "llama", tokenizer()), tokenizer())
    whole = subject.encode(TEXT + continuation)
    first = len(subject.encode(TEXT).ids)
    found = written_by(subject, whole.ids.tolist()[first:])
    for example in found.examples:
        length = len(example.ids)
        assert example.ids.tolist() == whole.ids[:length].tolist()
        assert (TEXT + continuation).startswith(example.text)
        kept = [tuple(token for token in unit.tokens if token < length) for unit in whole.units]
        assert [unit.tokens for unit in example.units] == [tokens for tokens in kept if tokens]
    assert found.examples[-1].text + continuation[-1] in (TEXT + continuation, TEXT + continuation + continuation[-1])


def test_special_tokens_that_are_written_belong_to_no_word():
    subject = NextToken("plain", random_model("causal", "llama", byte_pairs()), byte_pairs())
    end, dot = byte_pairs().token_to_id("<end>"), byte_pairs().token_to_id(".")
    found = written_by(subject, [end, dot, dot])
    place = len(found.examples[0].ids)
    last = found.examples[-1]
    assert last.separators == (place,) and last.tokens[place] == "<end>"
    assert all(place not in unit.tokens for unit in last.units)


@pytest.mark.parametrize(
    ("text", "second", "most", "complaint"),
    [
        (TEXT, "x", 3, "what follows the text is given, so the model has nothing to write; leave one of the two out"),
        (TEXT, " ", None, "what follows the text is empty; give at least one word"),
        (TEXT, None, 0, "the number of tokens to write must be at least 1, not 0"),
        ("", "x", None, "the text is empty; give one of at least two words"),
        ("…", "x", None, None),
    ],
)
def test_what_is_refused(gpt2, text, second, most, complaint):
    nothing_before = "no word that could be ranked stands before what follows; give a text of at least two words"
    with pytest.raises(InputError, match=one_line(complaint or nothing_before)):
        gpt2.continuation("The" if complaint is None else text, second, most=most)


def test_what_is_too_long(llama):
    count = len(llama.encode(TEXT).ids)
    wanted = (
        f"with 100 tokens to be written there are {count + 100} tokens, {count + 34} more than the 66 that "
        f"{llama.name} reads at most; give less"
    )
    with pytest.raises(InputError, match=one_line(wanted)):
        llama.continuation(TEXT, most=100)
    with pytest.raises(InputError, match="more than the 66 that"):
        llama.continuation(TEXT, "cat " * 100)
