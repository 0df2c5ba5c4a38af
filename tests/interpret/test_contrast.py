"""Why one label rather than another: all that is asked follows the difference of their logits."""

import re
from functools import partial

import pytest
import torch
from images_for_tests import save_noise, tiny_vision
from saved_models import random_model, save_answering, save_bert, save_tokenizer, word_pieces
from subjects_for_tests import SENTENCE, tiny_bert, tiny_llama
from translators_for_tests import save_translator

import interpret
from analyses import (
    Attribution,
    analyze,
    analyze_steps,
    atman,
    attcat,
    attention_knockout,
    attention_x_gradient,
    chefer_relevance,
    explain,
    faithfulness,
    gim,
    input_x_gradient,
    integrated_gradients,
    kernel_shap,
    leave_one_out,
    occlusion,
    read,
    saliency,
    sanity_checks,
    value_zeroing,
)
from analyses.explanations.value_aware.alti_logit import alti_logit
from analyses.heads.ablation import head_importances
from analyses.heads.gradients import head_gradients
from analyses.sanity.changed_inputs import shifted
from interpret.attention.editing import editing
from interpret.attention.edits import zero_head
from interpret.errors import InputError

TEXT = "The cat sat on the mat"
LABELS = {0: "O", 1: "B-LOC", 2: "I-LOC"}


def one_line(text):
    return f"^{re.escape(text)}$"


def classifier(folder):
    save_bert(
        folder, num_labels=3, id2label=dict(enumerate("abc")), label2id={name: at for at, name in enumerate("abc")}
    )
    return interpret.load(folder), (TEXT,), "c", "a", (2, 0)


def multi_label(folder):
    names = {"id2label": dict(enumerate("abc")), "label2id": {name: at for at, name in enumerate("abc")}}
    save_bert(folder, num_labels=3, problem_type="multi_label_classification", **names)
    return interpret.load(folder), (TEXT,), "c", "a", (2, 0)


def writer(folder):
    save_translator(folder, "marian")
    subject = interpret.load(folder)
    return subject, (TEXT, "A quiet film"), "#7", "#9", (7, 9)


def answering(folder):
    save_answering(folder)
    subject = interpret.load(folder)
    example = subject.encode("Who sat?", "The cat sat on the mat.")
    names = ("The cat", "the mat")
    return subject, ("Who sat?", "The cat sat on the mat."), *names, [subject.find_label_in(example, n) for n in names]


def language_model(folder):
    return tiny_llama(), (SENTENCE,), "label 7", "label 3", (7, 3)


TASKS = (classifier, multi_label, writer, answering, language_model)


@pytest.mark.parametrize("task", TASKS)
def test_scores_are_the_difference_of_two_logits_of_the_plain_model(task, tmp_path):
    whole, texts, target, against, (own, other) = task(tmp_path)
    example = whole.encode(*texts)
    ids = example.ids[None]
    with torch.no_grad():
        plain = whole.logits(ids)[0]
    subject, _, decision = whole.asked(example, target=target, against=against)
    wanted = float(plain[own] - plain[other])
    assert decision.margin == pytest.approx(wanted, abs=1e-5)
    assert decision.probability == pytest.approx(1 / (1 + 2.718281828459045**-wanted), abs=1e-6)
    assert (decision.label, decision.against) == (whole.label_in(example, own), whole.label_in(example, other))
    assert decision.predicted == (decision.label if wanted > 0 else decision.against)
    with torch.no_grad():
        from_vectors = subject.logits_from(subject.embed(ids), ids)[0]
        (together,) = subject.logits_of_many([torch.cat([ids, ids])])
    for found in (from_vectors, *together):
        torch.testing.assert_close(found.cpu(), plain[[own, other]], atol=1e-4, rtol=1e-4)
    removed = torch.eye(len(example.units), dtype=torch.bool)
    eraser = whole.erasers[0]
    for unit, found in enumerate(subject.erase(example, removed, target=0, eraser=eraser).margin.tolist()):
        changed = whole.without(example.ids, example.spread(removed[unit : unit + 1])[0], eraser)
        with torch.no_grad():
            logits = whole.logits(changed[None])[0]
        assert found == pytest.approx(float(logits[own] - logits[other]), abs=1e-4)
    assert all(check.passed for check in subject.record(example)[1])


def test_labels_of_a_word_and_of_a_picture(tmp_path):
    model = random_model("tagging", "bert", word_pieces(), num_labels=3, id2label=LABELS)
    model.save_pretrained(tmp_path)
    save_tokenizer(tmp_path, word_pieces(), mask_token="[MASK]")
    tagger = interpret.load(tmp_path)
    example = tagger.encode(TEXT)
    unit = example.units[1]
    with torch.no_grad():
        logits = model(input_ids=example.ids[None]).logits[0, unit.tokens[0]]
    for other in ("O", "cat: O"):
        _, _, decision = tagger.asked(example, target="cat: I-LOC", against=other)
        assert decision.margin == pytest.approx(float(logits[2] - logits[0]), abs=1e-5)
        assert decision.place == (unit.start, unit.end)
    message = "labels of one word are held against each other, and 'mat: O' is not about 'cat'; give the label alone"
    with pytest.raises(InputError, match=one_line(message)):
        tagger.asked(example, target="cat: I-LOC", against="mat: O")

    vision = tiny_vision()
    picture = vision.encode(str(save_noise(tmp_path / "noise.png")))
    with torch.no_grad():
        logits = vision.logits(picture.ids[None])[0]
    _, _, decision = vision.asked(picture, target=1, against=0)
    assert decision.margin == pytest.approx(float(logits[1] - logits[0]), abs=1e-5)


def test_a_whole_analysis_is_that_of_a_model_that_has_only_the_two_labels(tmp_path):
    """The oracle: the same weights, with the other labels' rows cut out of the classifier."""
    save_bert(tmp_path / "whole", num_labels=4, id2label=dict(enumerate("abcd")), label2id={})
    two = save_bert(tmp_path / "two", id2label={0: "d", 1: "b"}, label2id={})
    whole = interpret.load(tmp_path / "whole")
    with torch.no_grad():
        for name, weights in two.classifier.named_parameters():
            weights.copy_(getattr(whole.model.classifier, name)[[3, 1]])
    two.save_pretrained(tmp_path / "two")
    found = analyze(whole, TEXT, target="d", against="b", effort="quick").to_dict()
    wanted = analyze(interpret.load(tmp_path / "two"), TEXT, target="d", effort="quick").to_dict()
    for part in ("maps", "rollout", "heads", "faithfulness", "agreement", "classic", "attention"):
        assert_close(found[part], wanted[part])
    for part in ("components", "beside", "answer", "spread"):
        assert_close(found["verdict"][part], wanted["verdict"][part])
    assert found["decision"]["against"] == "b" and "against" not in wanted["decision"]
    assert found["verdict"]["scope"].startswith("This text, this model and the decision “d rather than b” only.")


def assert_close(found, wanted):
    """Equal texts, and numbers that differ by rounding at most."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key in wanted:
            assert_close(found[key], wanted[key])
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for pair in zip(found, wanted, strict=True):
            assert_close(*pair)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, abs=2e-4, rel=2e-3)
    else:
        assert found == wanted


def test_of_two_labels_it_is_the_plain_margin_exactly():
    subject = interpret.load()
    text = "Slow at first, then wonderful."
    plain = subject.decide(text)
    _, example, decision = subject.asked(text, target="positive", against="negative")
    assert (decision.margin, decision.probability) == (plain.margin, plain.probability)
    for method in ("input x gradient", "Chefer relevance", "leave-one-out"):
        contrast = explain(subject, example, method, target="positive", against="negative")
        assert torch.equal(contrast.scores, explain(subject, example, method, target="positive").scores)


def test_swapped_labels_turn_the_sign_of_what_is_signed():
    whole = tiny_bert(labels=3)
    example = whole.encode(SENTENCE)
    one, _, decision = whole.asked(example, target="label 0", against="label 2")
    other, _, swapped = whole.asked(example, target="label 2", against="label 0")
    assert swapped.margin == pytest.approx(-decision.margin)
    assert swapped.probability == pytest.approx(1 - decision.probability)
    for method in ("input x gradient", "integrated gradients", "leave-one-out", "saliency"):
        a, b = (
            explain(whole, example, method, target=f"label {own}", against=f"label {rival}", integration_steps=10)
            for own, rival in ((0, 2), (2, 0))
        )
        torch.testing.assert_close(a.scores, -b.scores if a.signed else b.scores, atol=1e-5, rtol=1e-4)
    drops = [head_importances(s, example, d)["zero"].drop for s, d in ((one, decision), (other, swapped))]
    torch.testing.assert_close(drops[0], -drops[1], atol=1e-5, rtol=1e-4)


def test_what_is_read_off_the_residual_stream_is_the_difference_of_the_two():
    whole, text = interpret.load(), "Slow at first, then wonderful."
    found = []
    for target, against in (("positive", "negative"), ("negative", "positive")):
        subject, example, decision = whole.asked(text, target=target, against=against)
        scores = alti_logit(interpret.decompose(subject, example), example, decision)
        assert float(scores.tokens.sum()) + sum(scores.notes.values()) == pytest.approx(decision.margin, abs=1e-4)
        found.append(scores.scores)
    torch.testing.assert_close(found[0], -found[1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_heads_and_gradients_follow_the_two_logits(build):
    whole = build(labels=3) if build is tiny_bert else build()
    subject, example, decision = whole.asked(SENTENCE, target="label 1", against="label 2")
    ids, vectors = example.ids[None], whole.embed(example.ids[None]).detach().requires_grad_()

    def difference(logits):
        return (logits[0, 1] - logits[0, 2]).float()

    (gradient,) = torch.autograd.grad(difference(whole.logits_from(vectors, ids)), vectors)
    wanted = example.pool((gradient * vectors).sum(-1)[0].detach())
    found = explain(whole, example, "input x gradient", target="label 1", against="label 2")
    torch.testing.assert_close(found.scores, wanted, atol=1e-5, rtol=1e-4)
    drops = head_importances(subject, example, decision)["zero"].drop
    with torch.no_grad(), editing(whole.model, zero_head(1, 2)):
        silenced = float(difference(whole.logits(ids)))
    assert float(drops[1, 2]) == pytest.approx(decision.margin - silenced, abs=1e-4)
    assert head_gradients(subject, example, decision).drop.shape == drops.shape
    measured = faithfulness(
        subject, example, decision, [Attribution.from_scores("order", example, range(len(example.units)))]
    )
    assert measured.measured.comprehensiveness.margin.isfinite().all()


def test_a_batch_is_what_its_texts_are():
    whole = tiny_bert(labels=3)
    texts = [SENTENCE, "the film is slow", "a clever plot"]
    subject = whole.about_two(whole.encode(texts[0]), "label 2", "label 1")
    for text, found in zip(texts, subject.decide(subject.encode(texts)), strict=True):
        alone = whole.asked(text, target="label 2", against="label 1")[2]
        assert found.margin == pytest.approx(alone.margin, abs=1e-5) and found.against == "label 1"


def test_without_a_target_it_is_what_the_model_prefers(bert):
    plain = bert.decide(TEXT)
    other = next(label for label in ("good", "bad") if label != plain.label)
    assert bert.asked(TEXT, against=other)[2].label == plain.label
    message = (
        f"the target and the label that it is held against must differ, and both are '{plain.label}', which the model "
        "prefers itself; give another --target or --against (target= or against= in Python)"
    )
    with pytest.raises(InputError, match=one_line(message)):
        bert.asked(TEXT, against=plain.label)


def test_a_language_model_reads_a_shared_prefix_once_and_still_writes_with_all_tokens(gpt2):
    example = gpt2.encode(TEXT)
    names = [gpt2.label(index) for index in (40, 50)]
    subject = gpt2.about_two(example, *names)
    variants = example.ids.repeat(6, 1)
    variants[:, -1] = torch.arange(20, 26)
    (found,) = subject.logits_of_many([variants])
    torch.testing.assert_close(found, gpt2.logits(variants)[:, [40, 50]], atol=1e-4, rtol=1e-4)
    written = [each.continuation(TEXT, most=3).tokens for each in (gpt2, subject.writer)]
    assert written[0] == written[1]


def test_what_cannot_be_held_against_each_other_is_refused(bert, tmp_path):
    same = (
        "the target and the label that it is held against must differ, and both are 'good'; give another --target or "
        "--against (target= or against= in Python)"
    )
    with pytest.raises(InputError, match=one_line(same)):
        bert.asked(TEXT, target="good", against=1)
    unknown = f"{bert.name} has no label 'neutral'; its labels are bad, good, or their numbers 0 to 1"
    with pytest.raises(InputError, match=one_line(unknown)):
        bert.asked(TEXT, target="good", against="neutral")
    save_bert(tmp_path, num_labels=1, id2label={0: "stars"}, label2id={"stars": 0})
    score = interpret.load(tmp_path)
    message = (
        f"{score.name} gives one score, so there is no other label to hold it against; leave out --against (against= "
        "in Python)"
    )
    with pytest.raises(InputError, match=one_line(message)):
        score.asked(TEXT, against="stars")
    three, *_ = classifier(tmp_path / "three")
    subject = three.about_two(three.encode(TEXT), "a", "b")
    with pytest.raises(InputError, match=one_line("the choice is between 'a' or 'b', and 'c' is neither")):
        subject.decide(TEXT, "c")


def test_of_a_label_that_applies_or_not_both_sides_can_be_named(tmp_path):
    whole, *_ = multi_label(tmp_path)
    with torch.no_grad():
        logits = whole.logits(whole.encode(TEXT).ids[None])[0]
    assert whole.asked(TEXT, target="b", against="not b")[2].margin == pytest.approx(float(logits[1]), abs=1e-5)
    assert whole.asked(TEXT, target="not b", against="b")[2].margin == pytest.approx(-float(logits[1]), abs=1e-5)


@pytest.mark.parametrize("task", TASKS)
def test_a_decision_is_held_against_a_label_wherever_it_is_asked_for(task, tmp_path):
    whole, texts, target, against, _ = task(tmp_path)
    example = whole.encode(*texts)
    subject, _, wanted = whole.asked(example, target=target, against=against)
    found = whole.decide(example, target, against=against)
    (of_batch,) = whole.decide(whole.encode([texts[0] if len(texts) == 1 else texts]), target, against=against)
    for each in (found, of_batch, subject.asked(example)[2]):
        assert (each.label, each.against, each.predicted) == (wanted.label, wanted.against, wanted.predicted)
        assert each.margin == pytest.approx(wanted.margin, abs=1e-5)
    scores = explain(subject, example, "input x gradient").scores
    assert torch.equal(scores, explain(whole, example, "input x gradient", target=target, against=against).scores)


def test_a_decision_goes_with_the_subject_that_made_it():
    whole = tiny_bert(labels=3)
    subject, example, decision = whole.asked(SENTENCE, target="label 2", against="label 0")
    order = [Attribution.from_scores("order", example, range(len(example.units)))]
    others = whole.asked(SENTENCE, target="label 2", against="label 1")[0]
    for about, given in ((whole, decision), (others, decision), (subject, whole.decide(example))):
        message = (
            f"the decision must be one of this subject, and is on {given.question!r}; take both from "
            "subject.asked(text, target=..., against=...)"
        )
        with pytest.raises(InputError, match=one_line(message)):
            faithfulness(about, example, given, order)


def test_one_token_of_several_is_held_against_another_one(gpt2, tmp_path):
    written = " the mat and the"
    plain = analyze_steps(gpt2, TEXT, written, verdicts=False)
    example = plain.steps[1].example
    other = gpt2.label(next(index for index in (40, 41) if index != example.expected))
    found = analyze_steps(gpt2, TEXT, written, against={1: other}, verdicts=False)
    with torch.no_grad():
        logits = gpt2.logits(example.ids[None])[0]
    step = found.steps[1]
    margin = float(logits[example.expected] - logits[gpt2.find_label(other)])
    assert step.decision.margin == pytest.approx(margin, abs=1e-5) and step.decision.against == other
    subject, _, decision = gpt2.asked(example, against=other)
    for each in ("input x gradient", "leave-one-out"):
        (mine,) = (attribution.scores for attribution in step.maps if attribution.method == each)
        alone = explain(subject, example, each).scores
        torch.testing.assert_close(mine, alone, atol=2e-4, rtol=1e-3)
    torch.testing.assert_close(step.heads.drop, head_gradients(subject, example, decision).drop)
    assert all(check.passed for check in found.checks)
    for place in (0, 2, 3):
        assert found.steps[place].decision.against is None
        for mine, theirs in zip(found.steps[place].maps, plain.steps[place].maps, strict=True):
            torch.testing.assert_close(mine.scores, theirs.scores, atol=2e-4, rtol=1e-3)
    assert found.to_dict()["steps"][1]["decision"]["against"] == other
    found.save(tmp_path / "steps.json")
    said = f"{step.decision.label.strip()} rather than {other.strip()}"
    assert said in str(found) and said in str(read(tmp_path / "steps.json"))
    found.save(tmp_path / "steps.html")
    assert f"Asked is why this one rather than ‘{other}’" in (tmp_path / "steps.html").read_text("utf-8")
    with pytest.raises(InputError, match=one_line("token must be from 0 to 3 of against, not 4")):
        analyze_steps(gpt2, TEXT, written, against={4: other}, verdicts=False)


def test_a_choice_can_be_changed_further(tmp_path):
    whole, *_ = classifier(tmp_path)
    subject, example, _ = whole.asked(TEXT, target="c", against="a")
    _, _, found = subject.asked(TEXT, target="b", against="c")
    assert found.margin == whole.decide(TEXT, "b", against="c").margin
    shift = torch.linspace(-1, 1, subject.embed(example.ids[None]).shape[-1])
    moved = shifted(subject, shift)
    ids = example.ids[None]
    with torch.no_grad():
        vectors, logits = moved.embed(ids), moved.logits(ids)
    torch.testing.assert_close(vectors, whole.embed(ids) + shift)
    torch.testing.assert_close(logits, whole.logits(ids)[:, [2, 0]])
    torch.testing.assert_close(moved.logits_from(vectors, ids), logits, atol=1e-5, rtol=1e-4)
    assert [moved.label(index) for index in (0, 1)] == ["c", "a"]
    found = sanity_checks(subject, [TEXT], methods=["saliency"], draws=1, noises=1)
    assert [row.method for row in found.rows] == ["last-layer attention", "saliency"]


METHODS = {
    "saliency": saliency,
    "input x gradient": input_x_gradient,
    "integrated gradients": integrated_gradients,
    "GIM": gim,
    "Chefer relevance": chefer_relevance,
    "attention x gradient": attention_x_gradient,
    "AttCAT": attcat,
    "attention knock-out": attention_knockout,
    "AtMan": atman,
    "value zeroing": value_zeroing,
    "leave-one-out": partial(leave_one_out, eraser="mask"),
    "occlusion": occlusion,
    "KernelSHAP": kernel_shap,
}


@pytest.mark.parametrize("method", METHODS)
def test_methods_called_by_themselves_refuse_a_decision_of_another_subject(method, tmp_path):
    whole = tiny_bert()
    example = whole.encode(SENTENCE)
    pair, _, own = whole.asked(example, target="label 0", against="label 1")
    reverse = whole.decide(example, "label 1", against="label 0")
    plain, other = whole.decide(example, "label 0"), tiny_bert(labels=3)
    third = other.decide(example, "label 2", against="label 1")  # another target, held against the same label
    METHODS[method](pair, example, own)
    for subject, decision, question in (
        (whole, own, "label 0 rather than label 1"),
        (pair, plain, "label 0"),
        (pair, reverse, "label 1 rather than label 0"),
        (pair, third, "label 2 rather than label 1"),
    ):
        with pytest.raises(InputError) as error:
            METHODS[method](subject, example, decision)
        assert str(error.value) == (
            f"the decision must be one of this subject, and is on {question!r}; take both from "
            "subject.asked(text, target=..., against=...)"
        )
