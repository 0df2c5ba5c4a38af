"""Decisions as functions of attention: other weights for one row, other head outputs, many variants in one pass."""
