"""Explanations of a decision, one method a file, and the test that holds them against deletions (`faithfulness.py`)."""
