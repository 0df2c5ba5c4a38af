"""Modes in which a model is asked: evaluation, and gradients on."""
