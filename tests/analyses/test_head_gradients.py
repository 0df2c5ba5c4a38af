"""Head gradients against finite differences of a gate, the paper's own formula, and a closed form."""

import copy

import pytest
import torch
from subjects_for_tests import SENTENCE, LinearSubject, OneLayerSubject, tiny_bert, tiny_llama

from analyses.heads.gradients import HeadGradients, head_gradients
from interpret.attention.editing import Edit, editing
from interpret.attention.recording import recording
from interpret.errors import CaptureError


def gated_margin(subject, example, target, layer, head, gate):
    """The margin when one head's output is multiplied by `gate`."""

    def scale(_, output):
        output = output.clone()
        output[:, :, head] *= gate
        return output

    with torch.no_grad(), editing(subject.model, Edit("output", scale, layer)):
        logits = subject.logits(example.ids[None])[0]
    return float(logits[target] - max(value for index, value in enumerate(logits) if index != target))


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_slopes_are_finite_differences(build):
    subject = build()
    subject.model.double()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    found = head_gradients(subject, example, decision).drop
    layers = subject.model.config.num_hidden_layers
    assert found.shape == (layers, 4)
    for layer, head in ((layer, head) for layer in range(layers) for head in range(4)):
        above, below = (
            gated_margin(subject, example, decision.target, layer, head, gate) for gate in (1 + 1e-4, 1 - 1e-4)
        )
        # Margins go through float32, so a difference over 2e-4 is good to about 1e-2.
        assert found[layer, head].item() == pytest.approx((above - below) / 2e-4, abs=2e-2), (layer, head)
    assert (found.abs() > 5e-2).sum() > found.numel() / 2


def test_it_is_the_inner_product_of_output_and_gradient():
    subject = tiny_bert(seed=4)
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    with recording(subject.model) as record:
        logits = subject.logits(example.ids[None])[0]
    score = logits[decision.target] - logits[1 - decision.target]
    outputs = [record.output(layer) for layer in range(3)]
    slopes = torch.autograd.grad(score, outputs)
    expected = torch.stack([(output * slope).sum(dim=(0, 1, 3)) for output, slope in zip(outputs, slopes, strict=True)])
    found = head_gradients(subject, example, decision)
    assert torch.allclose(found.drop, expected, atol=1e-4)
    assert torch.equal(found.importance, found.drop.abs())
    assert (found.drop < 0).any()


def test_exact_where_the_margin_is_linear_in_what_heads_write():
    subject = OneLayerSubject()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    added = subject.head_margins(example, decision.target)[0]
    assert torch.allclose(head_gradients(subject, example, decision).drop[0], added, atol=1e-5)


def test_it_works_where_gradients_are_switched_off():
    subject = OneLayerSubject()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    expected = head_gradients(subject, example, decision).drop
    with torch.no_grad():
        assert torch.equal(head_gradients(subject, example, decision).drop, expected)


def test_the_model_is_left_as_it_was():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    weights = copy.deepcopy(subject.model.state_dict())
    head_gradients(subject, example, decision)
    assert all(torch.equal(weights[name], now) for name, now in subject.model.state_dict().items())
    assert all(parameter.grad is None for parameter in subject.model.parameters())
    assert not any(module._forward_pre_hooks for module in subject.model.modules())


def test_importance_has_no_sign():
    assert HeadGradients(torch.tensor([[-2.0, 1.0]])).importance.tolist() == [[2, 1]]


def test_a_model_without_attention_is_refused():
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    message = "a layer x head grid needs the same number of heads in each layer, but this model has none"
    with pytest.raises(CaptureError, match=f"^{message}$"):
        head_gradients(subject, example, subject.decide(example))
