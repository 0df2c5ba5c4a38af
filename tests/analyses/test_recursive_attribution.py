"""Recursive attribution, against layers written out in loops, and on a model that is built to copy a copy."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from layers_by_loops import GPT2, LLAMA, MARIAN_CROSS, MARIAN_ENCODER, MARIAN_SELF, LayerByLoops, layers_by_loops
from saved_models import save_gpt2, save_llama
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
from translators_for_tests import save_translator

import interpret
from analyses import RecursiveAttribution, recursive_attribution
from interpret.errors import InputError

TEXT, WRITTEN = "The cat sat on the", " mat and the cat sat"
DECODER = [(names, layer) for layer in (0, 1) for names in (MARIAN_SELF, MARIAN_CROSS)]
CASES = {
    "gpt2": (save_gpt2, [(GPT2, 0), (GPT2, 1)]),
    "llama": (save_llama, [(LLAMA, 0), (LLAMA, 1)]),
    "marian": (lambda folder: save_translator(folder, "marian"), [(MARIAN_ENCODER, 0), (MARIAN_ENCODER, 1), *DECODER]),
}


@pytest.fixture(scope="module", params=CASES)
def known(request, tmp_path_factory):
    """A subject, a text with what follows it, and each attention layer of both, written out."""
    save, calls = CASES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    save(folder)
    subject = interpret.load(folder)
    continuation = subject.writer.continuation(TEXT, WRITTEN)
    last = continuation.examples[-1]
    token = ~last.expected if request.param == "marian" else last.expected
    whole = replace(last, ids=torch.cat([last.ids, torch.tensor([token])]))
    return subject, continuation, layers_by_loops(subject, whole, calls), len(whole.ids)


def l1(vector: np.ndarray) -> float:
    return float(sum(abs(number) for number in vector))


def importance_by_loops(layers: list[LayerByLoops], length: int, weights: dict[int, float]) -> np.ndarray:
    """What each position adds to the weighted sum of rows, edge by edge."""
    importance = np.zeros(length)
    for layer in layers:
        rows = [(i, weights[position]) for i, position in enumerate(layer.rows) if weights.get(position)]
        if not rows:
            continue
        whole = sum(weight * layer.output[i] for i, weight in rows)
        kept = sum(weight * layer.norm(layer.residual[i], i) for i, weight in rows)
        found = np.zeros(length)
        for head in layer.heads:
            for j, position in enumerate(layer.keys):
                part = sum(weight * layer.norm(head[i][j], i) for i, weight in rows)
                found[position] += max(0.0, l1(whole) - l1(whole - part))
        importance += found / (found.sum() + max(0.0, l1(whole) - l1(whole - kept)))
    return importance


@pytest.mark.parametrize("answer", [slice(-2, None), slice(1, 2), None])
@pytest.mark.parametrize("as_published", [False, True])
def test_shares_are_those_of_loops(known, answer, as_published):
    subject, continuation, layers, length = known
    found = recursive_attribution(subject, continuation, answer=answer, hops=2, as_published=as_published)
    prompt = continuation.examples[0]
    first, before = len(prompt.ids), 0 if as_published else 1
    tokens = list(range(first, length))[slice(None) if answer is None else answer]
    assert found.answer == (tokens[0] - first, tokens[-1] - first + 1)
    weights, carried = {token - before: 1 / len(tokens) for token in tokens}, 1.0
    for hop in range(3):
        importance = importance_by_loops(layers, length, weights)
        total, written = importance.sum(), importance[first:].sum()
        shares = importance * carried / (1 if as_published else total)
        on_words = [sum(shares[token] for token in unit.tokens) for unit in prompt.units]
        np.testing.assert_allclose(found.hops[hop].numpy(), on_words, atol=1e-5)
        np.testing.assert_allclose(found.passed[hop].numpy(), shares[first:], atol=1e-5)
        assert float(found.elsewhere[hop]) == pytest.approx(shares[:first].sum() - sum(on_words), abs=1e-5)
        if not written:
            assert len(found.hops) == hop + 1
            break
        carried *= written / total
        weights = {place - before: importance[place] / written for place in range(first, length)}


def test_no_share_is_lost_or_made_and_none_is_left_in_the_end(known):
    subject, continuation, _, _ = known
    for hops in (0, 1, len(continuation.tokens)):
        found = recursive_attribution(subject, continuation, hops=hops)
        assert float(found.scores.sum() + found.elsewhere.sum()) + found.left == pytest.approx(1, abs=1e-6)
        assert found.words == continuation.examples[0].words
        for hop in range(1, len(found.hops)):
            carried = float(found.hops[hop].sum() + found.elsewhere[hop] + found.passed[hop].sum())
            assert carried == pytest.approx(float(found.passed[hop - 1].sum()), abs=1e-6)
    assert found.left == 0


def test_the_first_token_has_nothing_written_before_it(known):
    subject, continuation, _, _ = known
    direct, all_hops = (recursive_attribution(subject, continuation, answer=slice(1), hops=hops) for hops in (0, 9))
    assert direct.left == 0
    torch.testing.assert_close(all_hops.hops, direct.hops)


def copier(looks: dict[int, int]) -> interpret.Subject:
    """A GPT-2 of one head in which each position copies the token of another one, and adds it to its own."""
    width, letters = 32, "abcdefgh"
    config = GPT2Config(vocab_size=8, n_embd=width, n_layer=1, n_head=1, n_positions=8, n_inner=1, bos_token_id=None,
                        eos_token_id=None)  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    codes = torch.cat([torch.eye(8), -torch.eye(8)], dim=1)  # of mean 0 and equal size, which a norm only scales
    with torch.no_grad():
        for parameter in model.transformer.h.parameters():
            parameter.zero_()
        block = model.transformer.h[0]
        block.ln_1.weight.fill_(1)
        model.transformer.wte.weight.copy_(torch.cat([codes, torch.zeros(8, 16)], dim=1))
        model.transformer.wpe.weight.copy_(torch.cat([torch.zeros(8, 16), codes], dim=1))
        queries, keys, values = block.attn.c_attn.weight.split(width, dim=1)
        for place in range(8):
            queries[16 + place, looks.get(place, place)] = 30
            keys[16 + place, place] = 1
        values[:16, :16] = torch.eye(16)
        block.attn.c_proj.weight.copy_(2 * torch.eye(width))
    tokenizer = Tokenizer(models.WordLevel({letter: place for place, letter in enumerate(letters)}, unk_token="a"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return interpret.load(model, tokenizer=PreTrainedTokenizerFast(tokenizer_object=tokenizer))


def test_an_answer_that_copies_a_copy_leads_to_what_was_copied_first():
    """Row 3 writes "e" from "b", and row 5 writes the answer from "e"."""
    subject = copier({3: 1, 5: 4})
    given = ("a b c d", " e f b")
    direct = recursive_attribution(subject, *given, answer="b", hops=0)
    assert int(direct.passed[0].argmax()) == 0 and direct.left > 0.999
    found = recursive_attribution(subject, *given, answer="b")
    assert found.words[int(found.scores.argmax())] == "b" and float(found.scores.max()) > 0.999
    assert found.left < 1e-3
    published = recursive_attribution(subject, *given, answer="b", as_published=True)
    assert float(published.scores.max()) < 1e-3  # it reads the rows in which these tokens are read, not written


def test_an_answer_is_found_by_its_words(known):
    subject, continuation, _, _ = known
    found = recursive_attribution(subject, continuation, answer="cat sat")
    assert found.answer[1] == len(continuation.tokens)
    assert "".join("".join(continuation.tokens[slice(*found.answer)]).split()) == "catsat"


def test_what_is_written_may_be_the_models_own(known):
    subject = known[0]
    found = recursive_attribution(subject, TEXT, most=3)
    same = recursive_attribution(subject, subject.writer.continuation(TEXT, most=3))
    assert len(found.written) <= 3 and torch.equal(found.hops, same.hops)


def test_what_it_says_and_shows():
    found = RecursiveAttribution(
        ("cat", "mat"), (" so", " cat"), (1, 2), torch.tensor([[0.2, 0.1], [0.5, 0.0]]),
        torch.tensor([[0.6, 0.0], [0.05, 0.0]]), torch.tensor([0.1, 0.05]),
    )  # fmt: skip
    assert repr(found) == (
        "RecursiveAttribution of cat: 2 words x 2 written tokens x 1 hop\n"
        "  with all hops: cat 0.700, mat 0.100\n"
        "  directly: cat 0.200, mat 0.100\n"
        "  left on written tokens: 0.0500, 0.600 before any hop; on tokens in no word: 0.150"
    )
    frame = found.to_frame()
    assert list(frame.columns) == ["hop", "part", "place", "word", "share"] and len(frame) == 8
    assert frame.iloc[4].tolist() == [1, "text", 0, "cat", 0.5]
    assert frame.share.sum() == pytest.approx(0.8 + 0.65)
    assert list(found.pictures()) == ["scores", "hops"]
    assert found.pictures()["scores"]().values == pytest.approx([0.7, 0.1])
    assert found.pictures()["hops"]().values == found.hops.tolist()


def one_line(text):
    return f"^{re.escape(text)}$"


def test_what_cannot_be_asked_is_refused(gpt2, bert):
    follows = "".join(gpt2.writer.continuation(TEXT, WRITTEN).tokens)
    for answer in ("dog", " ", slice(9, 12), slice(None, None, 2), slice(3, 1)):
        message = (
            f"the answer {answer!r} must stand in what follows the text, {follows!r}; give words as they stand there, "
            "or a slice of its 5 tokens"
        )
        with pytest.raises(InputError, match=one_line(message)):
            recursive_attribution(gpt2, TEXT, WRITTEN, answer=answer)
    message = "hops must be 0 or more, not -1; 0 attributes the answer directly"
    with pytest.raises(InputError, match=one_line(message)):
        recursive_attribution(gpt2, TEXT, WRITTEN, hops=-1)
    message = f"{bert.name} is for text-classification, which writes no tokens; give a language model or a translator"
    with pytest.raises(InputError, match=one_line(message)):
        recursive_attribution(bert, TEXT, WRITTEN)
