"""What every explainer must keep to: the model is left as it was, and the same question gets the same answer."""

import pytest
import torch
from subjects_for_tests import SENTENCE, tiny_bert, tiny_llama

from analyses.explanations.built_in import BUILT_IN
from analyses.explanations.faithfulness import faithfulness
from analyses.explanations.gradient_based.saliency import saliency
from analyses.explanations.shared import Shared
from analyses.heads.ablation import head_importance
from analyses.heads.gradients import head_gradients
from analyses.heads.word_pairs import word_pairs


def scores_of(method):
    return lambda s, e, d: method(s, e, d, Shared(s, e, d, integration_steps=5)).scores


EXPLAINERS = {
    **{method.name: scores_of(method) for method in BUILT_IN},
    "heads silenced": lambda s, e, d: head_importance(s, e, d).drop,
    "heads averaged": lambda s, e, d: head_importance(s, e, d, ablation="mean").drop,
    "head gradients": lambda s, e, d: head_gradients(s, e, d).drop,
    "faithfulness": lambda s, e, d: faithfulness(s, e, d, [saliency(s, e, d)], orders=100).random.sufficiency.margin,
    "word pairs": lambda s, e, d: word_pairs(s, e, d, word="cast", first="plot", second="warm", draws=20).random,
}
RUN_THE_MODEL = [name for name in EXPLAINERS if not name.startswith("baseline: ")]

SUBJECTS = {"bert": tiny_bert, "llama": tiny_llama}
REFUSED = {("bert", "ALTI-Logit")}  # `test_value_aware.py` has what it says


def on_each_subject(names):
    pairs = [(subject, name) for subject in SUBJECTS for name in names if (subject, name) not in REFUSED]
    return pytest.mark.parametrize(("subject", "name"), pairs, indirect=["subject"])


@pytest.fixture
def subject(request):
    return SUBJECTS[request.param]()


@on_each_subject(EXPLAINERS)
def test_the_model_is_left_as_it_was(subject, name):
    model, example = subject.model, subject.encode(SENTENCE)
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    kernel, modes = model.config._attn_implementation, [module.training for module in model.modules()]
    with torch.random.fork_rng():
        state = torch.random.get_rng_state()
        EXPLAINERS[name](subject, example, subject.decide(example))
        assert torch.equal(torch.random.get_rng_state(), state), "the global random state was touched"
    assert all(torch.equal(before[key], tensor) for key, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert [module.training for module in model.modules()] == modes
    assert model.config._attn_implementation == kernel
    hooks = [module._forward_hooks or module._forward_pre_hooks or module._backward_hooks for module in model.modules()]
    assert not any(hooks)


@on_each_subject(EXPLAINERS)
def test_the_same_question_gets_the_same_answer(subject, name):
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    once, again = (EXPLAINERS[name](subject, example, decision) for _ in range(2))
    assert torch.equal(once, again)


@on_each_subject(RUN_THE_MODEL)
def test_nothing_is_left_behind_after_an_error(subject, name, monkeypatch):
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    broken = subject.model.get_submodule("bert.encoder.layer.2" if hasattr(subject.model, "bert") else "model.layers.1")

    def fail(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr(broken, "forward", fail)
    with pytest.raises(ZeroDivisionError):
        EXPLAINERS[name](subject, example, decision)
    assert subject.model.config._attn_implementation == "sdpa"
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in subject.model.modules())
