"""Inputs of a model: texts, words, tokens, images and patches, and how they are put together."""
