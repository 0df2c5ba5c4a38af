"""What a row has prepared for a peer, and the same model without any library around it."""

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedModel


def given(settings: dict[str, Any]) -> Any:
    """What our side wrote for this one: ids, target, texts, scores."""
    return json.loads(Path(settings["input"]).read_text())


def language_model(settings: dict[str, Any], **options: Any) -> PreTrainedModel:
    """A causal language model on the device and in the precision of the run."""
    return _ready(AutoModelForCausalLM.from_pretrained(settings["model"], **options), settings)


def classifier(settings: dict[str, Any], **options: Any) -> PreTrainedModel:
    """A sequence classifier on the device and in the precision of the run."""
    return _ready(AutoModelForSequenceClassification.from_pretrained(settings["model"], **options), settings)


def margin(logits: torch.Tensor, target: int) -> torch.Tensor:
    """The target's logit minus the largest other one."""
    others = logits.float().clone()
    others[:, target] = -torch.inf
    return logits[:, target].float() - others.amax(dim=-1)


def _ready(model: PreTrainedModel, settings: dict[str, Any]) -> PreTrainedModel:
    return model.to(device=settings["device"], dtype=getattr(torch, settings["dtype"])).eval()
