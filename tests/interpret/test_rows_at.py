"""Some rows of attention, of texts that are read in blocks and of texts that aren't."""

import pytest
import torch
from tiny_models import tiny_inputs, tiny_model

from interpret.attention import call as attention_call
from interpret.attention.recording import recording


@pytest.mark.parametrize("family", ["llama", "gpt_oss", "gemma2"])
@pytest.mark.parametrize("rows", [[0], [8], [2, 3, 7], list(range(9))])
def test_rows_are_those_that_the_model_shows(family, rows, monkeypatch):
    inputs = tiny_inputs("causal")
    with torch.no_grad():
        shown = tiny_model("causal", family, kernel="eager")(**inputs, output_attentions=True).attentions
    for at_once in (attention_call.WEIGHTS_AT_ONCE, 1):
        monkeypatch.setattr(attention_call, "WEIGHTS_AT_ONCE", at_once)
        monkeypatch.setattr(attention_call, "LEAST_ROWS", 4)
        model = tiny_model("causal", family)
        with torch.no_grad(), recording(model) as record:
            model(**inputs)
        for call, weights in zip(record.calls, shown, strict=True):
            assert torch.allclose(call.rows_at(rows), weights[:, :, rows], atol=1e-5)
            assert ("weights" in call.__dict__) == (at_once > 1)
