"""How often verdicts are wrong: measured on planted models, of which it is known whether attention explains them."""
