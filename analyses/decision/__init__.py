"""One decision, whole: `analyze.py` runs every analysis of it, and `schema.py` writes it as JSON."""
