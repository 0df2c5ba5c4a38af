"""Text-to-image diffusion models: a cross-attention heat map of each word."""
