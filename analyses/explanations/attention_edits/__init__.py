"""Explanations from changed attention: words that attention may no longer read, or read less."""
