"""Exact linear parts of attention layers: the vector that each position adds to each other one, found in one pass."""
