"""Traces which attention calls each tensor of a running forward pass was made from, and its axis of positions."""
