"""All per-text tests at once: the same numbers as one by one, plain, and there and back through JSON."""

import json
import math
import re
from dataclasses import fields, replace

import pytest
import torch
from subjects_for_tests import SENTENCE, OneLayerSubject, ToySubject, tiny_bert, tiny_llama

from analyses.classic.adversarial_attention import adversarial_attention
from analyses.classic.battery import RANKINGS, ClassicTests, classic_tests
from analyses.classic.effective_attention import effective_attention
from analyses.classic.faithfulness_violation import faithfulness_violation
from analyses.classic.jain_wallace import jain_wallace
from analyses.classic.probability_effects import without_each_unit
from analyses.classic.serrano_smith import serrano_smith
from analyses.classic.uniform import uniform_attention
from analyses.verdicts.words_of_row import Content
from interpret.errors import InputError
from interpret.interventions.decision_row import read_row


def run(subject: ToySubject, text: str = SENTENCE, *, seed: int = 0, eraser: str = "delete") -> ClassicTests:
    example = subject.encode(text)
    decision = subject.decide(example)
    return classic_tests(subject, example, decision, seed=seed, eraser=eraser, adversary_steps=20)


@pytest.mark.parametrize("maker", [tiny_bert, tiny_llama])
def test_each_number_is_that_of_its_own_method(maker) -> None:  # type: ignore[no-untyped-def]
    subject = maker()
    found = run(subject, seed=3)
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    row = read_row(subject, example.ids[None], torch.tensor([decision.target]), readout=decision.readout)
    content = Content.of([example])
    without = without_each_unit(row, example, eraser="delete")
    compared = jain_wallace(row, content, without, seed=3)
    searched = adversarial_attention(row, content, steps=20, seed=3)
    zeroed = serrano_smith(row, content, seed=3)
    even = uniform_attention(row, content)
    effective = effective_attention(row.weights[0], row.values[0])
    expected = {
        "words": 11,
        "tokens": 13,
        "eraser": "delete",
        **{
            name: getattr(compared, name)
            for name in ("attention_gradient", "attention_leave_one_out", "gradient_leave_one_out")
        },
        **{name: getattr(compared, name) for name in ("permutation", "max_attention", "conicity")},
        **{name: getattr(searched, name) for name in ("divergence", "feasible", "restarts")},
        **{name: getattr(zeroed, name) for name in ("top_flips", "other_flips")},
        **{name: getattr(zeroed, name) for name in ("divergence_difference", "weight_difference", "random")},
        "removed": {name: zeroed.removed[name] for name in RANKINGS},
        "uniform_margin_change": even.margin_change,
        "uniform_probability_change": even.probability_change,
        "uniform_flips": even.flips,
        "violated": faithfulness_violation(row, content, without).violated,
        "identifiability": tuple(effective.identifiability.tolist()),
        "is_identifiable": effective.is_identifiable,
    }
    assert set(expected) == {field.name for field in fields(found)}
    assert json.dumps(found.to_dict()) == json.dumps(ClassicTests(**expected).to_dict())


def test_it_is_the_same_again_and_the_seed_matters() -> None:
    subject = tiny_bert(labels=4)
    first, again, other = (run(subject, seed=seed).to_dict() for seed in (0, 0, 1))
    assert first == again
    assert first["permutation"] != other["permutation"] and first["divergence"] != other["divergence"]
    assert first["attention_gradient"] == other["attention_gradient"]
    assert not subject.model.training and all(each.grad is None for each in subject.model.parameters())


def test_undefined_numbers_are_none_in_json_and_nan_again_after_it() -> None:
    found = run(tiny_bert(), "dull")
    assert (found.words, found.tokens, found.top_flips, found.random) == (1, 1, None, ())
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["attention_gradient"] is None and plain["top_flips"] is None
    assert plain["removed"] == dict.fromkeys(RANKINGS)
    again = ClassicTests.from_dict(plain)
    assert math.isnan(again.attention_gradient) and math.isnan(again.removed["attention"]) and again.top_flips is None
    assert again.to_dict() == found.to_dict()
    whole = run(tiny_bert(labels=6))
    assert ClassicTests.from_dict(json.loads(json.dumps(whole.to_dict()))) == replace(whole)


def test_words_are_taken_out_in_batches_as_one_by_one() -> None:
    subject = tiny_bert(labels=3)
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    row = read_row(subject, example.ids[None], torch.tensor([decision.target]), readout=decision.readout)
    calls: list[int] = []
    hook = subject.model.register_forward_pre_hook(
        lambda _, args, kwargs: calls.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    for eraser, passes in (("delete", [10, 1]), ("mask", [11])):  # one word has three tokens
        found = without_each_unit(row, example, eraser=eraser)
        assert calls == passes
        calls.clear()
        for index, unit in enumerate(example.units):
            if eraser == "delete":
                ids = torch.tensor([each for at, each in enumerate(example.ids.tolist()) if at not in unit.tokens])
            else:
                assert subject.mask_id is not None
                ids = example.ids.clone()
                ids[list(unit.tokens)] = subject.mask_id
            with torch.no_grad():
                alone = subject.logits(ids[None])[0].double().softmax(-1)
            torch.testing.assert_close(found[index], alone, rtol=1e-4, atol=1e-6)
        calls.clear()
    hook.remove()


def test_attention_that_reaches_nothing_changes_nothing() -> None:
    subject = OneLayerSubject()
    with torch.no_grad():
        subject.model.output.weight.zero_()  # what heads write is thrown away
    found = run(subject)
    assert found.permutation == pytest.approx(0, abs=1e-6) and not found.uniform_flips
    assert found.uniform_margin_change == pytest.approx(0, abs=1e-6)
    assert abs(found.divergence_difference) < 1e-12  # so that rounding isn't counted as the top weight mattering less
    assert found.feasible == found.restarts == 5 and found.divergence > 0
    assert all(math.isnan(share) for share in found.removed.values())
    assert not any(found.violated.values())


def test_errors() -> None:
    with pytest.raises(InputError, match=re.escape("toy can remove words by delete, not by 'mask'")):
        run(tiny_llama(), eraser="mask")
    with pytest.raises(InputError, match="the text has no words that could be ranked; give a longer one"):
        run(tiny_bert(), "")
