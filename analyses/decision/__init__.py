"""Complete analysis of one decision: `analyze.py` runs every part, and `schema.py` writes it as JSON."""
