"""Reads attention by watching a model's own code while it runs, for modules that bypass the attention interface.

Models that don't take an attention function from outside (DeBERTa, Bloom, PyTorch's own `nn.MultiheadAttention`,
modules of users) still call the same few functions of PyTorch: a fused kernel, or a softmax and then a product with
values. `watched` sees these calls through a `TorchFunctionMode`, which lasts as long as a forward pass of the model and
changes no class. Modules of transformers that compute attention in blocks or bands are read as a whole when they are
done, if it is known where their values enter and their heads leave.
"""

from interpret.attention.observed.mode import unwatched
from interpret.attention.observed.module_hooks import watched

__all__ = ["unwatched", "watched"]
