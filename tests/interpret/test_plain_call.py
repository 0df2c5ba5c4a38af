"""What is explained is what the model's own user gets: scores held against the plain call, in odd settings."""

import json
from types import SimpleNamespace

import pytest
import torch
import transformers
from saved_models import HEADS, SENTENCES, SPECIAL, byte_pairs, random_model, save_gpt2, word_pieces
from tokenizers import Tokenizer, processors
from torch import nn
from translators_for_tests import save_translator

import interpret
from analyses.decision.analyze import analyze
from interpret.subjects.plain_call import PLAIN_CALL

TEXT, SECOND, TYPED = SENTENCES[0], SENTENCES[1], "the cat [SEP] sat on [SEP] the mat"


def fast(tokenizer: Tokenizer | None = None, *, typed: bool = True, **special: str):
    names = ["input_ids", *(["token_type_ids"] if typed else []), "attention_mask"]
    made = word_pieces() if tokenizer is None else tokenizer
    settings = {**SPECIAL, **special} if tokenizer is None else special
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, model_input_names=names, **settings)


def with_types_at_the_end() -> Tokenizer:
    """As XLNet's: the text first, then its marks, the last of a type of its own."""
    made = Tokenizer.from_str(word_pieces().to_str())
    made.post_processor = processors.TemplateProcessing(
        single="$A:0 [SEP]:0 [CLS]:2",
        pair="$A:0 [SEP]:0 $B:1 [SEP]:1 [CLS]:2",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return made


def xlnet() -> transformers.PreTrainedModel:
    """Which hears types in another way than by a table, and isn't the same without any."""
    sizes = {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 48, "initializer_range": 0.3}
    config = transformers.XLNetConfig(vocab_size=word_pieces().get_vocab_size(), **sizes)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return HEADS["classifier"].from_config(config).eval()


def plain_check(subject, example):
    (found,) = (check for check in subject.record(example)[1] if check.name == PLAIN_CALL)
    return found


FAMILIES = {
    "bert": ({}, {}),
    "bert, no types handed": ({}, {"typed": False}),
    "bert, one type": ({"type_vocab_size": 1}, {}),
    "roberta": ({"type_vocab_size": 1}, {}),
    "electra": ({}, {}),
    "xlnet": ({}, {"tokenizer": with_types_at_the_end()}),
    "deberta-v2": ({"type_vocab_size": 0}, {}),
    "gpt2": ({"pad_token_id": 0}, {}),
    "gpt2, no pad token": ({"pad_token_id": None}, {}),
    "llama": ({"pad_token_id": 3}, {}),
    "bert, answers by a tuple": ({"return_dict": False}, {}),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_classifiers_of_odd_settings_decide_as_their_plain_call(name, tmp_path):
    settings, options = FAMILIES[name]
    model = (
        xlnet() if name == "xlnet" else random_model("classifier", name.partition(",")[0], word_pieces(), **settings)
    )
    tokenizer = fast(**options, **({} if "tokenizer" not in options else SPECIAL))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    for subject in (interpret.load(tmp_path), interpret.load(model, tokenizer=tokenizer)):
        for texts in ((TEXT,), (TYPED,), (TEXT, SECOND), (TYPED, TYPED)):
            example = subject.encode(*texts)
            inputs = tokenizer(*texts, return_tensors="pt")
            if "one type" in name or name == "roberta":  # which can't be told a second type
                inputs.pop("token_type_ids", None)
            with torch.no_grad():
                expected = model(**inputs, return_dict=True).logits[0]
            ids = example.ids[None]
            torch.testing.assert_close(subject.logits(ids)[0], expected, atol=1e-5, rtol=1e-5)
            again = subject.logits_from(subject.embed(ids), ids)[0]
            torch.testing.assert_close(again, expected, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(subject.decide(example).logits, expected, atol=1e-5, rtol=1e-5)
            if len(texts) == 1 or name not in ("bert, one type", "roberta"):
                assert plain_check(subject, example).passed
            told = " ".join(each for each in subject.remarks_on(example) if "special tokens in it" not in each)
            if len(texts) > 1 and name in ("bert, no types handed", "bert, one type", "roberta"):
                assert "marks the second text by" in told
            else:
                assert told == "" or (name.startswith(("xlnet", "gpt2")) and "on its token ids alone" in told)


def test_a_word_less_keeps_the_types_that_the_tokenizer_gave(tmp_path):
    model = xlnet()
    subject = interpret.load(model, tokenizer=fast(with_types_at_the_end(), **SPECIAL))
    example = subject.encode(TYPED, SECOND)
    inputs = fast(with_types_at_the_end(), **SPECIAL)(TYPED, SECOND, return_tensors="pt")
    for unit in (1, len(example.units) - 2):
        gone = list(example.units[unit].tokens)
        kept = [place for place in range(len(example.ids)) if place not in gone]
        removed = torch.arange(len(example.units))[None] == unit
        with torch.no_grad():
            less = model(inputs.input_ids[:, kept], token_type_ids=inputs.token_type_ids[:, kept]).logits
            masked = inputs.input_ids.clone()
            masked[0, gone] = 4
            hidden = model(masked, token_type_ids=inputs.token_type_ids).logits
        for eraser, logits in (("delete", less), ("mask", hidden)):
            found = subject.erase(example, removed, target=1, eraser=eraser)
            assert float(found.margin) == pytest.approx(float(logits[0, 1] - logits[0, 0]), abs=1e-4)


@pytest.mark.parametrize("kind", ["answering", "tagging"])
def test_other_heads_too(kind):
    tokenizer, model = fast(), random_model(kind, "bert", word_pieces(), type_vocab_size=2)
    subject = interpret.load(model, tokenizer=tokenizer)
    texts = (TYPED, SECOND) if kind == "answering" else (TYPED,)
    example = subject.encode(*texts)
    about = subject.about(example, None)
    assert plain_check(about, example).passed
    with torch.no_grad():
        output = model(**tokenizer(*texts, return_tensors="pt"))
    if kind == "tagging":
        place = about.unit.tokens[0]
        torch.testing.assert_close(about.decide(example).logits, output.logits[0, place], atol=1e-5, rtol=1e-5)


def test_a_check_fails_where_the_subject_is_fed_otherwise_and_says_which_input_differs(bert):
    example = bert.encode(TEXT, SECOND)
    assert plain_check(bert, example).passed
    bert.conventions = interpret.load(bert.model, tokenizer=fast(typed=False)).conventions
    bert.conventions.__dict__["tokenizer"] = fast()  # the user's call tells types, and here none are told
    check = plain_check(bert, example)
    assert not check.passed and check.detail == "the plain call is given token_type_ids, and here it isn't"
    found = analyze(bert, bert.encode(TEXT, SECOND), effort="quick")
    assert not all(each.passed for each in found.checks)
    assert any(check["detail"] for check in json.loads(json.dumps(found.to_dict()))["checks"])


class _Derived(transformers.BertForSequenceClassification):
    """A class that a user derived."""


NAMES = ["contradiction", "entailment", "neutral"]


@pytest.mark.parametrize("wrapper", ["compiled", "parallel", "derived", "labels", "pipeline", "both"])
def test_wrappers_keep_the_task(wrapper):
    tokenizer = fast()
    config = {"num_labels": 3, "id2label": dict(enumerate(NAMES)), "label2id": {n: i for i, n in enumerate(NAMES)}}
    model = random_model("classifier", "bert", word_pieces(), **({"num_labels": 3} if wrapper == "labels" else config))
    with torch.no_grad():
        expected = model(**tokenizer(TEXT, SECOND, return_tensors="pt")).logits[0]
    options = {"tokenizer": tokenizer}
    given = model
    if wrapper in ("compiled", "both"):
        given = torch.compile(given, backend="eager")
    if wrapper in ("parallel", "both"):
        given = nn.DataParallel(given)
    if wrapper == "derived":
        given = _Derived(model.config).eval()
        given.load_state_dict(model.state_dict())
    if wrapper == "labels":
        options["labels"] = NAMES
    if wrapper == "pipeline":
        given, options = transformers.pipeline("text-classification", model=model, tokenizer=tokenizer), {}
    subject = interpret.load(given, **options)
    decision = subject.decide(subject.encode(TEXT, SECOND))
    torch.testing.assert_close(decision.logits, expected, atol=1e-5, rtol=1e-5)
    assert decision.label == NAMES[int(expected.argmax())]
    assert plain_check(subject, subject.encode(TEXT, SECOND)).passed
    assert subject.longest == model.config.max_position_embeddings


@pytest.mark.parametrize("family", ["t5", "m2m_100"])
def test_a_wrapped_translator_translates(family, tmp_path):
    model = save_translator(tmp_path, family)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    ids = torch.tensor([tokenizer(TEXT).input_ids])
    with torch.no_grad():
        written = model.generate(ids, do_sample=False, num_beams=1, max_new_tokens=3)[0, 1:].tolist()
    subject = interpret.load(nn.DataParallel(model), tokenizer=tokenizer)
    found = subject.continuation(TEXT, most=3).examples
    assert [example.expected for example in found] == written
    assert all(plain_check(subject, example).passed for example in found)


def test_a_wrapper_that_computes_otherwise_is_refused_with_the_way_out():
    class Louder(nn.DataParallel):
        def forward(self, **inputs):
            output = self.module(**inputs)
            return transformers.modeling_outputs.SequenceClassifierOutput(logits=3 * output.logits)

    model = random_model("classifier", "bert", word_pieces())
    with pytest.raises(interpret.InputError, match=r"gives other scores than the model inside.*merge_and_unload\(\)"):
        interpret.load(Louder(model), tokenizer=fast())


def test_a_suppressed_score_does_not_hide_that_a_wrapper_computes_otherwise():
    class Turned(nn.DataParallel):
        def forward(self, **inputs):
            logits = self.module(**inputs).logits
            return transformers.modeling_outputs.SequenceClassifierOutput(logits=logits[:, [1, 0, 2]])

    model = random_model("classifier", "bert", word_pieces(), num_labels=3)
    with torch.no_grad():
        model.classifier.bias[2] = -1e9
    with pytest.raises(interpret.InputError, match="gives other scores than the model inside"):
        interpret.load(Turned(model), tokenizer=fast())


def test_what_is_no_model_is_refused():
    with pytest.raises(interpret.InputError, match="not SimpleNamespace"):
        interpret.load(SimpleNamespace())


class _Pairs(nn.Module):
    """A user's own module on top of an encoder of transformers."""

    def __init__(self, answer: str = "tensor") -> None:
        super().__init__()
        config = transformers.BertConfig(
            vocab_size=word_pieces().get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
            intermediate_size=48, initializer_range=0.3,
        )  # fmt: skip
        self.bert, self.scores, self.answer = transformers.BertModel(config), nn.Linear(32, 2), answer

    def forward(self, input_ids, attention_mask=None, token_type_ids=None, labels=None):
        read = self.bert(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)
        scores = self.scores(read.pooler_output)
        return {"tensor": scores, "tuple": (scores, read.last_hidden_state), "dict": {"logits": scores}}[self.answer]


class _AnyName(_Pairs):
    def forward(self, **inputs):
        return super().forward(**inputs)


class _Ids(_Pairs):
    def forward(self, ids, segment_ids=None):
        return super().forward(ids, None, segment_ids)


@pytest.mark.parametrize("kind", [_Pairs, _AnyName, _Ids])
@pytest.mark.parametrize("answer", ["tensor", "tuple", "dict"])
def test_modules_of_ones_own_are_fed_as_their_user_feeds_them(kind, answer):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = kind(answer).eval()
    tokenizer = fast()
    inputs = tokenizer(TYPED, SECOND, return_tensors="pt")
    with torch.no_grad():
        plain = module(inputs.input_ids, inputs.token_type_ids) if kind is _Ids else module(**inputs)
    expected = plain[0] if answer == "tuple" else plain["logits"] if answer == "dict" else plain
    subject = interpret.load(module, tokenizer=tokenizer, labels=["no", "yes"])
    example = subject.encode(TYPED, SECOND)
    torch.testing.assert_close(subject.decide(example).logits, expected[0], atol=1e-5, rtol=1e-5)
    assert plain_check(subject, example).passed


def test_a_tokenizer_that_fills_every_text_up_is_read_as_its_module_reads_it():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = _Ids().eval()
    tokenizer = Tokenizer.from_str(word_pieces().to_str())
    tokenizer.enable_padding(length=20)
    tokenizer.enable_truncation(24)
    subject = interpret.load(module, tokenizer=tokenizer)
    example = subject.encode(TEXT)
    assert len(example.ids) == 20 and subject.longest == 24 and len(example.units) == 12
    with torch.no_grad():
        expected = module(torch.tensor([tokenizer.encode(TEXT).ids]))[0]
        less = module(torch.tensor([tokenizer.encode(TEXT.replace("cat ", "")).ids]))[0]
    torch.testing.assert_close(subject.decide(example).logits, expected, atol=1e-5, rtol=1e-5)
    found = subject.erase(example, torch.arange(12)[None] == 1, target=0, eraser="delete")
    assert float(found.margin) == pytest.approx(float(less[0] - less[1]), abs=1e-4)


RULES = [
    {"eos_token_id": [1, 30]},
    {"repetition_penalty": 5.0},
    {"no_repeat_ngram_size": 1},
    {"suppress_tokens": list(range(100, 400))},
    {"min_new_tokens": 6, "eos_token_id": list(range(3, 400))},
    {"bad_words_ids": [[number] for number in range(60, 380)], "num_beams": 3, "do_sample": True, "temperature": 2.0},
]


@pytest.mark.parametrize("rules", RULES)
def test_what_a_model_writes_is_what_generate_writes_from_a_folder_as_from_memory(rules, tmp_path):
    model = save_gpt2(tmp_path)
    model.generation_config = transformers.GenerationConfig(bos_token_id=2, pad_token_id=0, **rules)
    model.save_pretrained(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    ids = tokenizer(TEXT, return_tensors="pt").input_ids
    with torch.no_grad():
        written = model.generate(ids, do_sample=False, num_beams=1, max_new_tokens=8)[0, ids.shape[1] :].tolist()
    for subject in (interpret.load(tmp_path), interpret.load(model, tokenizer=tokenizer)):
        found = subject.continuation(TEXT, most=8)
        assert [example.expected for example in found.examples] == written
        example = subject.encode(TEXT)
        likeliest = subject.decide(example).target
        assert bool(subject.remarks_on(example)) == (likeliest != written[0])
        assert plain_check(subject, example).passed
        assert plain_check(subject, found.examples[-1]).passed


def test_a_language_model_under_a_tokenizer_with_types_is_told_none():
    model = random_model("causal", "gpt2", word_pieces())
    subject = interpret.load(model, tokenizer=fast())
    example = subject.encode(TEXT)
    with torch.no_grad():
        expected = model(input_ids=example.ids[None]).logits[0, -1]
    torch.testing.assert_close(subject.decide(example).logits, expected, atol=1e-5, rtol=1e-5)
    assert "token types" in " ".join(subject.remarks_on(example)) and plain_check(subject, example).passed


def test_a_model_that_counts_from_another_number_is_told_positions_as_generate_tells_them():
    tokenizer = Tokenizer.from_str(word_pieces().to_str())
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 2)])
    model = random_model("causal", "roberta", tokenizer, is_decoder=True, pad_token_id=0)
    subject = interpret.load(model, tokenizer=fast(tokenizer, typed=False, pad_token="[PAD]"))
    example, fewer = (subject.encode(text) for text in (TEXT, TEXT.replace("cat ", "")))
    with torch.no_grad():
        options = {"do_sample": False, "return_dict_in_generate": True, "output_logits": True, "max_new_tokens": 3}
        written, shorter = (model.generate(each.ids[None], **options) for each in (example, fewer))
        plain = model(input_ids=example.ids[None]).logits[0, -1]
    found = subject.decide(example).logits
    torch.testing.assert_close(found, written.logits[0][0], atol=1e-5, rtol=1e-5)
    assert float((found - plain).abs().max()) > 0.01
    assert "where each token stands" in " ".join(subject.remarks_on(example))
    assert plain_check(subject, example).passed
    steps = subject.continuation(TEXT, most=3).examples
    assert [step.expected for step in steps] == written.sequences[0, len(example.ids) :].tolist()
    for step, logits in zip(steps, written.logits, strict=True):
        torch.testing.assert_close(subject.decide(step).logits, logits[0], atol=1e-4, rtol=1e-4)
    (many,) = subject.logits_of_many([torch.stack([fewer.ids, fewer.ids])])
    torch.testing.assert_close(many, shorter.logits[0].expand(2, -1), atol=1e-5, rtol=1e-5)


def test_models_without_a_table_of_token_vectors_are_refused():
    for family, settings in (("canine", {}), ("perceiver", {"d_model": 32, "d_latents": 32, "num_latents": 4})):
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
        config = transformers.AutoConfig.for_model(family, **sizes, **settings)
        model = HEADS["classifier"].from_config(config).eval()
        with pytest.raises(interpret.InputError, match="has no one table of token vectors"):
            interpret.load(model, tokenizer=fast())


def test_models_of_pages_are_refused():
    tokenizer = fast()
    config = transformers.AutoConfig.for_model(
        "layoutlm", vocab_size=tokenizer.vocab_size, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48,
    )  # fmt: skip
    model = HEADS["classifier"].from_config(config)
    with pytest.raises(interpret.InputError, match=r"reads where each word stands on a page \(bbox\)"):
        interpret.load(model, tokenizer=tokenizer)


def test_byte_pairs_without_special_tokens_are_read_plainly():
    model = random_model("classifier", "qwen2", byte_pairs(), pad_token_id=0)
    subject = interpret.load(model, tokenizer=fast(byte_pairs(), typed=False, pad_token="<pad>", eos_token="<end>"))
    assert plain_check(subject, subject.encode(TEXT)).passed
