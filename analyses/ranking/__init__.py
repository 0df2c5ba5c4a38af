"""Explanations of a decision judged by what words do to it, on one text (`judge.py`)."""
