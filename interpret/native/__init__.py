"""Small transformers written to be read; every analysis works on them as on any other model.

Start with `attention.py`, which has the formula; then `blocks.py`, `classifier.py` and `language_model.py`.
"""

from interpret.native.attention import MultiHeadAttention
from interpret.native.blocks import DecoderBlock, EncoderBlock
from interpret.native.classifier import TransformerClassifier
from interpret.native.config import ClassifierConfig, LanguageModelConfig
from interpret.native.language_model import TransformerLanguageModel
from interpret.native.linear import LinearAttention
from interpret.native.storing import NativeModel, is_native, load, load_sentiment, save
from interpret.native.window import WindowAttention

__all__ = [
    "ClassifierConfig",
    "DecoderBlock",
    "EncoderBlock",
    "LanguageModelConfig",
    "LinearAttention",
    "MultiHeadAttention",
    "NativeModel",
    "TransformerClassifier",
    "TransformerLanguageModel",
    "WindowAttention",
    "is_native",
    "load",
    "load_sentiment",
    "save",
]
