"""Studies: one model over many rows of a data set, in chunks that can be interrupted and resumed."""
