"""Explanations from gradients, of embeddings or of attention."""
