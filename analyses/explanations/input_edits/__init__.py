"""Explanations from changed inputs: words taken out, alone or together."""
