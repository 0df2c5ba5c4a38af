"""GIM against models whose softmax, norms and projections were rewritten so that plain gradients are GIM's."""

import re

import pytest
import torch
from subjects_for_tests import SENTENCE, VOCABULARY, LinearSubject, ToySubject, tiny_bert, tiny_llama
from torch import nn

import interpret
from analyses.explanations.gradient_based.gim import changed_gradients, gim
from interpret.errors import CaptureError, InputError

SIZES = dict(vocab_size=len(VOCABULARY), hidden_size=32, num_hidden_layers=2, initializer_range=0.3)
SIZES |= dict(num_attention_heads=4, intermediate_size=48, max_position_embeddings=64)


def tiny_deberta():
    """Attention that is observed: queries and keys are unknown."""
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    config = DebertaV2Config(
        **SIZES, pos_att_type=["c2p", "p2c"], relative_attention=True, pooler_hidden_size=32, share_att_key=True
    )
    torch.manual_seed(0)
    return ToySubject(DebertaV2ForSequenceClassification(config))


def tiny_gpt_oss():
    """Attention with a learned sink, so that rows sum to less than 1, and keys for two heads each."""
    from transformers import GptOssConfig, GptOssForCausalLM

    more = dict(num_key_value_heads=2, head_dim=8, num_local_experts=2, num_experts_per_tok=1, sliding_window=4)
    torch.manual_seed(0)
    model = GptOssForCausalLM(GptOssConfig(**SIZES, **more, attn_implementation="eager"))
    for name, weights in model.named_parameters():
        if name.endswith("sinks"):
            weights.data.normal_()
    return ToySubject(model, before=("<s>",), after=(), mask=False, is_causal=True)


def as_if(value, gradient):
    """A value, with the gradient of another."""
    return value.detach() + gradient - gradient.detach()


class FrozenNorm(nn.Module):
    """What the norms of these models compute, with the standard deviation or root mean square a constant."""

    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def forward(self, hidden):
        if hasattr(self.norm, "variance_epsilon"):
            size = (hidden.square().mean(-1, keepdim=True) + self.norm.variance_epsilon).sqrt()
            return self.norm.weight * (hidden / size.detach())
        centred = hidden - hidden.mean(-1, keepdim=True)
        size = (centred.square().mean(-1, keepdim=True) + self.norm.eps).sqrt()
        return self.norm.weight * (centred / size.detach()) + self.norm.bias


def rewrite(model, monkeypatch):
    """Makes plain gradients of a model those of GIM; its attention must be eager."""
    softmax = torch.nn.functional.softmax

    def warm(scores, dim=-1, dtype=None, **_):
        plain = softmax(scores, dim=dim, dtype=dtype)
        return as_if(plain, 2 * softmax(scores / 2, dim=dim, dtype=dtype)) if scores.ndim > 2 else plain

    monkeypatch.setattr(torch.nn.functional, "softmax", warm)
    monkeypatch.setattr(torch, "softmax", warm)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if "Norm" in type(child).__name__ and not isinstance(parent, FrozenNorm):
                setattr(parent, name, FrozenNorm(child))
            share = {"q": 1 / 4, "k": 1 / 4, "v": 1 / 2}.get(name[0])
            if share and name in (
                "query",
                "key",
                "value",
                *(f"{each}_proj" for each in ("q", "k", "v", "query", "key", "value")),
            ):
                child.register_forward_hook(lambda _, __, out, share=share: as_if(out, share * out))


def margin_of(subject, embeddings, target):
    logits = subject.logits_from(embeddings, torch.zeros(embeddings.shape[:2], dtype=torch.long))[0]
    return logits[target] - max(value for index, value in enumerate(logits) if index != target)


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama, tiny_deberta, tiny_gpt_oss])
def test_it_is_the_gradient_of_a_model_that_was_rewritten(build, monkeypatch):
    subject = build()
    generator = torch.Generator().manual_seed(1)
    for weights in subject.model.parameters():
        weights.data += (weights.ndim == 1) * 0.3 * torch.randn(weights.shape, generator=generator)
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    found = gim(subject, example, decision)
    table = subject.model.get_input_embeddings().weight.detach()
    start = 0 if subject.mask_id is None else table[subject.mask_id]
    embeddings = table[example.ids][None].requires_grad_()
    (plain,) = torch.autograd.grad(margin_of(subject, embeddings, decision.target), embeddings)
    if subject.model.config._attn_implementation == "sdpa":
        subject.model.set_attn_implementation("eager")
    rewrite(subject.model, monkeypatch)
    score = margin_of(subject, embeddings, decision.target)
    assert score.item() == pytest.approx(decision.margin, abs=1e-4)
    (gradient,) = torch.autograd.grad(score, embeddings)
    in_words = example.unit_of < len(example.units)
    expected = ((embeddings - start) * gradient).sum(-1)[0].detach() * in_words
    largest = expected.abs().max().item()
    assert found.tokens.tolist() == pytest.approx(expected.tolist(), abs=1e-5 * max(1, largest))
    unchanged = ((embeddings - start) * plain).sum(-1)[0].detach() * in_words
    assert (unchanged - expected).abs().max() > 0.1 * largest
    assert found.scores.tolist() == pytest.approx(example.pool(found.tokens).tolist())
    assert (found.method, found.family, found.signed) == ("GIM", "gradient", True)


@pytest.mark.parametrize("build", [tiny_bert, tiny_llama])
def test_the_decision_is_computed_as_always(build):
    subject = build()
    ids = subject.encode(SENTENCE).ids[None]
    with torch.no_grad():
        plain = subject.logits(ids)
        with changed_gradients(subject.model):
            changed = subject.logits(ids)
        assert torch.equal(subject.logits(ids), plain)
    torch.testing.assert_close(changed, plain, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("baseline", ["mask", "zero"])
def test_a_linear_model_gives_each_word_what_it_adds(baseline):
    subject = LinearSubject()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    found = gim(subject, example, decision, baseline=baseline)
    start = subject.token_margin("[MASK]", decision.target) if baseline == "mask" else 0
    added = [
        sum(subject.token_margin(example.tokens[token], decision.target) - start for token in unit.tokens)
        for unit in example.units
    ]
    assert found.scores.tolist() == pytest.approx(added, abs=1e-5)
    assert found.notes == {"mask baseline": float(baseline == "mask")}


def test_what_is_no_softmax_is_refused():
    subject = tiny_bert()
    example = subject.encode(SENTENCE)
    decision = subject.decide(example)
    said = (
        "the rows of attention in bert.encoder.layer.0.attention.self don't sum to 1, so the temperature of their "
        "softmax can't be changed in gradients; choose a method that needs no such gradients, such as input x gradient"
    )
    half = interpret.Edit("weights", lambda _, weights: weights / 2)
    with interpret.editing(subject.model, half), pytest.raises(CaptureError, match=f"^{re.escape(said)}$"):
        gim(subject, example, decision)


def test_a_mask_must_be_there_to_start_from():
    subject = tiny_llama()
    example = subject.encode(SENTENCE)
    said = 'toy has no mask token to start from; use the baseline "zero"'
    with pytest.raises(InputError, match=f"^{re.escape(said)}$"):
        gim(subject, example, subject.decide(example), baseline="mask")
