"""The well-known tests of attention, as their papers define them; one method a file.

`battery.py` runs those of one decision and `over_texts.py` adds them up over many. They act on the row that the
decision is read from, in every head alike. Edits touch the tokens of words only: special tokens keep their weights, and
so does the sum over words where weights are renormalised. The papers have no such tokens in their rows. Dropout is off,
for a `Subject` keeps its model in evaluation mode.

`frozen.py`, `seed_variance.py` and `retrained_adversary.py` train native classifiers instead of editing one, and so say
something about a task and an architecture, not about one model.
"""
