"""Explanations of a decision, one method a file, and their faithfulness test by erasure (`faithfulness.py`)."""
