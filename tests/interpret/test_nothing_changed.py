"""Nothing that is handed over is changed: models, configs, tokenizers, modes, hooks, gradients."""

import copy

import numpy as np
import pytest
import torch
import transformers
from own_modules import Reader, word_tokenizer
from saved_models import HEADS, SENTENCES, SPECIAL, byte_pairs, random_model, word_pieces
from tokenizers import Tokenizer
from torch import nn

import interpret
from analyses.decision.analyze import analyze
from analyses.generation.steps import analyze_steps
from analyses.verdicts.masked_model import MaskedModel
from interpret.doctor.diagnosis import diagnose

TEXT, SECOND = SENTENCES[0], SENTENCES[1]
PAIRS = {"pad_token": "<pad>", "eos_token": "<end>"}


def state_of_model(model: nn.Module) -> dict[str, object]:
    """All that a user could find changed."""
    hooks = [name for name in vars(model) if name.endswith("_hooks")]
    found: dict[str, object] = {
        "modes": {name: module.training for name, module in model.named_modules()},
        "hooks": {name: [len(vars(module)[hook]) for hook in hooks] for name, module in model.named_modules()},
        "names": {name: sorted(vars(module)) for name, module in model.named_modules()},
        "kept": {name: weight.requires_grad for name, weight in model.named_parameters()},
        "gradients": {name: weight.grad is None for name, weight in model.named_parameters()},
        "weights": {name: weight.detach().clone().sum().item() for name, weight in model.state_dict().items()},
    }
    for module in model.modules():
        for name in ("config", "generation_config"):
            if hasattr(module, name):
                found[f"{name} {type(module).__name__}"] = repr(getattr(module, name).to_dict())
        if hasattr(module, "config"):
            found["kernel"] = module.config._attn_implementation
    return found


def state_of_tokenizer(tokenizer) -> dict[str, object]:
    if isinstance(tokenizer, Tokenizer):
        return {"all": tokenizer.to_str(), "padding": tokenizer.padding, "truncation": tokenizer.truncation}
    backend = state_of_tokenizer(tokenizer.backend_tokenizer)
    return {
        **backend,
        "kwargs": repr(tokenizer.init_kwargs),
        "side": tokenizer.padding_side,
        "vars": sorted(vars(tokenizer)),
    }


def state_of_torch() -> tuple[object, ...]:
    numbers = torch.get_rng_state().sum().item(), np.random.get_state()[1].sum()
    return torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads(), *numbers


def fast(tokenizer: Tokenizer, **special: str):
    names = ["input_ids", "token_type_ids", "attention_mask"]
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(tokenizer.to_str()), model_input_names=names, **special
    )


def of_kind(kind: str, family: str, **settings):
    pieces = family == "bert"
    model = random_model(kind, family, word_pieces() if pieces else byte_pairs(), **settings)
    return model, fast(word_pieces() if pieces else byte_pairs(), **(SPECIAL if pieces else PAIRS))


def whole(subject, *texts):
    analyze(subject, subject.encode(*texts), effort="quick")


WAYS = {
    "classifier": (lambda: of_kind("classifier", "bert"), lambda subject: whole(subject, TEXT, SECOND)),
    "several labels": (
        lambda: of_kind("classifier", "bert", problem_type="multi_label_classification", num_labels=3),
        lambda subject: whole(subject, TEXT),
    ),
    "score": (lambda: of_kind("classifier", "bert", num_labels=1), lambda subject: whole(subject, TEXT)),
    "decoder that classifies": (
        lambda: of_kind("classifier", "llama", pad_token_id=0), lambda subject: whole(subject, TEXT),
    ),
    "decoder without a pad token": (
        lambda: of_kind("classifier", "gpt2", pad_token_id=None), lambda subject: whole(subject, TEXT),
    ),
    "tagger": (lambda: of_kind("tagging", "bert"), lambda subject: whole(subject, TEXT)),
    "answers": (lambda: of_kind("answering", "bert"), lambda subject: whole(subject, TEXT, SECOND)),
    "writer": (
        lambda: of_kind("causal", "llama"), lambda subject: analyze_steps(subject, TEXT, most=3, verdicts=False),
    ),
    "own module": (
        lambda: (Reader(), word_tokenizer()), lambda subject: whole(subject, "red old cat dog big house"),
    ),
    "doctor": (
        lambda: of_kind("classifier", "bert"),
        lambda subject: diagnose(subject, tokens=(8,)),
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("way", WAYS)
def test_all_is_as_it_was(way):
    made, ask = WAYS[way]
    model, tokenizer = made()
    model.train()
    frozen = next(iter(model.parameters()))
    frozen.requires_grad_(False)
    backend = tokenizer if isinstance(tokenizer, Tokenizer) else tokenizer.backend_tokenizer
    backend.enable_padding(length=70)
    backend.enable_truncation(68)
    if way == "own module":  # whose user's call is of texts so long
        backend.enable_padding(length=12)
    model.register_forward_hook(lambda *_: None)
    before = state_of_model(model), state_of_tokenizer(tokenizer), state_of_torch()
    subject = interpret.load(model, tokenizer=tokenizer)
    assert (state_of_model(model), state_of_tokenizer(tokenizer), state_of_torch()) == before
    ask(subject)
    for found, wanted in zip(
        (state_of_model(model), state_of_tokenizer(tokenizer), state_of_torch()), before, strict=True
    ):
        assert found == wanted


def test_what_is_refused_leaves_all_as_it_was():
    model, tokenizer = of_kind("classifier", "bert", num_labels=3, problem_type="regression")
    model.train()
    before = state_of_model(model), state_of_tokenizer(tokenizer)
    with pytest.raises(interpret.InputError):
        interpret.load(model, tokenizer=tokenizer)
    subject = interpret.load(*reversed([*of_kind("classifier", "bert")][:1]), tokenizer=tokenizer)
    with pytest.raises(interpret.InputError):
        subject.decide(subject.encode(TEXT), "no such label")
    assert (state_of_model(model), state_of_tokenizer(tokenizer)) == before


def test_a_model_in_training_is_asked_without_dropout():
    model, tokenizer = of_kind("classifier", "bert")
    quiet = interpret.load(model, tokenizer=tokenizer)
    expected = quiet.decide(quiet.encode(TEXT)).logits
    model.train()
    subject = interpret.load(model, tokenizer=tokenizer)
    for _ in range(2):
        assert torch.equal(subject.decide(subject.encode(TEXT)).logits, expected)
    assert model.training


def test_a_model_that_gives_up_its_blocks_for_a_short_text_has_them_back():
    """BigBird does so for good, and would read long texts otherwise from then on."""
    blocks = {"block_size": 4, "num_random_blocks": 1}
    model = random_model("classifier", "big_bird", word_pieces(), **blocks).train()
    tokenizer, short, long = fast(word_pieces(), **SPECIAL), TEXT, " ".join([TEXT, SECOND, TEXT])
    plain = copy.deepcopy(model).eval()
    with torch.no_grad():  # in this order: the first is read in blocks
        expected = {text: plain(**tokenizer(text, return_tensors="pt")).logits[0] for text in (long, short)}
        otherwise = plain(**tokenizer(long, return_tensors="pt")).logits[0]
    assert float((otherwise - expected[long]).abs().max()) > 0.01
    before = state_of_model(model), list(map(id, model.modules()))
    subject = interpret.load(model, tokenizer=tokenizer)
    for text in (short, long):
        example = subject.encode(text)
        torch.testing.assert_close(subject.decide(example).logits, expected[text], atol=1e-5, rtol=1e-5)
        assert all(check.passed for check in subject.record(example)[1])
    whole(subject, short)
    assert (state_of_model(model), list(map(id, model.modules()))) == before


def test_the_users_calls_of_a_tokenizer_change_nothing_for_a_subject():
    model, tokenizer = of_kind("classifier", "bert")
    subject = interpret.load(model, tokenizer=tokenizer)
    expected = subject.encode(TEXT).ids.tolist()
    tokenizer([TEXT, "a"], padding="max_length", truncation=True, max_length=5)
    tokenizer.backend_tokenizer.enable_truncation(3)
    assert subject.encode(TEXT).ids.tolist() == expected


def test_a_replacer_stays_in_the_mode_that_it_is_in():
    model = HEADS["filling"].from_config(random_model("filling", "bert", word_pieces()).config).train()
    MaskedModel("mine", model, word_pieces(), mask_id=4)
    assert model.training
