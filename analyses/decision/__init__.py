"""Complete analysis of one decision: `analyze.py` runs every part, and `schema.py` says what its JSON holds."""
