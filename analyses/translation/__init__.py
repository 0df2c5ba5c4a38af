"""Translations: word alignment by cross-attention, and its error rate."""
