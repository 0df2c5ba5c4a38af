"""The harness against loops in plain Python that take words out by hand, and against a linear model's arithmetic."""

import itertools
import math
import re

import pytest
import torch
from subjects_for_tests import SENTENCE, VOCABULARY, LinearSubject, tiny_bert, tiny_llama
from translators_for_tests import save_translator

import interpret
from analyses.explanations.attribution import Attribution
from analyses.explanations.faithfulness import faithfulness
from analyses.explanations.input_edits.leave_one_out import leave_one_out
from interpret.errors import CaptureError

WORDS = len(SENTENCE.split())


def ranking(example, scores, name="map"):
    scores = torch.as_tensor(scores, dtype=torch.float32)
    return Attribution(name, "perturbation", True, scores, torch.zeros(len(example.ids)))


def margin_by_hand(subject, example, target, gone, eraser):
    """Takes units out one at a time and asks the model for this one input alone."""
    ids = example.ids.tolist()
    positions = {position for unit in gone for position in example.units[unit].tokens}
    if eraser == "mask":
        ids = [VOCABULARY.index("[MASK]") if place in positions else token for place, token in enumerate(ids)]
    else:
        ids = [token for place, token in enumerate(ids) if place not in positions]
    with torch.no_grad():
        logits = subject.logits(torch.tensor([ids]))[0].tolist()
    others = [value for label, value in enumerate(logits) if label != target]
    odds = [math.exp(value - max(logits)) for value in logits]
    return logits[target] - max(others), odds[target] / sum(odds)


def metrics_by_hand(subject, example, target, order, budgets, eraser):
    whole, certain = margin_by_hand(subject, example, target, [], eraser)
    without = [margin_by_hand(subject, example, target, order[:count], eraser) for count in budgets]
    only = [margin_by_hand(subject, example, target, order[count:], eraser) for count in budgets]
    return [
        sum(start - point[which] for point in points) / len(budgets)
        for points in (without, only)
        for which, start in ((0, whole), (1, certain))
    ]


@pytest.mark.parametrize(
    ("make", "eraser"), [(LinearSubject, "mask"), (tiny_bert, "mask"), (tiny_bert, "delete"), (tiny_llama, "delete")]
)
def test_metrics_are_those_of_words_taken_out_by_hand(make, eraser):
    subject = make()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    scores = torch.rand(WORDS, generator=torch.Generator().manual_seed(3))
    found = faithfulness(subject, example, decision, [ranking(example, scores)], eraser=eraser, orders=100)
    order = sorted(range(WORDS), key=lambda unit: -scores[unit])
    expected = metrics_by_hand(subject, example, decision.target, order, found.budgets, eraser)
    measured = found.measured
    got = [
        *(measured.comprehensiveness.margin, measured.comprehensiveness.probability),
        *(measured.sufficiency.margin, measured.sufficiency.probability),
    ]
    assert [float(value[0]) for value in got] == pytest.approx(expected, abs=1e-4)
    curve = [
        margin_by_hand(subject, example, decision.target, order[:count], eraser)[0] for count in found.measured.removed
    ]
    assert [float(point.margin[0]) for point in found.curve_of("map")] == pytest.approx(curve, abs=1e-4)


def test_budgets_are_those_of_eraser_counted_once():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    found = faithfulness(subject, example, subject.decide(example), [ranking(example, range(WORDS))], orders=100)
    assert found.budgets == (1, 2, 3, 6)  # 1, 5, 10, 20 and 50 % of 11 words, rounded up
    assert found.measured.removed[0] == 0
    assert found.measured.removed[-1] == WORDS
    assert set(found.budgets) <= set(found.measured.removed)
    assert found.random.removed == (0, 1, 2, 3, 6)
    assert len(found.random.curve) == 5
    torch.testing.assert_close(found.random.curve[0].margin, torch.full((100,), found.measured.curve[0].margin.item()))


def test_the_true_order_of_a_linear_model_is_the_best_of_all():
    subject = LinearSubject()
    example = subject.encode("the plot drags and shines")
    decision = subject.decide(example)
    target = decision.target
    mask = subject.token_margin("[MASK]", target)
    gains = [subject.token_margin(unit.text, target) - mask for unit in example.units]
    everyone = [ranking(example, ranks, str(ranks)) for ranks in itertools.permutations(range(5))]
    best = ranking(example, gains, "true")
    found = faithfulness(subject, example, decision, [best, *everyone], orders=100)
    comprehensiveness = found.measured.comprehensiveness.margin
    assert float(comprehensiveness[0]) == pytest.approx(float(comprehensiveness.max()), abs=1e-5)
    gains.sort(reverse=True)
    by_arithmetic = sum(sum(gains[:count]) for count in found.budgets) / len(found.budgets)
    assert float(comprehensiveness[0]) == pytest.approx(by_arithmetic, abs=1e-4)
    assert found.effect("true") > 0
    assert found.p_value("true") < 0.05
    worst = ranking(example, [-gain for gain in gains], "worst")
    assert worst.order() != best.order()


def test_p_values_of_meaningless_orders_are_uniform():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    generator = torch.Generator().manual_seed(11)
    meaningless = [ranking(example, torch.rand(WORDS, generator=generator), str(each)) for each in range(400)]
    found = faithfulness(subject, example, decision, meaningless, orders=999, seed=5)
    from scipy.stats import kstest

    for metric in ("comprehensiveness", "sufficiency"):
        p_values = [found.p_value(each.method, metric) for each in meaningless]
        # Uniform with a floor of 1 / 1000; conservative where orders tie, so only the lower side is tested.
        assert kstest(p_values, "uniform", alternative="greater").pvalue > 0.01
        assert 0.02 < sum(p <= 0.05 for p in p_values) / 400 < 0.09


def test_the_same_seed_gives_the_same_random_orders():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    runs = [
        faithfulness(subject, example, decision, [ranking(example, range(WORDS))], orders=100, seed=seed)
        for seed in (1, 1, 2)
    ]
    margins = [run.random.comprehensiveness.margin for run in runs]
    assert torch.equal(margins[0], margins[1])
    assert not torch.equal(margins[0], margins[2])


def test_one_word_is_enough_to_run_and_nothing_to_tell():
    subject = LinearSubject()
    example = subject.encode("plot")
    found = faithfulness(subject, example, subject.decide(example), [ranking(example, [1.0])], orders=100)
    assert found.budgets == (1,)
    assert found.p_value("map") == 1.0


def test_too_few_orders_are_refused():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    with pytest.raises(ValueError) as error:
        faithfulness(subject, example, subject.decide(example), [ranking(example, range(WORDS))], orders=99)
    assert str(error.value) == "at least 100 random orders and one word are needed, not 99 and 11"


def test_the_curve_ends_where_nothing_would_be_left_to_read(tmp_path):
    """A translator whose tokenizer adds no end mark."""
    model = save_translator(tmp_path, "marian")
    subject = interpret.load(tmp_path)
    example = subject.encode("the cat sat on the mat")
    decision, words = subject.decide(example), len(example.units)
    found = faithfulness(subject, example, decision, [ranking(example, range(words))], orders=100)
    assert (found.eraser, found.measured.removed) == ("delete", tuple(range(words)))
    source, target = (subject.model_inputs(example)[name] for name in ("input_ids", "decoder_input_ids"))
    for count, point in zip(found.measured.removed, found.measured.curve, strict=True):
        left = source[:, : words - count]  # the last words have the largest scores, and go first
        with torch.no_grad():
            logits = model(input_ids=left, decoder_input_ids=target).logits[0, -1]
        rival = logits.index_fill(0, torch.tensor([decision.target]), -math.inf).max()
        assert float(point.margin[0]) == pytest.approx(float(logits[decision.target] - rival), abs=1e-4)


def test_an_only_word_that_is_all_there_is_to_read_is_not_deleted():
    subject = LinearSubject()
    subject.before = subject.after = ()
    example = subject.encode("plot")
    decision = subject.decide(example)
    assert leave_one_out(subject, example, decision, eraser="mask").scores.any()
    said = (
        "without any words, toy has nothing to read, as its input has no special tokens; give an input with more "
        "words, or leave some of them"
    )
    with pytest.raises(CaptureError, match=f"^{re.escape(said)}$"):
        leave_one_out(subject, example, decision, eraser="delete")
