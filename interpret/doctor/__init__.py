"""`interpret doctor`: description of a model, checks of all that is read from it, and a table of verified models."""
