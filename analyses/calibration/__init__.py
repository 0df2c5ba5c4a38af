"""Error rates of verdicts, measured on planted models, for which it is known whether attention explains them."""
