"""Published tests of attention as explanation, as their papers define them; one method a file.

`battery.py` runs those of one decision and `over_texts.py` summarises them over many. They act on the decision row,
in all heads alike. Edits touch tokens of words only: special tokens keep their weights, and where weights are
renormalised, the words keep their sum. The papers have no special tokens in their rows. Dropout is off because a
`Subject` keeps its model in evaluation mode.

`frozen.py`, `seed_variance.py` and `retrained_adversary.py` train native classifiers instead of editing a model, so
their results are about a task and an architecture, not about one model.
"""
