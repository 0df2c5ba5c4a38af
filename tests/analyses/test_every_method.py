"""Explanations by several methods, of which some can't work on the model."""

import pytest
import torch

import interpret
from analyses import explain, register, unregister
from analyses.explanations.every_method import explained
from interpret.errors import CaptureError

TEXT = "Slow at first, then wonderful."


@pytest.fixture(scope="module")
def subject():
    return interpret.load()


def test_each_attribution_is_that_of_its_method_alone(subject):
    example = subject.encode(TEXT)
    names = ["leave-one-out", "saliency"]
    found = explained(subject, example, subject.decide(example), names)
    assert [each.method for each in found.attributions] == ["last-layer attention", "saliency", "leave-one-out"]
    assert found.left_out == {}
    for each in found.attributions:
        torch.testing.assert_close(each.scores, explain(subject, example, each.method).scores)


def test_a_method_that_cannot_read_the_model_is_left_out_with_its_reason(subject):
    @register("unreadable", about="Reads what isn't there.")
    def unreadable(subject, example, decision, shared):
        raise CaptureError("the values of layer 2 can't be read")

    try:
        example = subject.encode(TEXT)
        found = explained(subject, example, subject.decide(example), ["unreadable", "saliency"])
    finally:
        unregister("unreadable")
    assert [each.method for each in found.attributions] == ["last-layer attention", "saliency"]
    assert found.left_out == {"unreadable": "the values of layer 2 can't be read"}
