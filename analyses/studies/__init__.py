"""A study: one model over many rows of a data set, in chunks that can be stopped and taken up again."""
