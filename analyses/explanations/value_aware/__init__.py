"""Explanations by what positions add to each other: attention times value vectors, through projections and norms."""
