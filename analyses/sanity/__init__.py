"""Sanity checks of explanations: whether they change with the model's weights, and with nothing that doesn't matter."""
