"""The registry of explanation methods: the same numbers as each method by itself, and methods of one's own."""

import importlib.metadata
import json
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from analyses import Attribution, analyze, analyze_steps, explain, register, unregister
from analyses.explanations import methods
from analyses.explanations import shared as shared_results
from analyses.explanations.attention_only.last_layer import last_layer_attention
from analyses.explanations.attention_only.rollout import attention_rollout, rollout_attribution
from analyses.explanations.built_in import BUILT_IN
from analyses.explanations.gradient_based.input_x_gradient import input_x_gradient
from analyses.explanations.gradient_based.integrated_gradients import integrated_gradients
from analyses.explanations.gradient_based.saliency import saliency
from analyses.explanations.input_edits.leave_one_out import leave_one_out
from analyses.explanations.methods import GROUP, chosen_methods
from analyses.explanations.shared import Shared
from analyses.planning.effort import EFFORTS
from analyses.planning.plan import plan_analysis
from interpret.errors import InputError
from reports.analysis.page import render

TEXT = "A quiet film, slow at first, then suddenly moving."
ABOUT = "How long the vector of each word is."


def vector_size(subject: Any, example: Any, decision: Any, shared: Any) -> Attribution:
    tokens = subject.embed(example.ids[None])[0].detach().float().norm(dim=-1)
    return Attribution("vector size", "gradient", False, example.pool(tokens), tokens)


@pytest.fixture
def registered() -> Iterator[None]:
    register("vector size", about=ABOUT, gradient_passes=0)(vector_size)
    yield
    unregister("vector size")


def test_methods_give_what_their_functions_give(bert: Any) -> None:
    example = bert.encode(TEXT)
    decision = bert.decide(example)
    record, _ = bert.record(example)
    expected = {
        "last-layer attention": last_layer_attention(record, example, decision),
        "attention rollout": rollout_attribution(attention_rollout(record), example, decision),
        "saliency": saliency(bert, example, decision),
        "input x gradient": input_x_gradient(bert, example, decision),
        "integrated gradients": integrated_gradients(bert, example, decision, steps=5),
        "leave-one-out": leave_one_out(bert, example, decision, eraser="mask"),
    }
    for name, wanted in expected.items():
        found = explain(bert, TEXT, name, integration_steps=5)
        torch.testing.assert_close(found.scores, wanted.scores, atol=1e-6, rtol=1e-5)


def test_what_methods_share_is_computed_once(bert: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    example = bert.encode(TEXT)
    shared, passes = Shared(bert, example, bert.decide(example)), []
    record = shared_results.recorded_unchecked
    monkeypatch.setattr(shared_results, "recorded_unchecked", lambda *given: passes.append(1) or record(*given))
    assert shared.rollout is shared.rollout and shared.attention is shared.attention and len(passes) == 1


@pytest.mark.usefixtures("registered")
def test_a_method_of_ones_own_is_in_analyses_steps_plans_and_reports(bert: Any, llama: Any) -> None:
    found = analyze(bert, TEXT, effort="quick", methods=["vector size"])
    assert [each.method for each in found.maps] == ["last-layer attention", "vector size"]
    assert found.maps[1].scores.tolist() == explain(bert, TEXT, "vector size").scores.tolist()
    assert found.faithfulness.methods == found.agreement.methods == ("last-layer attention", "vector size")
    written = found.to_dict()
    json.dumps(written, allow_nan=False)
    page = render(written)
    assert "vector size" in page and ABOUT in page
    every = analyze_steps(llama, TEXT, most=1, verdicts=False).steps[0].maps
    assert [each.method for each in every] == [
        "last-layer attention", "attention rollout", "input x gradient", "vector size", "leave-one-out",
    ]  # fmt: skip
    few = analyze_steps(llama, TEXT, most=1, verdicts=False, methods=["saliency"]).steps[0].maps
    assert [each.method for each in few] == ["last-layer attention", "saliency", "leave-one-out"]


def test_fewer_methods_take_fewer_passes(bert: Any) -> None:
    example = bert.encode(TEXT)
    whole, one = (
        plan_analysis(bert, example, EFFORTS["quick"], methods=names).passes for names in (None, ["saliency"])
    )
    assert one < whole - 3 * EFFORTS["quick"].integration_steps
    others = [each.name for each in chosen_methods() if each.name != "integrated gradients"]
    without_integral = plan_analysis(bert, example, EFFORTS["quick"], methods=others).passes
    assert one < without_integral <= whole - 3 * EFFORTS["quick"].integration_steps


def test_what_is_no_method_is_refused(bert: Any) -> None:
    names = ", ".join(each.name for each in BUILT_IN)
    with pytest.raises(
        InputError, match=rf"^there is no method 'magic'; there are {names}, and the sets all, fast, usual$"
    ):
        analyze(bert, TEXT, methods=["magic"])
    with pytest.raises(
        InputError, match=r"^methods must be a list of names, such as \['saliency'\], or one of all, fast, usual$"
    ):
        analyze(bert, TEXT, methods="saliency")
    with pytest.raises(
        InputError, match=r"^there is a method 'saliency' already, or a set of them; give yours another name$"
    ):
        register("saliency", about="")
    with pytest.raises(InputError, match=r"^there is no method of your own called 'saliency'$"):
        unregister("saliency")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "must answer with an Attribution, not NoneType"),
        (("other", 9, 16), "answers under another name, 'other'; give it its own"),
        (("odd", 2, 16), "must give 9 scores, one for each unit, and 16 numbers in tokens, and came 2 and 16"),
    ],
)
def test_a_method_that_answers_with_something_else_is_refused(answer: Any, said: str, bert: Any) -> None:
    example = bert.encode(TEXT)
    sizes = len(example.units), len(example.ids)
    said = said.replace("9 scores", f"{sizes[0]} scores").replace("16", str(sizes[1]))

    def odd(*_: Any) -> Any:
        if answer is None:
            return None
        name, units, _ = answer
        units = sizes[0] if units == 9 else units
        return Attribution(name, "gradient", False, torch.ones(units), torch.ones(sizes[1]))

    register("odd", about="")(odd)
    try:
        with pytest.raises(InputError, match=f"^the method 'odd' {said}$"):
            explain(bert, TEXT, "odd")
    finally:
        unregister("odd")


def test_installed_packages_add_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    def add() -> None:
        register("of a package", about=ABOUT)(vector_size)

    points = [SimpleNamespace(name="mine", value="package.module", load=add)]
    monkeypatch.setattr(methods, "entry_points", lambda group: points if group == GROUP else [])
    methods._load_installed.cache_clear()
    assert chosen_methods()[-1].name == "of a package"
    unregister("of a package")
    points[:] = [EntryPoint("mine", "no_such_package.module", GROUP)]
    methods._load_installed.cache_clear()
    wanted = r"^the method 'mine' of an installed package \(no_such_package.module\) can't be loaded: No module"
    with pytest.raises(InputError, match=wanted):
        chosen_methods()
    monkeypatch.setattr(methods, "entry_points", importlib.metadata.entry_points)
    methods._load_installed.cache_clear()
