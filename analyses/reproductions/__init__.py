"""Published tables, computed on any model: what a paper measured, to hold beside its figures."""
