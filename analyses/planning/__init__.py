"""Estimates of an analysis's time and memory, before it runs."""
