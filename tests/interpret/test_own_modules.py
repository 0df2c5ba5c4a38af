"""Modules that a user wrote: from `interpret.load` to a report, and what can't be read."""

import re
import textwrap

import pytest
import torch
from own_modules import WORDS, Masked, Reader, Writer, trained_reader, word_tokenizer
from tokenizers import Tokenizer, models
from torch import nn

import interpret
from analyses.decision.analyze import analyze
from interpret.errors import InputError
from interpret.subjects.decision import margin
from reports.analysis.page import render

pytestmark = pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")

TEXT = "old big tall blue dog thin house"


@pytest.fixture(autouse=True)
def _same_weights():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def refusal(*args, **options):
    with pytest.raises(InputError) as error:
        interpret.load(*args, **options)
    return str(error.value)


def test_a_trained_encoder_is_analysed_whole_and_the_deciding_word_found():
    model, right = trained_reader()
    assert right == 1.0
    found = analyze(interpret.load(model, tokenizer=word_tokenizer(), labels=["red", "blue"]), TEXT, effort="quick")
    assert found.decision.label == "blue" and found.decision.probability > 0.99
    assert found.subject.task == "text-classification" and found.subject.facts.architecture == "Reader"
    assert [unit.text for unit in found.example.units] == TEXT.split()
    for explanation in found.maps:
        assert int(explanation.scores.argmax()) == TEXT.split().index("blue"), explanation.method
    assert all(check.passed for check in found.checks)
    measured = {finding.name: finding for finding in found.verdict.findings}
    assert not any(finding.side == "fails" for finding in measured.values())  # seven words are too few to prove more
    assert all(measured[name].value > 0.9 for name in ("rank", "input rank", "share"))
    page = render(found.to_dict())
    assert "<bdi>blue</bdi>" in page and "Reader" in page


def test_the_example_in_the_documentation_runs():
    text = interpret.load.__doc__
    code = textwrap.dedent(text[text.index("        class Reader") : text.index("    Args:")])
    names = {"nn": nn, "interpret": interpret, "tokenizers": __import__("tokenizers")}
    exec(code, names)
    found = analyze(names["subject"], "a good old film bad good", effort="quick")
    assert found.decision.label in ("negative", "positive") and found.faithfulness.eraser == "mask"


def test_a_module_of_which_nothing_is_left_without_words_keeps_one_and_says_what_it_lacks():
    subject = interpret.load(Reader(), tokenizer=word_tokenizer(start=False))
    found = analyze(subject, TEXT, effort="quick").faithfulness
    assert found.eraser == "delete" and found.measured.removed[-1] == len(subject.encode(TEXT).units) - 1
    with pytest.raises(InputError) as error:
        subject.logits(torch.empty(1, 0, dtype=torch.long))
    assert str(error.value) == (
        'without any word nothing is left for Reader to read; give it a tokenizer that knows a "[MASK]" or puts '
        "special tokens around a text"
    )


def test_scores_weights_and_gradients_are_the_modules_own():
    model = Reader(layers=2)
    subject = interpret.load(model, tokenizer=word_tokenizer())
    assert model.training  # as it came
    model.eval()
    example = subject.encode("red dog old cat")
    ids = example.ids[None]
    assert ids[0].tolist() == [2, 3, 11, 6, 10] and subject.labels == ("LABEL_0", "LABEL_1")
    torch.testing.assert_close(subject.logits(ids), model(ids))

    record, _ = subject.record(example)
    vectors = model.embedding(ids) + model.places(torch.arange(5))
    _, expected = model.encoder.layers[0].self_attn(vectors, vectors, vectors, average_attn_weights=False)
    torch.testing.assert_close(record.weights(0), expected, atol=1e-6, rtol=0)

    given = subject.embed(ids).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(margin(subject.logits_from(given, ids), 1)[0], given)
    step = 1e-2 * torch.randn_like(given)
    moved = {}
    for sign in (1, -1):  # by the module itself, with its table of vectors changed at one row a token
        with torch.no_grad():
            kept = model.embedding.weight.clone()
            model.embedding.weight[ids[0]] += sign * step[0]
            moved[sign] = float(margin(model(ids), 1)[0])
            model.embedding.weight.copy_(kept)
    assert float((gradient * step).sum()) == pytest.approx((moved[1] - moved[-1]) / 2, rel=2e-2, abs=1e-5)


def test_the_mask_that_a_module_makes_of_its_ids_holds_for_vectors_too():
    subject = interpret.load(Reader(), tokenizer=word_tokenizer())
    padded = torch.tensor([[2, 3, 11, 0, 0]])
    torch.testing.assert_close(subject.logits_from(subject.embed(padded), padded), subject.logits(padded))
    torch.testing.assert_close(subject.logits(padded), subject.logits(padded[:, :3]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("turned", [False, True])
def test_inputs_are_made_by_a_function(turned):
    if turned:
        model = _BatchInTheMiddle().eval()
        subject = interpret.load(model, tokenizer=word_tokenizer(), inputs=lambda ids: ids.T)
        text = subject.encode("red dog")
        direct = model(text.ids[:, None])
    else:
        model = Masked()
        subject = interpret.load(
            model, tokenizer=word_tokenizer(), inputs=lambda ids: {"text": ids, "hidden_keys": ids == 11}
        )
        text = subject.encode("red dog")
        direct = model(text=text.ids[None], hidden_keys=text.ids[None] == 11)
        record, _ = subject.record(text)
        assert float(record.weights(0)[..., 2].max()) == 0  # "dog" is hidden
    torch.testing.assert_close(subject.logits(text.ids[None]), direct)
    two = torch.stack([text.ids, text.ids.flip(0)])
    torch.testing.assert_close(subject.logits_from(subject.embed(two), two), subject.logits(two))


class _BatchInTheMiddle(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.scores = nn.Embedding(len(WORDS), 16), nn.Linear(16, 2)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32), 1, enable_nested_tensor=False)

    def forward(self, ids):
        return self.scores(self.encoder(self.embedding(ids))[0])


def test_a_module_with_the_batch_in_the_middle_is_analysed_whole():
    """The short way through its last layer, which takes the batch to be first, is not taken."""
    subject = interpret.load(_BatchInTheMiddle(), tokenizer=word_tokenizer(), inputs=lambda ids: ids.T)
    found = analyze(subject, "red old cat dog", effort="quick")
    assert found.attention.weights.shape == (1, 2, 5, 5) and all(check.passed for check in found.checks)


def test_a_causal_module_goes_on_with_a_text():
    model = Writer().eval()
    subject = interpret.load(model, tokenizer=word_tokenizer(start=False))
    example = subject.encode("red old cat dog")
    decision = subject.decide(example)
    assert subject.is_causal and subject.task == "text-generation"
    scores = model(example.ids[None])[0, -1]
    assert decision.label.strip() == WORDS[int(scores.argmax())]
    torch.testing.assert_close(subject.logits(example.ids[None])[0], scores)
    written = subject.continuation("red old cat dog", most=2)
    assert written.examples[0].expected == int(scores.argmax())


def test_a_decoder_that_looks_at_its_own_text_has_both_kinds_of_attention():
    class Decoder(nn.Module):
        def __init__(self, places):
            super().__init__()
            self.embedding, self.scores = nn.Embedding(len(WORDS), 16), nn.Linear(16, len(WORDS))
            self.memory = nn.Parameter(torch.randn(1, places, 16)) if places else None
            self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 2, 32, batch_first=True), 2)

        def forward(self, ids):
            vectors = self.embedding(ids)
            future = torch.ones(ids.shape[1], ids.shape[1]).triu(1).bool()
            if self.memory is None:
                return self.scores(self.decoder(vectors, vectors, tgt_mask=future, memory_mask=future))
            return self.scores(self.decoder(vectors, self.memory.expand(len(ids), -1, -1), tgt_mask=future))

    subject = interpret.load(Decoder(0), tokenizer=word_tokenizer())
    record, checks = subject.record(subject.encode("red old cat dog"))
    assert record.stacked().shape == (4, 2, 5, 5) and all(check.passed for check in checks)
    assert refusal(Decoder(7), tokenizer=word_tokenizer()) == (
        "Decoder has attention in decoder.layers.0.multihead_attn that isn't over the tokens of the text alone: 3 x 7 "
        "for 3 tokens; analyses need a map of them in each layer, and interpret.recording reads what there is"
    )


def test_layers_of_transformers_and_of_this_project():
    from transformers import BertConfig, BertModel

    from interpret.native.blocks import EncoderBlock

    config = BertConfig(vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16)

    class OverBert(nn.Module):
        def __init__(self):
            super().__init__()
            self.bert, self.scores = BertModel(config), nn.Linear(16, 2)

        def forward(self, ids):
            return self.scores(self.bert(input_ids=ids).last_hidden_state[:, 0])

    class OverBlock(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.block, self.scores = nn.Embedding(20, 16), EncoderBlock(16, 2, 32), nn.Linear(16, 2)

        def forward(self, ids):
            return self.scores(self.block(self.embedding(ids)).mean(dim=1))

    for kind, layers in ((OverBert, 2), (OverBlock, 1)):
        subject = interpret.load(kind(), tokenizer=word_tokenizer())
        record, checks = subject.record(subject.encode("red dog"))
        assert len(record) == layers and all(check.passed for check in checks), kind


def test_a_model_of_transformers_in_memory_is_read_as_one_that_is_loaded(saved):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    by_name = interpret.load(saved / "bert")
    model = AutoModelForSequenceClassification.from_pretrained(saved / "bert")
    subject = interpret.load(model, tokenizer=AutoTokenizer.from_pretrained(saved / "bert"))
    assert type(subject) is type(by_name) and subject.labels == by_name.labels
    example = by_name.encode("a slow film")
    torch.testing.assert_close(subject.logits(example.ids[None]), by_name.logits(example.ids[None]))
    assert refusal(model, tokenizer=word_tokenizer(), task="text-generation") == (
        "BertForSequenceClassification is made for text-classification, not for text-generation; give a model with "
        "the head for it"
    )


def test_a_tokenizer_is_needed():
    assert refusal(Reader()) == (
        "Reader is a module, and those need a tokenizer: give tokenizer=, a tokenizers.Tokenizer or a fast tokenizer "
        "of transformers"
    )
    assert refusal(Reader(), tokenizer={"red": 1}) == (
        "the tokenizer of Reader must be a tokenizers.Tokenizer or a fast tokenizer of transformers, and came dict; of "
        "a vocabulary, a mapping from words to numbers, tokenizers makes one: Tokenizer(models.WordLevel(vocabulary, "
        "unk_token=...)) with a pre-tokenizer such as Whitespace"
    )
    small = Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    assert refusal(Reader(), tokenizer=small) == (
        "the tokenizer of Reader knows 2 tokens only; give the one that belongs to the module"
    )


def test_scores_of_another_shape_are_refused():
    class Last(Reader):
        def forward(self, ids):
            return super().forward(ids)[..., None, None]

    assert refusal(Last(), tokenizer=word_tokenizer()) == (
        "Last must answer with scores of the shape [batch, label], or [batch, token, label] for text-generation (a "
        "tensor, something that has it as .logits, or a tuple that begins with it), and came a tensor of shape [2, 2, "
        "1, 1]"
    )
    assert refusal(Reader(), tokenizer=word_tokenizer(), task="text-generation") == (
        "for text-generation, Reader must answer to 2 texts of 3 tokens with scores of the shape [2, 3, label], and it "
        "gives [2, 2]; pick them in its forward, or name another task with task="
    )
    assert refusal(Writer(), tokenizer=word_tokenizer(), labels=["a", "b"]) == (
        "for text-classification, Writer must answer to 2 texts of 3 tokens with scores of the shape [2, label], and "
        "it gives [2, 3, 14]; pick them in its forward, or name another task with task="
    )
    assert refusal(Reader(), tokenizer=word_tokenizer(), labels=["one"]) == (
        "Reader scores 2 labels, so labels= must be 2 names, not ['one']"
    )
    assert refusal(Reader(), tokenizer=word_tokenizer(), task="question-answering") == (
        "Reader is a module of your own, and those are read for text-classification and text-generation, not "
        "question-answering"
    )
    assert refusal(Writer(), tokenizer=word_tokenizer(), task="text-generation", labels=["a"]) == (
        "the labels of Writer are its tokens in text-generation; leave labels= out"
    )


def test_a_module_without_attention_or_with_several_embeddings_is_refused():
    class Bag(nn.Module):
        def __init__(self, *, second=False, once=True):
            super().__init__()
            self.first, self.second = nn.Embedding(20, 4), nn.Embedding(20, 4) if second else None
            self.once, self.scores = once, nn.Linear(4, 2)

        def forward(self, ids):
            if not self.once:
                return self.scores(nn.functional.one_hot(ids, 20).float() @ self.first.weight).mean(dim=1)
            vectors = self.first(ids) if self.second is None else self.first(ids) + self.second(ids)
            return self.scores(vectors.mean(dim=1))

    said = refusal(Bag(), tokenizer=word_tokenizer())
    assert said.startswith("Bag (Bag) has no attention that can be read: nothing in it goes through transformers'")
    assert refusal(Bag(once=False), tokenizer=word_tokenizer()) == (
        "Bag has no nn.Embedding that its token ids go into as they are, and gradients are taken with respect to the "
        "vectors that one gives; look the ids up in an nn.Embedding, and let the tokenizer add special tokens"
    )
    assert refusal(Bag(second=True), tokenizer=word_tokenizer()) == (
        "the token ids of Bag go into an nn.Embedding 2 times (first, second), and gradients are taken with respect to "
        "the vectors that it gives once; look the ids up once, in one nn.Embedding, and share or split its vectors"
    )


def test_mixed_up_axes_and_forwards_that_do_not_run_are_refused():
    class SequenceFirst(_BatchInTheMiddle):
        def forward(self, ids):
            return self.scores(self.encoder(self.embedding(ids)).mean(dim=1))

    assert refusal(SequenceFirst(), tokenizer=word_tokenizer()) == (
        "SequenceFirst answers otherwise to a text when another one stands beside it, so its axes of batch and token "
        "are mixed up, as in an nn.TransformerEncoder without batch_first=True; set that, or turn the ids with "
        "inputs=lambda ids: ids.T"
    )
    said = refusal(Masked(), tokenizer=word_tokenizer())
    assert said.startswith(
        "Masked doesn't run on token ids of the shape [2, 3]; say with inputs= what it is called with:"
    )
    said = refusal(Writer(causal=False), tokenizer=word_tokenizer())
    assert said.startswith("Writer (Writer) lets its positions see later ones, so it predicts no next token;")
    broken = Reader()
    nn.init.constant_(broken.scores.bias, float("nan"))
    assert refusal(broken, tokenizer=word_tokenizer()).startswith("Reader has weights that aren't numbers")


def test_options_that_do_not_go_together_are_refused():
    assert refusal(None, tokenizer=word_tokenizer()) == (
        "tokenizer, labels, inputs, grid and longest are for a module of yours; a model that is loaded by its name "
        "brings them along"
    )
    assert refusal(Reader(), tokenizer=word_tokenizer(), dtype="bfloat16") == (
        "a module stays where it is and as it is: use module.to(...), and leave out device, dtype and allow_pickle"
    )
    assert refusal(Reader(), tokenizer=word_tokenizer(), sink="ignore") == "sink must be drop or keep, not 'ignore'"
    said = refusal(Reader(), tokenizer=word_tokenizer(), grid=(2, 2))
    assert said.startswith("for text-generation, Reader must answer to 2 texts")
    assert refusal(Writer(), tokenizer=word_tokenizer(), grid=(0, 2)) == (
        "grid= is (rows, columns) of the image tokens that Writer writes, and came (0, 2)"
    )
    short = interpret.load(Reader(), tokenizer=word_tokenizer(), longest=4)
    with pytest.raises(InputError, match=re.escape("the text has 5 tokens, 1 more than the 4 that Reader reads")):
        short.encode("red dog old cat")


def test_the_module_is_left_as_it_was():
    model = Reader()
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    keys = list(model.state_dict())
    analyze(interpret.load(model, tokenizer=word_tokenizer()), "red dog", effort="quick")
    assert list(model.state_dict()) == keys
    assert all(torch.equal(before[name], weight) for name, weight in model.named_parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
