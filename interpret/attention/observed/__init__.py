"""The second way to a model's attention: watching its own code while it runs.

Models that don't take an attention function from outside (DeBERTa, Bloom, PyTorch's own `nn.MultiheadAttention`, a
module somebody wrote last week) still say the same few words to PyTorch: a fused kernel, or a softmax and then a
product with values. `watched` hears them through a `TorchFunctionMode`, which lasts as long as a forward pass of the
model and changes no class. Modules of transformers that compute attention in blocks or bands, and of which it is known
where values enter and heads leave, are read as a whole when they are done. All this is used only where the seam's first
way doesn't lead.
"""

from interpret.attention.observed.mode import unwatched
from interpret.attention.observed.module_hooks import watched

__all__ = ["unwatched", "watched"]
