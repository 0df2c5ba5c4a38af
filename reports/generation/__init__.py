"""The page of a text that a model writes, token by token."""
