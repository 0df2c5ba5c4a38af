"""bertviz: the pages of all heads of a text."""

from collections.abc import Callable
from typing import Any

import torch
from bertviz import head_view, model_view

from benchmarks.peers.shared import classifier, given


def pages(settings: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """The size of head_view and model_view together in bytes, and one row of attention to compare."""
    model, task = classifier(settings, attn_implementation="eager"), given(settings)
    ids = torch.tensor([task["ids"]], device=settings["device"])
    with torch.no_grad():
        attention = model(input_ids=ids, output_attentions=True).attentions
    pages = [view(attention, task["tokens"], html_action="return").data for view in (head_view, model_view)]
    found = {"bytes": sum(len(page.encode()) for page in pages), "row": attention[0][0, 0, 5].tolist()}
    return lambda: found
