"""Does it work on my model? What a model is, checks of all that is read from it, and a table of verified models."""
