"""Explanations judged by what words do: on one text (`judge.py`), ranked over many (`over_texts.py`), and named."""
