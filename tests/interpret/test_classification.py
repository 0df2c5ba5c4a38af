"""A classifier decides as transformers says, for ids, batches and token vectors alike."""

import math
import re

import pytest
import torch
from saved_models import SPECIAL, byte_pairs, random_model, save_bert, save_gpt2, save_tokenizer, word_pieces
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import interpret
from analyses.decision.analyze import analyze
from interpret.subjects.decision import margin

TEXT = "The cat sat on the mat, but the cake was dry."
CLASSIFIERS = ("bert", "roberta", "distilbert", "albert", "electra", "modernbert", "gpt2", "qwen2", "gemma2")


def one_line(text: str) -> str:
    return f"^{re.escape(text)}$"


@pytest.fixture(scope="module", params=CLASSIFIERS)
def classifier(request, tmp_path_factory) -> interpret.TextClassification:
    folder = tmp_path_factory.mktemp(request.param)
    tokenizer = byte_pairs() if request.param in ("gpt2", "qwen2", "gemma2") else word_pieces()
    random_model("classifier", request.param, tokenizer, num_labels=3).save_pretrained(folder)
    save_tokenizer(folder, tokenizer)
    return interpret.load(folder)


def test_a_decision_is_the_softmax_of_what_transformers_gives(bert, saved):
    tokenizer = AutoTokenizer.from_pretrained(saved / "bert")
    plain = AutoModelForSequenceClassification.from_pretrained(saved / "bert")
    with torch.no_grad():
        bad, good = plain(**tokenizer(TEXT, return_tensors="pt")).logits[0].tolist()
    decision = bert.decide(bert.encode(TEXT))
    likelier = "good" if good > bad else "bad"
    probability = 1 / (1 + 2.718281828459045 ** -abs(good - bad))
    assert decision.label == decision.predicted == likelier == bert.label(decision.target)
    assert decision.probability == pytest.approx(probability, abs=1e-6)
    assert decision.margin == pytest.approx(abs(good - bad), abs=1e-5)
    other = bert.decide(bert.encode(TEXT), "bad" if likelier == "good" else "good")
    assert other.margin == pytest.approx(-abs(good - bad), abs=1e-5)
    assert (other.predicted, other.probability) == (likelier, pytest.approx(1 - probability, abs=1e-6))
    assert [name for name, _ in other.alternatives] == [likelier, other.label]


def test_a_batch_is_what_its_rows_are(classifier):
    ids = classifier.encode(TEXT).ids
    rows = torch.stack([ids.roll(shift) for shift in range(4)])
    batch = classifier.logits(rows)
    assert batch.shape == (4, 3)
    assert not torch.allclose(batch[0], batch[1])
    for row, answer in zip(rows, batch, strict=True):
        assert torch.allclose(classifier.logits(row[None])[0], answer, atol=1e-5)


def test_token_vectors_give_what_ids_give(classifier):
    rows = torch.stack([classifier.encode(TEXT).ids.roll(shift) for shift in range(3)])
    assert torch.allclose(classifier.logits_from(classifier.embed(rows), rows), classifier.logits(rows), atol=1e-5)


def test_gradients_agree_with_small_changes(classifier):
    ids = classifier.encode(TEXT).ids[None]
    vectors = classifier.embed(ids).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(margin(classifier.logits_from(vectors, ids), 1)[0], vectors)
    direction = gradient / gradient.norm()
    with torch.no_grad():
        step = 1e-3
        ahead, behind = (margin(classifier.logits_from(vectors + side * step * direction, ids), 1) for side in (1, -1))
    assert float((ahead - behind)[0] / (2 * step)) == pytest.approx(float(gradient.norm()), rel=0.02)


def test_nothing_changes_the_weights(classifier):
    before = {name: weight.clone() for name, weight in classifier.model.state_dict().items()}
    example = classifier.encode(TEXT)
    decision = classifier.decide(example)
    classifier.record(example)
    removed = torch.eye(len(example.units), dtype=torch.bool)
    for eraser in classifier.erasers:
        classifier.erase(example, removed, target=decision.target, eraser=eraser)
    after = classifier.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(weight.grad is not None for weight in classifier.model.parameters())


@pytest.mark.parametrize("pad_token_id", [None, 0, 5])
def test_classifiers_made_of_a_language_model_read_where_they_do_by_themselves(tmp_path, pad_token_id):
    """GPT-2 reads the last token that isn't padding, and refuses batches where no id is padding."""
    save_gpt2(tmp_path, "classifier", pad_token_id=pad_token_id)
    subject = interpret.load(tmp_path)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    ids = torch.tensor([[7, 9, 5, 8, 0], [7, 9, 8, 0, 5], [5, 0, 0, 5, 5], [7, 9, 8, 6, 4]])
    with torch.no_grad():
        expected = torch.cat([plain(input_ids=row[None]).logits for row in ids])
    assert torch.allclose(subject.logits(ids), expected, atol=1e-5)
    assert torch.allclose(subject.logits_from(subject.embed(ids), ids), expected, atol=1e-5)
    assert torch.allclose(subject.logits(ids[1:2]), expected[1:2], atol=1e-5)
    assert subject.model.config.pad_token_id == pad_token_id


def test_the_readout_is_the_first_token_in_bert_and_the_last_in_gpt2(bert, tmp_path):
    assert int(bert.decide(bert.encode(TEXT)).readout.argmax()) == 0
    save_gpt2(tmp_path, "classifier")
    subject = interpret.load(tmp_path)
    assert int(subject.decide(subject.encode(TEXT)).readout.argmax()) == len(subject.encode(TEXT).ids) - 1


@pytest.mark.parametrize("name", ["good", "GOOD", " Good ", "1"])
def test_a_label_is_found_by_name_or_number(bert, name):
    assert bert.find_label(name) == 1


def test_names_come_before_numbers_and_exact_ones_before_others(tmp_path):
    save_bert(tmp_path, id2label={0: "1", 1: "Yes", 2: "yes"}, label2id={"1": 0, "Yes": 1, "yes": 2})
    subject = interpret.load(tmp_path)
    assert [subject.find_label(name) for name in ("1", "2", "yes", "Yes", "YES", "0")] == [0, 2, 2, 1, 1, 0]


@pytest.mark.parametrize("name", ["", "great", "2", "-1", "1.0", "²"])
def test_a_label_that_is_not_there(bert, saved, name):
    wanted = f"{saved / 'bert'} has no label {name!r}; its labels are bad, good, or their numbers 0 to 1"
    with pytest.raises(interpret.InputError, match=one_line(wanted)):
        bert.find_label(name)


def test_at_most_ten_labels_are_listed(tmp_path):
    save_bert(tmp_path, id2label={index: f"kind {index}" for index in range(14)}, label2id={})
    wanted = (
        f"{tmp_path} has no label 'x'; its labels are kind 0, kind 1, kind 2, kind 3, kind 4, kind 5, kind 6, kind 7, "
        "kind 8, kind 9 and 4 more, or their numbers 0 to 13"
    )
    subject = interpret.load(tmp_path)
    with pytest.raises(interpret.InputError, match=one_line(wanted)):
        subject.decide(subject.encode(TEXT), "x")
    assert subject.find_label("kind 13") == 13


def test_heads_that_give_several_numbers_are_refused(tmp_path):
    settings = {"problem_type": "regression", "num_labels": 3}
    random_model("classifier", "bert", word_pieces(), **settings).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, word_pieces())
    wanted = (
        f"{tmp_path} is made for regression and gives 3 numbers, which are no labels to choose from; a model that "
        "gives one number, or a classifier, can be explained"
    )
    with pytest.raises(interpret.InputError, match=one_line(wanted)):
        interpret.load(tmp_path)


@pytest.mark.parametrize("settings", [{}, {"problem_type": "regression"}])
def test_a_score_is_explained_as_it_is(tmp_path, settings):
    plain = random_model("classifier", "bert", word_pieces(), num_labels=1, **settings)
    for sign in (1, -1):  # one that is above 0, and one that is below
        with torch.no_grad():
            plain.classifier.weight *= sign
            plain.classifier.bias *= sign
        plain.save_pretrained(tmp_path)
        save_tokenizer(tmp_path, word_pieces(), typed=True, **SPECIAL)
        subject = interpret.load(tmp_path)
        example = subject.encode(TEXT, "The cat sat.")
        decision = subject.decide(example)
        inputs = AutoTokenizer.from_pretrained(tmp_path)(TEXT, "The cat sat.", return_tensors="pt")
        with torch.no_grad():
            score = float(plain(**inputs).logits)
        assert decision.margin == pytest.approx(score, abs=1e-5)
        assert decision.label == decision.predicted == "score" and len(decision.alternatives) == 1
        assert decision.probability == pytest.approx(1 / (1 + math.exp(-score)), abs=1e-5)
        assert any("logistic" in note for note in subject.remarks_on(example))


def test_a_label_that_excludes_no_other_is_decided_by_itself(tmp_path):
    names = {0: "rude", 1: "long", 2: "late"}
    settings = {"problem_type": "multi_label_classification", "id2label": names}
    plain = random_model("classifier", "bert", word_pieces(), num_labels=3, **settings)
    plain.save_pretrained(tmp_path)
    save_tokenizer(tmp_path, word_pieces(), mask_token="[MASK]")
    subject = interpret.load(tmp_path)
    example = subject.encode(TEXT)
    with torch.no_grad():
        logits = plain(input_ids=example.ids[None]).logits[0]
    for index, name in names.items():
        one = subject.about(example, name)
        decision = one.decide(example, name)
        assert decision.margin == pytest.approx(float(logits[index]), abs=1e-5)
        assert decision.probability == pytest.approx(float(logits[index].sigmoid()), abs=1e-6)
        assert decision.predicted == (name if logits[index] > 0 else f"not {name}")
        against = subject.about(example, f"not {name}").decide(example, f"not {name}")
        assert against.margin == pytest.approx(-float(logits[index]), abs=1e-5)
        vectors = one.embed(example.ids[None])
        assert torch.allclose(one.logits_from(vectors, example.ids[None]), one.logits(example.ids[None]), atol=1e-5)
    assert subject.about(example, None).labels[0] == names[int(logits.argmax())]
    with pytest.raises(interpret.InputError, match="has no label 'kind'; its labels are rude, long, late"):
        subject.about(example, "kind")
    for index, name in names.items():  # also "1", which is no "not rude"
        for target, label in ((str(index), name), (f"not {index}", f"not {name}")):
            assert subject.about(example, target).decide(example, target).label == label
    found = analyze(subject, TEXT, target=2, effort="quick")
    assert found.decision.label == "late" and {name for name, _ in found.decision.alternatives} == {"late", "not late"}


def by_hand(plain, ids: list[int], target: int) -> tuple[float, float]:
    with torch.no_grad():
        logits = plain(input_ids=torch.tensor([ids])).logits[0]
    others = [float(score) for label, score in enumerate(logits) if label != target]
    return float(logits[target]) - max(others), float(logits.softmax(0)[target])


def check_erasers(subject: interpret.TextClassification, plain, text: str) -> None:
    example = subject.encode(text)
    target = subject.decide(example).target
    count = len(example.units)
    generator = torch.Generator().manual_seed(3)
    removed = torch.cat([torch.eye(count, dtype=torch.bool), torch.rand(5, count, generator=generator) < 0.5])
    removed = torch.cat([removed, removed[:2], torch.zeros(1, count, dtype=torch.bool)])
    for eraser in ("mask", "delete"):
        scores = subject.erase(example, removed, target=target, eraser=eraser)
        for row, found, probability in zip(removed, scores.margin, scores.probability, strict=True):
            gone = {token for unit, out in zip(example.units, row, strict=True) if out for token in unit.tokens}
            kept = [
                subject.mask_id if position in gone else token
                for position, token in enumerate(example.ids.tolist())
                if eraser == "mask" or position not in gone
            ]
            assert (float(found), float(probability)) == pytest.approx(by_hand(plain, kept, target), abs=2e-5)


def test_erasing_is_what_it_is_by_hand(bert, saved):
    check_erasers(bert, AutoModelForSequenceClassification.from_pretrained(saved / "bert"), TEXT)


def test_an_eraser_that_the_model_does_not_have(gpt2, saved):
    wanted = f"{saved / 'gpt2'} can remove words by delete, not by 'mask'"
    with pytest.raises(interpret.InputError, match=one_line(wanted)):
        gpt2.erase(gpt2.encode("The cat sat"), torch.zeros(1, 2, dtype=torch.bool), target=0, eraser="mask")


REVIEWS = {
    "The acting is warm and the ending made me smile.": "positive",
    "A dull, lifeless two hours that I want back.": "negative",
    "Nobody in this film seems to know why they are here.": "negative",
    "Clever, tender and beautifully shot.": "positive",
}


@pytest.fixture(scope="module")
def minilm(shared) -> interpret.TextClassification:
    return interpret.load(shared / "models" / "minilm-sst2")


@pytest.mark.parametrize("text", REVIEWS)
def test_minilm_decides(minilm, shared, text):
    example = minilm.encode(text)
    assert example.ids.tolist() == AutoTokenizer.from_pretrained(shared / "models" / "minilm-sst2")(text).input_ids
    decision = minilm.decide(example)
    assert decision.label == REVIEWS[text] and decision.probability > 0.7
    assert int(decision.readout.argmax()) == 0
    assert all(check.passed for check in minilm.record(example)[1])


def test_minilm_batches_and_token_vectors(minilm):
    ids = minilm.encode(next(iter(REVIEWS))).ids
    rows = torch.stack([ids, ids.roll(1), ids.flip(0)])
    with torch.no_grad():
        batch = minilm.logits(rows)
        singles = torch.cat([minilm.logits(row[None]) for row in rows])
        vectors = minilm.logits_from(minilm.embed(rows), rows)
    assert torch.allclose(batch, singles, atol=1e-5)
    assert torch.allclose(batch, vectors, atol=1e-5)


def test_minilm_erasing_is_what_it_is_by_hand(minilm, shared):
    plain = AutoModelForSequenceClassification.from_pretrained(shared / "models" / "minilm-sst2", dtype=torch.float32)
    check_erasers(minilm, plain, "Warm, funny and a little sad.")
