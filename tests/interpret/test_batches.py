"""Several inputs at once, against each of them alone."""

import math

import pytest
import torch
from images_for_tests import save_noise, tiny_vision
from own_modules import word_tokenizer
from saved_models import save_answering
from translators_for_tests import save_translator

import interpret
from analyses import attention_entropy, attention_rollout
from analyses.attention.patterns import attention_patterns
from interpret.attention.checks import Check
from interpret.errors import InputError
from interpret.subjects.checked_recording import worst
from interpret.subjects.inputs.batch import Batch, encoded_batch
from interpret.subjects.inputs_per_pass import in_passes, passes_by_length

TEXTS = (
    "The cat sat on the mat while the rain kept falling.",
    "A quiet film.",
    "The rain sat on the cat while the mat kept falling.",
    "The bread was dry.",
)


def same(one, other, tolerance=1e-5):
    torch.testing.assert_close(one, other, rtol=tolerance, atol=tolerance)


def require_same_as_alone(subject, texts, **options):
    """Every decision and every weight of a batch is that of the input alone."""
    batch = subject.encode(texts, **options)
    decisions, (records, checks) = subject.decide(batch), subject.record(batch)
    assert len(batch) == len(decisions) == len(records) == len(texts)
    assert all(check.passed for check in checks)
    for text, example, decision, record in zip(texts, batch, decisions, records, strict=True):
        given = text if isinstance(text, tuple) else (text,)
        alone = subject.encode(*given, **options)
        assert torch.equal(alone.ids, example.ids) and alone.units == example.units
        expected, (recorded, found) = subject.decide(alone), subject.record(alone)
        assert (decision.target, decision.label, decision.predicted) == (
            expected.target, expected.label, expected.predicted,
        )  # fmt: skip
        same(decision.logits, expected.logits)
        same(decision.margin, expected.margin)
        same(decision.readout, expected.readout)
        assert [name for name, _ in decision.alternatives] == [name for name, _ in expected.alternatives]
        assert {check.name for check in found} <= {check.name for check in checks}
        assert len(record) == len(recorded) and record.labels == recorded.labels
        assert record.labels.tokens == example.tokens
        for layer in range(len(record)):
            same(record.weights(layer), recorded.weights(layer))
            same(record.output(layer), recorded.output(layer))
    return batch, records


def test_a_batch_of_texts_is_each_text_alone(bert, gpt2, llama):
    for subject in (bert, gpt2, llama):
        require_same_as_alone(subject, list(TEXTS))


@pytest.mark.parametrize("family", ["t5", "marian"])
def test_sources_of_other_lengths_dont_share_a_pass_though_inputs_are_as_long(tmp_path, family):
    save_translator(tmp_path, family)
    subject = interpret.load(tmp_path)
    require_same_as_alone(subject, [("a small dog", "ein kleiner"), ("a dog runs home", "ein hund")])
    sources = ("a small dog", "a small dog!")
    first, second = (len(subject.encode(source, "ein kleiner hund").ids) for source in sources)
    assert second - first in (1, 2)
    one = subject.encode(sources[0], "ein kleiner hund", position=second - first)
    batch = Batch((one, subject.encode(sources[1], "ein kleiner hund")))
    assert len(batch[0].ids) == len(batch[1].ids)
    records, _ = subject.record(batch)
    assert records[0].labels.layers[:4] == ("encoder 1", "encoder 2", "decoder 1", "cross 1")
    for example, record, decision in zip(batch, records, subject.decide(batch), strict=True):
        alone, _ = subject.record(example)
        same(subject.maps(record, example).weights, subject.maps(alone, example).weights)
        same(decision.logits, subject.decide(example).logits)


def test_pairs_of_texts(tmp_path):
    save_answering(tmp_path)
    subject = interpret.load(tmp_path)
    pairs = [("Who sat?", "The cat sat on the mat."), ("Who fell?", "The rain fell on the dry bread, she said.")]
    require_same_as_alone(subject, pairs)


def test_images(tmp_path):
    paths = [save_noise(tmp_path / f"{seed}.png", seed=seed) for seed in range(3)]
    require_same_as_alone(tiny_vision(), paths)


class MeanReader(torch.nn.Module):
    """Answers from the mean of all positions, so that each has a share in the decision."""

    def __init__(self, labels):
        super().__init__()
        self.embedding = torch.nn.Embedding(word_tokenizer().get_vocab_size(), 16)
        layer = torch.nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.encoder = torch.nn.TransformerEncoder(layer, 2)
        self.scores = torch.nn.Linear(16, labels)

    def forward(self, ids):
        return self.scores(self.encoder(self.embedding(ids)).mean(dim=1))


def mean_reader(*labels):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return interpret.load(MeanReader(len(labels)), tokenizer=word_tokenizer(), labels=labels)


def test_a_module_of_ones_own_with_one_score():
    subject = mean_reader("liking")
    batch, _ = require_same_as_alone(subject, ["red old cat", "big dog", "old warm house"])
    for decision in subject.decide(batch):
        assert decision.alternatives == (("liking", decision.probability),)


def test_readouts_are_those_of_each_inputs_own_label():
    subject = mean_reader("good", "bad", "odd")
    batch = subject.encode(["red old cat", "big warm dog"])
    ids = torch.stack([example.ids for example in batch])
    alone = [subject.readouts(ids[[index]], [target])[0] for index, target in enumerate((0, 1))]
    same(subject.readouts(ids, [0, 1]), torch.stack(alone))
    assert not torch.allclose(alone[1], subject.readouts(ids[[1]], [0])[0], atol=1e-3)


@pytest.fixture
def few_rows(monkeypatch):
    """Makes every text a long one: four rows at a time."""
    from interpret.attention import call

    monkeypatch.setattr(call, "WEIGHTS_AT_ONCE", 1)
    monkeypatch.setattr(call, "LEAST_ROWS", 4)


@pytest.mark.parametrize("long", [False, True])
def test_every_analysis_of_one_text_reads_a_recording_of_a_batch(bert, llama, long, request):
    if long:
        request.getfixturevalue("few_rows")
    for subject in (bert, llama):
        batch = subject.encode(TEXTS)
        records, _ = subject.record(batch)
        for example, record in zip(batch, records, strict=True):
            alone, _ = subject.record(example)
            same(attention_entropy(record).nats, attention_entropy(alone).nats)
            same(attention_rollout(record).flow, attention_rollout(alone).flow)
            for name in ("previous", "first", "distance"):
                mine, theirs = (attention_patterns(each, separators=example.separators) for each in (record, alone))
                same(getattr(mine, name), getattr(theirs, name))
            same(record.stacked(), alone.stacked())
            assert torch.equal(record.visible(), alone.visible())
            same(record.row(1, 2, 3), alone.row(1, 2, 3))
            assert len(record.layers()) == len(alone.layers()) and record.way == alone.way
            assert all(check.passed for check in record.checks())


def test_one_input_of_a_padded_pass_is_what_its_index_gives(bert):
    ids = torch.randint(5, 40, (3, 7))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    with torch.no_grad(), interpret.recording(bert.model) as record:
        bert.model(input_ids=ids, attention_mask=mask)
    single = record.single(1)
    assert torch.equal(single.stacked(), record.stacked(1)) and torch.equal(single.visible(), record.visible(1))
    assert torch.equal(attention_entropy(single).nats, attention_entropy(record, example=1).nats)
    assert {check.name: check.passed for check in single.checks()}["no weight on padding"]
    assert torch.equal(single.output(0), record.output(0)[1:2])
    with pytest.raises(IndexError, match=r"^example must be from 0 to 2, not 3$"):
        record.single(3)


def test_inputs_of_equal_length_share_passes_that_the_limit_bounds(bert):
    batch = bert.encode([TEXTS[0]] * 5 + [TEXTS[1]])
    tokens = len(batch[0].ids)
    shapes = []
    handle = bert.model.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    with bert.at_most_tokens(2 * tokens), torch.no_grad():
        found = in_passes(
            [bert.lengths(example) for example in batch],
            bert.tokens_at_once,
            lambda indices: list(bert.logits(torch.stack([batch[index].ids for index in indices]))),
        )
    handle.remove()
    assert shapes == [(2, tokens), (2, tokens), (1, tokens), (1, len(batch[5].ids))]
    same(torch.stack(found), torch.cat([bert.logits(example.ids[None]) for example in batch]))


def test_passes_by_length():
    assert list(passes_by_length([(3,), (5,), (3,), (3,), (9,)], 6)) == [[[4]], [[1]], [[0, 2], [3]]]
    assert list(passes_by_length([(2, 1), (1, 2), (2, 1)], 100)) == [[[0, 2]], [[1]]]


def test_results_are_in_the_order_of_the_texts(bert):
    forwards, backwards = bert.decide(bert.encode(TEXTS)), bert.decide(bert.encode(TEXTS[::-1]))
    for one, other in zip(forwards, backwards[::-1], strict=True):
        same(one.logits, other.logits)


def test_a_target_is_asked_of_every_text(bert):
    decisions = bert.decide(bert.encode(TEXTS), 1)
    assert {decision.target for decision in decisions} == {1}


def test_what_a_batch_looks_like(bert):
    batch = bert.encode(TEXTS)
    records, _ = bert.record(batch)
    assert repr(batch) == "<Batch of 4 inputs of 6 to 14 tokens>" and repr(records) == "<RecordedBatch of 4 inputs>"
    assert isinstance(batch[1:], Batch) and batch[1:].examples == batch.examples[1:] and batch[-1] is batch.examples[3]
    assert len(records[:2]) == 2 and records[:2][1] is records[1]
    assert repr(records[0]).startswith("<Recording of ") and records[0].labels.layers[0] == "layer 1"


def test_the_worst_result_of_each_check_is_returned():
    checks = [Check("a", 0.1, 1), Check("b", 5, 1, "why"), Check("a", 0.3, 1), Check("b", 0, 1), Check("a", 0.2, 1)]
    assert worst(checks) == (Check("a", 0.3, 1), Check("b", 5, 1, "why"))
    assert math.isnan(worst([Check("a", 7, 1), Check("a", math.nan, 1)])[0].value)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ([], "a batch must have at least one text, and came an empty sequence"),
        (["a film", " "], "text 2 of 2: the text is empty; give one of at least two words"),
        (["a film", 3], "text 2 of 2: each must be a text, or a pair of texts as a tuple, not 3"),
        ([("a", "b", "c")], "text 1 of 1: each must be a text, or a pair of texts as a tuple, not ('a', 'b', 'c')"),
        (["a film", ("a film", " ")], "text 2 of 2: the second text is empty; give one of at least two words"),
    ],
)
def test_what_is_no_batch_is_refused(bert, texts, says):
    with pytest.raises(InputError) as refused:
        encoded_batch(texts, bert.encode_one, {})
    assert str(refused.value) == says


def test_second_texts_of_a_batch_are_given_as_pairs(bert):
    with pytest.raises(InputError, match=r"^second texts of a batch stand beside the first ones: give pairs \(text, "):
        bert.encode(["a film", "a play"], "second")
