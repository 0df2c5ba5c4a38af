"""The well-known tests of attention on one decision, as their papers define them; one method a file.

All act on the row that the decision is read from, in every head alike. Edits touch the tokens of words only: special
tokens keep their weights, and so does the sum over words where weights are renormalised. The papers have no such
tokens in their rows. Dropout is off throughout, for a `Subject` keeps its model in evaluation mode.
"""
