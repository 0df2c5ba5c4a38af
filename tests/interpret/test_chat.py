"""A message in a chat template: the model reads what transformers makes of it, and only its words are ranked."""

import re

import pytest
from saved_models import byte_pairs, random_model, save_tokenizer
from transformers import PreTrainedTokenizerFast

import interpret
from interpret.errors import InputError
from interpret.subjects.inputs.chat import ChatTemplate

MESSAGE, SYSTEM = "The cat sat on the mat.", "don't forget the cat"
PLAIN = (
    "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
TRIMMED = PLAIN.replace("{{ m['content'] }}", "{{ m['content'] | trim }}")
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role here') }}{% endif %}" + PLAIN
TWICE = PLAIN + "{{ messages[-1]['content'] }}"
SHOUTED = PLAIN.replace("{{ m['content'] }}", "{{ m['content'] | upper }}")


def one_line(text):
    return f"^{re.escape(text)}$"


def load(folder, template):
    """A language model whose tokenizer puts <s> before texts; templates write it themselves."""
    random_model("causal", "llama", byte_pairs()).save_pretrained(folder)
    save_tokenizer(folder, byte_pairs(start=True), pad_token="<pad>", eos_token="<end>")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return interpret.load(folder), tokenizer


def said(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


@pytest.mark.parametrize("template", [PLAIN, TRIMMED])
@pytest.mark.parametrize("message", [MESSAGE, f" {MESSAGE} ", "user", "don't <end> it now"])
@pytest.mark.parametrize("system", [None, SYSTEM])
def test_the_model_reads_what_transformers_makes_of_it(tmp_path, template, message, system):
    subject, tokenizer = load(tmp_path, template)
    example = subject.encode(message, chat=True, system=system)
    chat = said(("user", message)) if system is None else said(("system", system), ("user", message))
    assert example.ids.tolist() == tokenizer.apply_chat_template(chat, add_generation_prompt=True)["input_ids"]
    assert example.text == tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)


def test_only_words_that_were_said_are_ranked(tmp_path):
    subject, _ = load(tmp_path, PLAIN)
    example = subject.encode(MESSAGE, chat=True, system=SYSTEM)
    words = ["don't", "forget", "the", "cat", "The", "cat", "sat", "on", "the", "mat", "."]
    assert [unit.text for unit in example.units] == words
    ranked = {token for unit in example.units for token in unit.tokens}
    assert ranked | set(example.separators) == set(range(len(example.ids))) and not ranked & set(example.separators)
    assert [part.name for part in example.parts] == ["system", "message"]
    for part, text in zip(example.parts, (SYSTEM, MESSAGE), strict=True):
        assert example.text[example.spans[part.start][0] : example.spans[part.stop - 1][1]] == text


def test_what_is_answered_is_explained_token_by_token(tmp_path):
    subject, tokenizer = load(tmp_path, PLAIN)
    prompt = tokenizer.apply_chat_template(said(("user", MESSAGE)), add_generation_prompt=True)["input_ids"]
    given = subject.continuation(MESSAGE, "It's dry.", chat=True)
    answer = tokenizer("It's dry.", add_special_tokens=False).input_ids
    assert given.examples[0].ids.tolist() == prompt
    assert [example.expected for example in given.examples] == answer
    assert [unit.text for unit in given.units[given.prompt :]] == ["It's", "dry"]
    written = subject.continuation(MESSAGE, most=3, chat=True)
    assert written.examples[0].ids.tolist() == prompt and len(written.tokens) == 3
    assert written.examples[2].text.startswith(given.examples[0].text)


@pytest.mark.parametrize(
    ("template", "options", "complaint"),
    [
        (NO_SYSTEM, {"chat": True, "system": SYSTEM}, "the chat template of MODEL can't be used: no system role here"),
        (
            TWICE,
            {"chat": True},
            "the chat template of MODEL says the message more than once, so its words can't be told; leave it out",
        ),
        (
            "nothing",
            {"chat": True},
            "the chat template of MODEL says the message not at all, or in another order, so its words can't be told; "
            "leave it out",
        ),
        (
            SHOUTED,
            {"chat": True},
            "the chat template of MODEL changes what is said, so its words can't be told; leave --chat out",
        ),
        (None, {"chat": True}, "MODEL has no chat template, so it reads no messages; leave --chat out"),
        (
            PLAIN,
            {"system": SYSTEM},
            "a system text is for chats only; add --chat (chat=True in Python), or leave it out",
        ),
        (PLAIN, {"chat": True, "system": " "}, "the text is empty; give one of at least two words"),
    ],
)
def test_what_is_refused(tmp_path, template, options, complaint):
    subject, _ = load(tmp_path, template)
    with pytest.raises(InputError, match=one_line(complaint.replace("MODEL", str(tmp_path)))):
        subject.encode(MESSAGE, **options)


def test_messages_that_are_too_long_or_have_no_word(tmp_path):
    subject, _ = load(tmp_path, PLAIN)
    with pytest.raises(
        InputError, match=r"^the message in its template has \d+ tokens, .*; give less; a message can't"
    ):
        subject.encode(f"{MESSAGE} " * 20, chat=True, truncate=True)
    with pytest.raises(InputError, match=r"^the message and its answer have \d+ tokens, \d+ more than the 66 that"):
        subject.continuation(MESSAGE, f"{MESSAGE} " * 20, chat=True)
    with pytest.raises(
        InputError, match=one_line("the message has no word that could be ranked; give one of at least two words")
    ):
        subject.encode("<end>", chat=True)


def test_without_the_option_a_text_is_read_as_it_stands(tmp_path):
    subject, tokenizer = load(tmp_path, PLAIN)
    assert isinstance(subject.chat, ChatTemplate)
    assert subject.encode(MESSAGE).ids.tolist() == tokenizer(MESSAGE).input_ids


def test_smollm2_answers_a_question(smollm2):
    found = smollm2.continuation("What is the capital of France?", most=8, chat=True)
    assert found.tokens[-1] == "<|im_end|>" and " Paris" in found.tokens
    assert [unit.text for unit in found.units[: found.prompt]] == ["What", "is", "the", "capital", "of", "France", "?"]
