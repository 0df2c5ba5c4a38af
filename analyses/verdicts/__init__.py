"""Verdicts on attention, and the measurements they rest on, one a file.

Measurements say whether the model uses the decision row's weights, and whether these rank the words by their effects.
Each takes a `DecisionRow` (`interpret/interventions/decision_row.py`) of equally long texts and their `Content`, and
returns a value for each text.
"""
