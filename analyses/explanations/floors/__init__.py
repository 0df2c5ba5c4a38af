"""Baselines that know nothing of the model: what an explanation must beat."""
