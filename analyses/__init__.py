"""Analyses of attention and of decisions, one method a file; `analyses.analyze` runs them all on one text."""
