"""Translations: the alignment that cross-attention shows, and its error rate."""
