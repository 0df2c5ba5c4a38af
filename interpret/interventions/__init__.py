"""Recomputes decisions under changed attention: other weights in a row, other head outputs, many edits in one pass."""
