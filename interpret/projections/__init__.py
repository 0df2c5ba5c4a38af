"""Output projections of attention layers, and the scores that a model answers with."""
