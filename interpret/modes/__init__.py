"""Blocks that put a model in evaluation mode or switch gradients on, and tensors with changed gradients."""
