"""Weights around the attention of a layer: its output projection, and what a head adds to the residual stream."""
