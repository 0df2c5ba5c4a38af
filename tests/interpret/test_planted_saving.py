"""Planted models written to folders, and read back as any model is."""

import numpy as np
import pytest
import torch

import interpret
from interpret.attention.recording import recording
from interpret.errors import InputError
from interpret.native.planted import FAMILIES, plant

HEADS = {"F1": 8, "X2": 4}  # others have two


@pytest.mark.parametrize("kind", ["native", "bert", "llama"])
@pytest.mark.parametrize("family", FAMILIES)
def test_saved_models_answer_by_the_formula(family, kind, tmp_path):
    model = plant(family, seed=2, layers=3, heads=HEADS.get(family, 2), norm="post" if kind == "bert" else "pre")
    if kind == "llama" and not FAMILIES[family].in_llama:
        with pytest.raises(InputError, match=f"family {family} needs .* save it with save_bert"):
            model.save_llama(tmp_path)
        return
    {"native": model.save, "bert": model.save_bert, "llama": model.save_llama}[kind](tmp_path)
    subject = interpret.load(tmp_path)
    assert subject.labels == ("negative", "positive")
    assert subject.is_causal == (kind == "llama")
    texts = model.texts(3, seed=0)
    for text, wanted, rows in zip(texts, model.logits(texts, kind=kind), model.attention(texts), strict=True):
        example = subject.encode(text)
        assert [unit.text for unit in example.units] == text.split()
        with torch.no_grad(), recording(subject.model) as record:
            logits = subject.logits(example.ids[None])[0].double().numpy()
        assert np.allclose(logits, wanted, rtol=1e-5, atol=1e-5)
        if kind == "llama":  # the reading token comes last, and the one to look away to first
            row, rows = record.weights(2)[0, :, -1].double().numpy(), np.roll(rows, -1, axis=1)
            order = [rows.shape[1] - 2, *range(rows.shape[1] - 2), rows.shape[1] - 1]
            assert np.allclose(row, rows[:, order], atol=1e-5)
        else:
            assert np.allclose(record.weights(2)[0, :, 0].double().numpy(), rows, atol=1e-5)


def test_llama_heads_share_keys_where_they_are_alike(tmp_path):
    for family, key_heads in (("F1", 1), ("X2", 4)):
        plant(family, heads=4).save_llama(tmp_path / family)
        assert interpret.load(tmp_path / family).model.config.num_key_value_heads == key_heads
