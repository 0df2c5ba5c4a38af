"""Check that gradients of the scores by inputs and head outputs are finite."""

from typing import Any

import torch
from torch import Tensor, nn

from interpret.attention.recording import recording
from interpret.doctor.check_result import CheckResult
from interpret.projections.scores import joined, model_scores

GRADIENTS = "gradients are finite"


def check_gradients(model: nn.Module, inputs: dict[str, Tensor]) -> CheckResult:
    """Takes the gradient of a mix of all scores by the input embeddings (or pixels) and by every head output.

    Args:
        model: A model; its parameters get no gradient.
        inputs: Arguments of its `forward`.

    Returns:
        Failed if a gradient is infinite or NaN, if all are zero, or if the model drops gradients inside.
    """
    embedded: list[Tensor] = []

    def detached(_module: nn.Module, _args: Any, output: Tensor) -> Tensor:
        embedded.append(output.detach().requires_grad_())
        return embedded[-1].clone()  # a model may modify it in place

    pixels = {name: value.requires_grad_() for name, value in _copied(inputs).items() if value.is_floating_point()}
    embedding = _embedding(model)
    hooks = [embedding.register_forward_hook(detached)] if embedding else []
    try:
        with torch.enable_grad(), recording(model) as record:
            scores = joined(model_scores(model, {**inputs, **pixels})).float()
            mixed = scores.flatten() @ torch.linspace(-1, 1, scores.numel(), device=scores.device)
    finally:
        for hook in hooks:
            hook.remove()
    written = [record.output(layer) for layer in range(len(record))]
    heads = [each for each in written if each.requires_grad]
    sources = [*pixels.values(), *embedded]
    if not mixed.requires_grad:
        return CheckResult(GRADIENTS, "failed", detail="the answer depends on nothing that has a gradient")
    if len(heads) < len(written):
        lost = len(written) - len(heads)
        return CheckResult(GRADIENTS, "failed", detail=f"{lost} of {len(written)} layers are computed without them")
    gradients = torch.autograd.grad(mixed, [*sources, *heads], allow_unused=True)
    return _result(gradients[: len(sources)], gradients[len(sources) :], len(record))


def _copied(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in inputs.items()}


def _embedding(model: nn.Module) -> nn.Module | None:
    try:
        found = model.get_input_embeddings()  # type: ignore[operator]
    except (AttributeError, NotImplementedError, TypeError):
        return None
    return found if isinstance(found, nn.Embedding) else None


def _result(inputs: tuple[Tensor | None, ...], heads: tuple[Tensor | None, ...], layers: int) -> CheckResult:
    known = [gradient for gradient in (*inputs, *heads) if gradient is not None]
    if any(not torch.isfinite(gradient).all() for gradient in known):
        return CheckResult(GRADIENTS, "failed", detail="a gradient is infinite or not a number")
    if not any(gradient.any() for gradient in known):
        return CheckResult(GRADIENTS, "failed", detail="every gradient is zero")
    reached = sum(gradient is not None and bool(gradient.any()) for gradient in heads)
    detail = f"by the heads of {reached} of {layers} layers"
    if any(gradient is not None and gradient.any() for gradient in inputs):
        detail = f"by the input, and {detail}"
    return CheckResult(GRADIENTS, "passed", detail=detail)
