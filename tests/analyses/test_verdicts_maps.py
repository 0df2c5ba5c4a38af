"""Maps over all layers: knockout against the model's own mask, the maps against their definitions, and the verdict."""

import math

import pytest
import torch
from subjects_for_tests import SENTENCE, tiny_bert, tiny_llama

from analyses.attention.received import attention_received
from analyses.explanations.attention_only.rollout import attention_rollout, rollout_attribution
from analyses.explanations.attribution import Attribution
from analyses.explanations.methods import register, unregister
from analyses.verdicts.knockout import knockout_margins
from analyses.verdicts.measurement import Draws
from analyses.verdicts.objects_of_study import object_of_study
from analyses.verdicts.resampling import CorpusUnigram
from analyses.verdicts.row_edits import one_by_one
from analyses.verdicts.verdict import verdict
from analyses.verdicts.words_of_row import Content
from interpret.errors import InputError
from interpret.native.planted import plant
from interpret.subjects.decision import margin

FEW = Draws(permutations=2, replacements=4, orders=6, null_orders=19)


@pytest.fixture(scope="module", params=[tiny_bert, tiny_llama], ids=["bert", "llama"])
def subject(request):
    return request.param()


@pytest.fixture(scope="module")
def example(subject):
    return subject.encode(SENTENCE)


def masked_margin(subject, example, decision, gone):
    """The margin under the model's own additive mask: scores of minus infinity towards the words in `gone`."""
    tokens = [token for unit in gone for token in example.units[unit].tokens]
    length = len(example.ids)
    smallest = torch.finfo(torch.float32).min
    mask = torch.zeros(1, 1, length, length)
    for query in range(length):
        for key in range(length):
            later = subject.is_causal and key > query
            if later or (key in tokens and query not in tokens):
                mask[0, 0, query, key] = smallest
    with torch.no_grad():
        logits = subject.model(input_ids=example.ids[None], attention_mask=mask).logits
    logits = logits[:, -1] if logits.ndim == 3 else logits
    return float(margin(logits, decision.target)[0])


def test_a_knockout_is_a_score_of_minus_infinity(subject, example):
    decision, content = subject.decide(example), Content.of([example])
    targets = torch.tensor([decision.target])
    alone = knockout_margins(subject, example.ids[None], targets, content, one_by_one(content))[0]
    for unit in range(len(example.units)):
        assert float(alone[unit]) == pytest.approx(masked_margin(subject, example, decision, [unit]), abs=1e-4)
    pair = torch.zeros(1, 1, len(example.units), dtype=torch.bool)
    pair[0, 0, [0, 2]] = True
    together = knockout_margins(subject, example.ids[None], targets, content, pair)[0, 0]
    assert float(together) == pytest.approx(masked_margin(subject, example, decision, [0, 2]), abs=1e-4)
    none = knockout_margins(subject, example.ids[None], targets, content, torch.zeros_like(pair))[0, 0]
    assert float(none) == pytest.approx(decision.margin, abs=1e-5)


def one(subject, example, key):
    decision = subject.decide(example)
    resampler = CorpusUnigram([example, subject.encode("A quiet film , slow at first , then suddenly moving .")])
    return object_of_study(key).measure(subject, [example], [decision], resampler, draws=FEW, seed=0)[0]


def test_rollout_and_columns_are_ranked_against_knockouts(subject, example):
    from analyses.statistics import gini_correlation

    decision, content = subject.decide(example), Content.of([example])
    alone = knockout_margins(subject, example.ids[None], torch.tensor([decision.target]), content, one_by_one(content))[
        0
    ]
    effects = (alone - decision.margin).abs().double().numpy()
    record, _ = subject.record(example)
    weights = record.stacked().float()
    shares = rollout_attribution(attention_rollout(weights), example, decision).scores
    assert one(subject, example, "rollout").rank_ways[0] == pytest.approx(
        gini_correlation(effects, shares.double().numpy()), abs=1e-3
    )
    received = torch.zeros(len(example.ids))
    for layer in weights:
        for head in layer:
            for query in range(len(head)):
                for key in range(len(head)):
                    received[key] += head[query, key] if query != key else 0
    pooled = (example.pool(received)).double().numpy()
    assert one(subject, example, "columns").rank_ways[0] == pytest.approx(gini_correlation(effects, pooled), abs=1e-3)


def test_mean_of_layers_is_the_mean_of_the_decision_rows(subject, example):
    from analyses.statistics import gini_correlation

    decision, content = subject.decide(example), Content.of([example])
    targets = torch.tensor([decision.target])
    alone = knockout_margins(subject, example.ids[None], targets, content, one_by_one(content))[0]
    record, _ = subject.record(example)
    rows = torch.einsum("lhqk,q->lhk", record.stacked().float(), decision.readout)
    pooled = example.pool(rows.mean(dim=(0, 1)))
    found = one(subject, example, "mean")
    expected = gini_correlation((alone - decision.margin).abs().double().numpy(), pooled.double().numpy())
    assert found.rank_ways[0] == pytest.approx(expected, abs=1e-3) and found.rank == min(found.rank_ways)
    assert math.isnan(found.use) and math.isnan(found.share) and not found.shown


def test_a_method_that_answers_as_a_map_is_measured_as_the_map(subject, example):
    @register("received", about="Mean attention from other positions.", gradient_passes=0)
    def received(_, example, decision, shared):
        tokens = attention_received(shared.attention).from_others
        return Attribution("received", "attention", False, example.pool(tokens), tokens)

    try:
        own, map_ = one(subject, example, "method:received"), one(subject, example, "columns")
    finally:
        unregister("received")
    assert own.input_rank == pytest.approx(map_.input_rank) and own.p_luck == map_.p_luck
    assert (own.top, own.top_most, own.spread) == pytest.approx((map_.top, map_.top_most, map_.spread))
    assert math.isnan(own.rank) and not math.isnan(map_.rank)


def test_what_does_not_apply_to_a_map_is_undefined_and_not_judged(subject, example):
    found = one(subject, example, "rollout")
    assert all(math.isnan(getattr(found, name)) for name in ("use", "share", "joint", "uniform"))
    assert found.single == found.shown == () and -1 <= found.input_rank <= 1
    judged = verdict([found] * 60, parts=object_of_study("rollout").parts)
    assert [each.name for each in judged.components] == ["rank", "input rank", "top"] and judged.idle_heads == ()


def test_the_mover_is_caught_by_columns_and_one_head_by_its_share():
    model = plant("F16", seed=3, layers=2, heads=4)
    subject = model.subject()
    examples = [subject.encode(text) for text in model.texts(50, seed=1, length=20)]
    decisions, corpus = [subject.decide(example) for example in examples], CorpusUnigram(examples)
    judged = {
        key: verdict(
            object_of_study(key).measure(subject, examples, decisions, corpus, draws=FEW),
            parts=object_of_study(key).parts,
        )
        for key in ("columns", "head:1.0")
    }
    assert judged["columns"].answer == "not supported"
    assert {each.name: each.side for each in judged["columns"].components}["input rank"] == "fails"
    assert judged["head:1.0"].answer == "not supported"


def test_objects_have_keys_and_words():
    assert object_of_study("head:3.5").name.startswith(
        "the attention row of the decision's position in layer 3, head 5"
    )
    assert "knocking" in object_of_study("rollout").claim and "passes through" in object_of_study("row").claim
    for key in ("head", "head:3", "median", "head:a.b", ""):
        with pytest.raises(
            InputError, match=r"^there is no object .*; give one of row, head:LAYER.HEAD, mean, rollout"
        ):
            object_of_study(key)
    subject = tiny_bert()
    with pytest.raises(IndexError, match="head must be from 0 to"):
        one(subject, subject.encode(SENTENCE), "head:0.99")
