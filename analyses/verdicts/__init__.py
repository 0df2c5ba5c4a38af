"""What the verdict rests on, one measurement a file: does the model use these weights, and do they rank what matters?

Each takes a `DecisionRow` (`interpret/interventions/decision_row.py`) of equally long texts and their `Content`, and
answers for each text.
"""
