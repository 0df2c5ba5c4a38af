"""Explanations from attention weights alone."""
