"""Conversion of results to JSON, and a compact encoding of attention maps for HTML pages."""
