"""Replacements from a masked language model: its own distribution, the tokens it may not give, and what is refused."""

import pytest
import torch
from subjects_for_tests import SENTENCE
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

import interpret
from analyses.verdicts.masked_model import MaskedModel
from interpret.errors import InputError


@pytest.fixture(scope="module")
def subject(saved):
    return interpret.load(saved / "bert")


@pytest.fixture(scope="module")
def folder(saved, tmp_path_factory):
    path = tmp_path_factory.mktemp("masked")
    tokenizer = AutoTokenizer.from_pretrained(saved / "bert")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=64, initializer_range=1.0,
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def test_words_are_drawn_as_often_as_the_model_finds_them_likely(folder, subject):
    resampler = MaskedModel.load(folder, subject)
    example = subject.encode(SENTENCE)
    unit = next(index for index, each in enumerate(example.units) if len(each.tokens) == 1)
    (place,) = example.units[unit].tokens
    ids = example.ids[None].clone()
    ids[0, place] = subject.mask_id
    with torch.no_grad():
        logits = BertForMaskedLM.from_pretrained(folder).eval()(input_ids=ids).logits[0, place].double()
    special = AutoTokenizer.from_pretrained(folder).all_special_ids
    logits[special] = -torch.inf
    likely = logits.softmax(0)
    drawn = resampler.draw(example, unit, [(number + 0.5) / 4000 for number in range(4000)])
    assert drawn.shape == (4000, 1)
    shares = torch.bincount(drawn[:, 0], minlength=len(likely)).double() / 4000
    torch.testing.assert_close(shares, likely, atol=1e-3, rtol=0)
    assert shares[special].sum() == 0


def test_each_unit_keeps_its_number_of_tokens_and_the_rest_stays(folder, subject):
    resampler = MaskedModel.load(folder, subject)
    example = subject.encode(SENTENCE)
    replaced = resampler.replaced(example, len(example.units), 3, torch.Generator().manual_seed(0))
    for index, unit in enumerate(example.units):
        elsewhere = [token for token in range(len(example.ids)) if token not in unit.tokens]
        assert (replaced[index][:, elsewhere] == example.ids[elsewhere]).all()
    assert resampler.name.startswith("masked language model ") and str(folder) in resampler.name


def test_another_vocabulary_and_no_model_are_refused(folder, subject, tmp_path, saved):
    with pytest.raises(InputError, match="cuts texts into other tokens than"):
        MaskedModel.load(folder, interpret.load(saved / "llama"))
    with pytest.raises(InputError, match=r"^the masked language model .* can't be loaded"):
        MaskedModel.load(tmp_path / "nothing", subject)
