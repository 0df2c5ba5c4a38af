"""Explanations held against words that are marked, over the texts of a study."""
