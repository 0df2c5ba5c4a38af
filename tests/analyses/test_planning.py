"""Plans: held against what an analysis really does, and what comes of too little memory."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from passes_for_tests import counted

import interpret
from analyses.decision.analyze import analyze
from analyses.explanations.gradient_based.recorded_gradient import recorded_gradient
from analyses.explanations.methods import chosen_methods, methods_of_steps
from analyses.generation.steps import analyze_steps
from analyses.planning import plan as planning
from analyses.planning.effort import EFFORTS
from analyses.planning.plan import Plan, PlanAndCost, plan_analysis, plan_steps
from analyses.planning.speed import Speed, measure_speed
from analyses.planning.work import analysis_work, steps_work
from interpret.errors import InputError
from interpret.subjects.inputs_per_pass import TOKENS_AT_ONCE
from interpret.subjects.subject import Subject

TEXT = "the plot drags but the cast is very warm and the film is clever and not dull"
QUICK = EFFORTS["quick"]
SPEED = Speed(
    tokens=10,
    single=0.5,
    batched=0.25,
    short=0.125,
    calls=2,
    heads=4,
    labels=2,
    used=1000,
    recorded=100,
    held=50,
    kept=400,
)


@pytest.mark.parametrize(
    ("name", "effort", "eraser"),
    [
        *((name, effort, None) for name in ("bert", "gpt2", "llama", "native") for effort in ("quick", "standard")),
        ("bert", "quick", "delete"),
    ],
)
def test_an_analysis_makes_as_many_passes_as_it_was_thought_to(
    name: str, effort: str, eraser: str | None, request: pytest.FixtureRequest
) -> None:
    subject: Subject = interpret.load() if name == "native" else request.getfixturevalue(name)
    example, plans = subject.encode(TEXT), []
    with counted(subject) as total:
        analysis = analyze(subject, example, effort=effort, eraser=eraser, planned=plans.append)
    assert plans == [analysis.cost.plan]
    assert total[0] / len(example.ids) == pytest.approx(plans[0].passes, rel=0.35)


def test_steps_make_as_many_passes_as_they_were_thought_to(llama: Any) -> None:
    continuation = llama.continuation(TEXT, most=3)
    for verdicts in (True, False):
        plans: list[Plan] = []
        with counted(llama) as total:
            analyze_steps(llama, continuation, verdicts=verdicts, planned=plans.append)
        assert total[0] / len(continuation.examples[-1].ids) == pytest.approx(plans[0].passes, rel=0.5)


def test_time_is_that_of_measured_passes_times_how_many_there_are(bert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    example = bert.encode(TEXT)
    monkeypatch.setattr(planning, "measure_speed", lambda subject, example: SPEED)
    clock = iter((100.0, 107.0))
    monkeypatch.setattr(planning, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    work = analysis_work(bert, example, QUICK, chosen_methods(), eraser="mask", calls=2, heads=4, labels=2)
    found = plan_analysis(bert, example, QUICK, max_memory=10**9)
    passes = work.batched * 0.25 + work.single * 0.5 + work.short * 0.125
    assert found.seconds == pytest.approx(passes + 7)  # what it took to find this out
    assert found.passes == work.batched + work.single
    assert found.limit == 10**9


def test_fewer_inputs_go_through_at_once_where_memory_is_short(bert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    example = bert.encode(TEXT)
    monkeypatch.setattr(planning, "measure_speed", lambda subject, example: SPEED)
    monkeypatch.setattr(planning, "peak_bytes", lambda device: 0)
    work = analysis_work(bert, example, QUICK, chosen_methods(), eraser="mask", calls=2, heads=4, labels=2)
    least = 1000 + 100 + 140 + int(4 * work.resident)  # what is shared: two vectors of a token more than the recorded
    enough = least + 204 * 50
    at_once = {
        room: plan_analysis(bert, example, QUICK, max_memory=least + room).tokens_at_once
        for room in (10**6, 204 * 50, 204 * 50 - 1, 2000, 400)
    }
    # 204 inputs of 10 tokens at 50 bytes; then half as many; then so few that three gradients of 400 bytes are the
    # most, and one.
    assert at_once == {10**6: 2048, 204 * 50: 2048, 204 * 50 - 1: 1024, 2000: 128, 400: 64}
    assert plan_analysis(bert, example, QUICK, max_memory=enough).memory == enough
    plain = plan_analysis(bert, example, QUICK, methods=["attention rollout"], max_memory=enough)
    assert plain.memory == enough - 140


def test_too_little_for_one_input_is_refused(bert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "measure_speed", lambda subject, example: SPEED)
    example = bert.encode(TEXT)
    resident = int(
        4 * analysis_work(bert, example, QUICK, chosen_methods(), eraser="mask", calls=2, heads=4, labels=2).resident
    )
    with pytest.raises(InputError) as error:
        plan_analysis(bert, example, QUICK, max_memory=999)
    assert str(error.value) == (
        f"this needs about {(1640 + resident) / 1000:.3g} kB of memory and may take 999 B; give a shorter text, a "
        "smaller --dtype, or more memory (--max-memory, where the machine has it)"
    )


def test_what_is_found_does_not_hang_on_how_much_is_read_at_once(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = analyze(llama, TEXT, effort="quick")
    speed = Speed(**{**vars(measure_speed(llama, llama.encode(TEXT))), "held": 10**9, "kept": 1, "used": 0})
    monkeypatch.setattr(planning, "measure_speed", lambda subject, example: speed)
    little = analyze(llama, TEXT, effort="quick", max_memory=4 * 10**9)
    assert little.cost.plan.tokens_at_once < usual.cost.plan.tokens_at_once == llama.tokens_at_once
    torch.testing.assert_close(little.zeroed.drop, usual.zeroed.drop, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        little.faithfulness.random.comprehensiveness.margin,
        usual.faithfulness.random.comprehensiveness.margin,
        rtol=1e-4,
        atol=1e-5,
    )
    assert little.verdict.answer == usual.verdict.answer


def test_after_an_analysis_the_model_reads_as_much_at_once_as_before(bert: Any) -> None:
    analyze(bert, TEXT, effort="quick", max_memory=10**12)
    assert bert.tokens_at_once == TOKENS_AT_ONCE["cpu"] == 2048
    with pytest.raises(ValueError, match="at least 100"), bert.at_most_tokens(7):
        assert bert.rows_at_once(3) == 2
        raise ValueError("at least 100")
    assert bert.tokens_at_once == TOKENS_AT_ONCE["cpu"] == 2048


def test_a_pass_is_measured_with_all_that_a_plan_rests_on(llama: Any) -> None:
    example = llama.encode(TEXT)
    speed = measure_speed(llama, example)
    config, tokens = llama.model.config, len(example.ids)
    assert (speed.tokens, speed.calls, speed.heads) == (tokens, config.num_hidden_layers, config.num_attention_heads)
    assert min(speed.single, speed.batched, speed.short) > 0
    assert speed.recorded == 5 * 4 * tokens * config.hidden_size * config.num_hidden_layers  # of float32
    assert speed.kept > speed.held > 4 * tokens * config.hidden_size
    assert speed.memory(10 * tokens, slopes=1) == speed.used + speed.recorded + max(10 * speed.held, speed.kept)
    assert speed.memory(80 * tokens, slopes=10) == speed.used + speed.recorded + max(80 * speed.held, 10 * speed.kept)


def test_the_gradients_that_explanations_share_are_as_large_as_a_plan_says(bert: Any) -> None:
    example = bert.encode(TEXT)
    found = recorded_gradient(bert, example, bert.decide(example))
    kept = [getattr(call, name) for call in found.record.calls for name in ("query", "key", "value", "output")]
    kept += [*found.slopes, *(each for entered in found.entering for each in (entered.states, entered.slopes))]
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in kept}
    assert measure_speed(bert, example).shared_gradient == sum(storages.values())


def test_verdicts_are_most_of_the_work_of_steps(llama: Any) -> None:
    continuation = llama.continuation(TEXT, most=4)
    methods = methods_of_steps()
    whole, maps = (
        steps_work(llama, continuation, methods, verdicts=verdicts, calls=2, heads=4) for verdicts in (True, False)
    )
    assert whole.batched > 10 * maps.batched
    assert maps.short == 0
    found = plan_steps(llama, continuation, verdicts=False, max_memory=10**12)
    assert found.passes == maps.batched + maps.single


def test_what_it_took_stands_beside_what_was_planned(bert: Any) -> None:
    cost = analyze(bert, TEXT, effort="quick").cost
    assert isinstance(cost, PlanAndCost)
    found = cost.to_dict()
    assert found["seconds"] > 0 < found["memory"]
    assert found["planned"] == {name: getattr(cost.plan, name) for name in ("passes", "seconds", "memory", "limit")}
    assert str(Plan(1234.4, 100, 2 * 10**9, 10**10, 5)) == "2 min and 2 GB of memory, 1,234 passes"
